"""How well the search's choice of finalists agrees with what finalists turn out to be.

    python benchmarks/selection.py RUN --out build/selection.jsonl

Every student that a finished search trained fully is trained anew as finalists are (the epochs of
`final`, one seed), and its utility is measured on the TEST split: the fitness of its clean result
on all texts and of the search's attack on `--attacked` of them. Rank correlations (Spearman) with
that tell how good a choice is: by the fitness that the search measured, or by the posterior of its
model with and without the race. A stopped benchmark goes on where it was.

`--resampled N` takes these results for the truth of N made-up searches and races, in which nothing
but the texts is chance: what is lost by choosing the student that measures best.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from common import commit
from scipy.stats import spearmanr

from rosearch.attacks.engine import attacked
from rosearch.attacks.result import robustness
from rosearch.config import RunConfig, codings_of, final_plan
from rosearch.distill.train import train_student
from rosearch.evaluation.context import Context
from rosearch.evaluation.fitness import accuracy_in, fitness
from rosearch.models.classifier import Classifier
from rosearch.results.folder import RunFolder
from rosearch.results.store import Store
from rosearch.run.prepare import prepare
from rosearch.run.racing import rounds
from rosearch.run.space import space_of
from rosearch.space.cost import compression, efficiency, params
from rosearch.space.genotype import Genotype
from rosearch.space.variation import Space
from rosearch.strategies.points import choose, contenders
from rosearch.strategies.population import fitness as fitness_of
from rosearch.strategies.population import last_rung
from rosearch.strategies.posterior import Standard, posterior
from rosearch.tasks.named import task_of
from rosearch.types import Json, Robustness, Score, Trial


def truth(g: Genotype, config: RunConfig, context: Context, n: int, seed: int) -> Json:
    """What a student trained as a finalist reaches on the test split."""
    training = final_plan(config).training
    model = train_student(g, context.train, context.distill, training, seed)
    student = Classifier.of(model, context.train.tokenizer(g))
    classes, split, found = student.counts(context.test), context.test.sample(n), {}
    for suite in config.search.suites:
        results = attacked(context.attacks(suite, exact=False), student, split.texts, split.labels)
        found[suite] = robustness(suite, results, context.test.labels)
    metric, size = context.fitness.metric, params(g, context.sizes)
    return {
        "id": g.hash,
        "seed": seed,
        "n": n,
        "utility": fitness(classes, found, size, context),
        "accuracy": accuracy_in(metric, classes),
        "robustness": min(c.after(metric) for c in found.values()),
        "params": size,
    }


def truths(students: Sequence[Genotype], config: RunConfig, out: Path, n: int) -> dict[str, Json]:
    """Of all students, by id; what is in the file already is not measured again."""
    lines = out.read_text("utf-8").splitlines() if out.exists() else []
    done = {found["id"]: found for found in map(json.loads, lines)}
    missing = [g for g in students if g.hash not in done]
    if missing:
        context = prepare(config, task_of(config.task, config.seed)).context
        for k, g in enumerate(missing, start=1):
            found = truth(g, config, context, n, config.seed + 1)
            with out.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(found) + "\n")
            done[g.hash] = found
            print(f"{k}/{len(missing)} {g.hash} utility {found['utility']:.3f}", flush=True)
    return done


@dataclass(frozen=True)
class Searched:
    """A finished search; `teacher` is the number of its teacher's parameters."""

    config: RunConfig
    trials: Sequence[Trial]
    raced: Sequence[Trial]
    space: Space
    standard: Standard
    teacher: int


def searched(store: Store) -> Searched:
    """What a store holds of its last rung."""
    meta = store.meta()
    config = meta.run_config
    config = replace(config, teacher=replace(config.teacher, weak="keep"))
    assert meta.teacher_accuracy and meta.reference_accuracy and meta.summary
    size = meta.summary.teacher.params
    return Searched(
        config,
        [t for t in last_rung(store.trials()) if t.score],
        store.raced(),
        space_of(config.space, codings_of(config), meta.sizes, size),
        Standard(config.fitness, meta.teacher_accuracy, meta.reference_accuracy),
        size,
    )


def compared(run: Searched, found: Mapping[str, Json]) -> Json:
    """Rank correlations of each value to choose by with the truth, and who would be chosen."""
    trials, raced, config = run.trials, run.raced, run.config
    alone = posterior(trials, [], run.space, run.standard)
    after = posterior(trials, raced, run.space, run.standard)
    names = {"fitness": "utility", "accuracy": "accuracy", "robustness": "robustness"}
    rho = {}
    for quantity, key in names.items():
        truth_of = np.array([found[t.candidate.id][key] for t in trials])
        ways = {
            "measured": alone.beliefs[quantity].measured,
            "posterior": alone.beliefs[quantity].mean,
            "posterior after the race": after.beliefs[quantity].mean,
        }
        rho[quantity] = {
            way: round(float(spearmanr(v, truth_of).statistic), 3) for way, v in ways.items()
        }
    luckiest = sorted(trials, key=fitness_of, reverse=True)[: config.final.finalists]
    chosen = choose(after, config.final.finalists)
    seconds = [t.score.train_seconds + t.score.attack_seconds for t in trials if t.score]
    more = [t.score.train_seconds + t.score.attack_seconds for t in raced if t.score]
    return {
        "commit": commit(),
        "students": len(trials),
        "spearman": rho,
        "chosen by fitness": [found[t.candidate.id] for t in luckiest],
        "chosen": [{"points": f.points, **found[f.trial.candidate.id]} for f in chosen],
        "search seconds": round(sum(seconds), 1),
        "race seconds": round(sum(more), 1),
    }


def fitness_at(score: Score, accuracy: float, robustness: float, w: Standard, size: int) -> float:
    """Fitness of a student of that accuracy and after-attack accuracy; `size` is the teacher's."""
    f, full = w.fitness, w.teacher_accuracy
    small = efficiency(compression(size, score.params), f.target_compression)
    clean = f.accuracy * accuracy - f.shortfall * max(0.0, w.min_accuracy - accuracy)
    return f.robustness * robustness / accuracy + clean / full + f.efficiency * small


def made(t: Trial, true: Json, n: int, w: Standard, size: int, rng: np.random.Generator) -> Trial:
    """A result of a student as it is in truth, on other texts, `n` of them attacked."""
    score = t.score
    assert score is not None
    clean = rng.binomial(score.n_clean, true["accuracy"]) / score.n_clean
    after = rng.binomial(n, true["robustness"])
    attacks = {"made up": Robustness("made up", n, round(n * clean), int(after), 0)}
    value = fitness_at(score, clean, after / n, w, size)
    return replace(t, score=replace(score, clean=clean, attacks=attacks, fitness=value, classes=()))


def resampled(
    run: Searched, found: Mapping[str, Json], texts: int, n: int
) -> dict[str, tuple[float, float]]:
    """Of N made-up searches: mean rank correlation with the truth, and mean fitness that the
    choice loses."""
    kept = defaultdict[str, list[tuple[float, float]]](list)
    real = np.array(
        [
            fitness_at(t.score, true["accuracy"], true["robustness"], run.standard, run.teacher)
            for t in run.trials
            if t.score and (true := found[t.candidate.id])
        ]
    )
    for k in range(n):
        rng = np.random.default_rng(k)

        def again(t: Trial, attacked: int, rng: np.random.Generator = rng) -> Trial:
            return made(t, found[t.candidate.id], attacked, run.standard, run.teacher, rng)

        one, raced = [again(t, run.config.search.attacked) for t in run.trials], list[Trial]()
        first = believed = posterior(one, raced, run.space, run.standard)
        for number, r in enumerate(rounds(run.config, one, texts)):
            near = contenders(believed, r.contenders)
            fresh = [replace(again(t, r.fidelity.attacked), rung=number) for t in near]
            if r.seed is not None:
                fresh = [replace(t, candidate=replace(t.candidate, seed=r.seed)) for t in fresh]
            raced += fresh
            believed = posterior(one, raced, run.space, run.standard)
        for way, values in (
            ("measured", first.beliefs["fitness"].measured),
            ("posterior", first.beliefs["fitness"].mean),
            ("posterior after the race", believed.beliefs["fitness"].mean),
        ):
            lost = real.max() - real[int(values.argmax())]
            kept[way].append((float(spearmanr(values, real).statistic), float(lost)))
    means = {way: np.mean(pairs, axis=0).round(3) for way, pairs in kept.items()}
    return {way: (float(m[0]), float(m[1])) for way, m in means.items()}


def main() -> None:
    """Measure what is missing, print the correlations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/selection.jsonl"))
    parser.add_argument("--attacked", type=int, default=300, help="test texts")
    parser.add_argument("--resampled", type=int, default=0, help="made-up searches")
    arguments = parser.parse_args()
    run = searched(RunFolder(arguments.run).open())
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    genotypes = [t.candidate.genotype for t in run.trials]
    found = truths(genotypes, run.config, arguments.out, arguments.attacked)
    result = compared(run, found)
    if arguments.resampled:
        texts = next(t.score.n_clean for t in run.trials if t.score)
        result["resampled"] = resampled(run, found, texts, arguments.resampled)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
