"""How well the search's choice of finalists agrees with what finalists turn out to be.

    python benchmarks/selection.py RUN --out build/selection.jsonl

Every student that a finished search trained fully is trained anew as finalists are (the epochs of
`final`, one seed), and its utility is measured on the TEST split: the fitness of its clean result
on all texts and of the search's attack on `--attacked` of them. Rank correlations (Spearman) with
that tell how good a choice is: by the fitness that the search measured, or by the posterior of its
model with and without the race. A stopped benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
from rosearch.run.space import space_of
from rosearch.space.cost import params
from rosearch.space.genotype import Genotype
from rosearch.strategies.points import choose
from rosearch.strategies.population import fitness as fitness_of
from rosearch.strategies.population import last_rung
from rosearch.strategies.posterior import Standard, posterior
from rosearch.tasks.named import task_of
from rosearch.types import Json, Trial


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


def compared(
    store: Store, config: RunConfig, trials: Sequence[Trial], found: Mapping[str, Json]
) -> Json:
    """Rank correlations of each value to choose by with the truth, and who would be chosen."""
    meta, raced = store.meta(), store.raced()
    assert meta.teacher_accuracy and meta.summary
    teacher = meta.summary.teacher.params
    space = space_of(config.space, codings_of(config), meta.rows, len(meta.label_names), teacher)
    standard = Standard(config.fitness, meta.teacher_accuracy)
    alone = posterior(trials, [], space, standard)
    after = posterior(trials, raced, space, standard)
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


def main() -> None:
    """Measure what is missing, print the correlations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/selection.jsonl"))
    parser.add_argument("--attacked", type=int, default=300, help="test texts")
    arguments = parser.parse_args()
    store = RunFolder(arguments.run).open()
    config = store.meta().run_config
    config = replace(config, teacher=replace(config.teacher, weak="keep"))
    trials = [t for t in last_rung(store.trials()) if t.score]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    genotypes = [t.candidate.genotype for t in trials]
    found = truths(genotypes, config, arguments.out, arguments.attacked)
    print(json.dumps(compared(store, config, trials, found), indent=2))


if __name__ == "__main__":
    main()
