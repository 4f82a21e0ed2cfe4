"""How fast searches find good students: hypervolume over time, RoSearch against simpler searches.

    pip install -r benchmarks/search-requirements.txt        # Optuna; without it the rest runs
    python benchmarks/search.py --minutes 20 --seeds 5 --out build/search --json search.json

Every method runs once a seed, one evaluation at a time on one thread, from the same prepared task,
the same space and the same first genotypes. Time counts asking, training, attacking and telling;
preparation is not counted. A stopped benchmark goes on where it was: finished evaluations are told
again with the time that they took. So is an evaluation in full of a genotype that a method with the
same seed has trained from scratch before: it would give the same score.

The hypervolume is that of after-attack accuracy, clean accuracy and parameters of the candidates
evaluated in full (trained on the whole schedule and attacked with the full attack), as a share of
the box between the reference (after-attack 0, clean accuracy of guessing, the most parameters
allowed) and the ideal (1, 1, 0). So what rungs learn cheaply counts only once it is confirmed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from common import commit
from intervals import half_width
from moocore import hypervolume
from search_methods import ENGINES, METHODS, Method, Problem, available

from rosearch.config import (
    RunConfig,
    codings_of,
    make_config,
    merged,
    objectives_of,
    setting,
)
from rosearch.errors import one_line
from rosearch.evaluation.candidate import evaluate
from rosearch.evaluation.context import Context
from rosearch.io.threads import one_thread
from rosearch.objectives import DEFAULT, PARAMS, Objective, oriented
from rosearch.results.rows import score_of
from rosearch.results.summary import machine, versions
from rosearch.robustness.journal import Journal
from rosearch.run.prepare import prepare
from rosearch.run.reference import reference_accuracy
from rosearch.run.search import chance_accuracy
from rosearch.run.space import seed_genotypes, space_of
from rosearch.space.variation import Space
from rosearch.strategies.posterior import Standard
from rosearch.tasks.named import task_of
from rosearch.types import Job, Json, Trial

USUAL = ("rungs", "full", "ageing", "random", "nsga2")
BASELINES = ("full", "ageing")
SHARES = (0.25, 0.5, 1.0)  # of the time, at which methods are compared


@dataclass(frozen=True)
class Run:
    """One method with one seed.

    Attributes:
        ends: (N,) seconds after which each evaluation in full ended.
        values: (N,) hypervolume then.
        evaluations: of each rung; `repeated` of these were known genotypes.
    """

    method: str
    seed: int
    ends: np.ndarray
    values: np.ndarray
    evaluations: Mapping[int, int]
    repeated: int
    failed: int

    def at(self, seconds: float) -> float:
        """Hypervolume after so many seconds."""
        known = np.searchsorted(self.ends, seconds, side="right")
        return float(self.values[known - 1]) if known else 0.0

    def reaches(self, value: float) -> float:
        """Seconds after which the hypervolume is at least `value`; infinite if it never is."""
        return first(self.ends, self.values >= value)

    def mean(self, seconds: float) -> float:
        """Mean hypervolume over the time up to `seconds`: large for what is found early."""
        ends = np.clip([*self.ends, seconds], 0, seconds)
        return float(np.sum(np.diff(ends) * self.values) / seconds) if len(self.values) else 0.0


def search(
    method: Method,
    config: RunConfig,
    context: Context,
    path: Path,
    key: str,
    minutes: float,
    clock: str,
    evaluated: dict[tuple[str, int], Json],
) -> None:
    """Run a method until its time is used up; every result is a line of the journal `path`.

    Args:
        clock: which time is limited, `seconds` (wall) or `cpu_seconds`.
        evaluated: lines that are told again, by candidate and rung; those of this search are added.
    """
    spent = 0.0
    with Journal(path, "search", key) as journal, one_thread():
        while spent < 60 * minutes:
            start, used = time.perf_counter(), time.process_time()
            job = method.ask()
            line = journal.known.get(job.index)
            same = job.candidate.id, job.rung
            if line is None and same in evaluated:
                line = {**evaluated[same], "index": job.index}
                journal.add(line)
            elif line is None:
                trial = outcome(job, context)
                line = line_of(job, trial)
                line["seconds"] = time.perf_counter() - start
                line["cpu_seconds"] = time.process_time() - used
                journal.add(line)
                print(
                    f"{path.stem}: job {job.index}, rung {job.rung}, {line[clock]:.1f} s",
                    flush=True,
                )
            assert line["id"] == job.candidate.id, f"{path} is of another search"
            evaluated.setdefault(same, line)
            method.tell(job, trial_of(job, line))
            spent += line[clock]


def outcome(job: Job, context: Context) -> Trial:
    """Evaluate; what raises is a failed trial, as in a run."""
    try:
        return Trial(job.candidate, evaluate(job, context), rung=job.rung)
    except Exception as error:
        return Trial(job.candidate, error=one_line(error), rung=job.rung)


def line_of(job: Job, trial: Trial) -> Json:
    """What the journal keeps of a trial."""
    score = None if trial.score is None else asdict(trial.score)
    return {
        "index": job.index,
        "id": job.candidate.id,
        "rung": job.rung,
        "score": score,
        "error": trial.error,
    }


def trial_of(job: Job, line: Json) -> Trial:
    """The trial of a line of the journal."""
    score = line["score"] and score_of(line["score"])
    return Trial(job.candidate, score, line["error"], line["rung"])


def box_of(
    objectives: Sequence[Objective], classes: int, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where volume begins and ends (K,) and the unit it is told in (K,); more is better."""
    found = []
    for o in objectives:
        worst = float(most) if o == PARAMS else o.worst
        if worst is None or o.ideal is None:
            raise SystemExit(f"search.objectives: nothing tells how bad {o.name} can be")
        # Guessing is no accuracy.
        start = worst if o.reference is None else o.reference(np.zeros(0), 1 / classes)
        found.append((o.sign * start, o.sign * o.ideal, abs(o.ideal - worst)))
    start, end, unit = np.array(found).T
    return start, end, unit


def read_run(
    path: Path,
    method: str,
    seed: int,
    last: int,
    classes: int,
    most: int,
    clock: str,
    objectives: Sequence[Objective] = DEFAULT,
) -> Run:
    """A journal as a curve.

    Args:
        last: the rung that evaluates in full.
        most: parameters at which a student adds nothing.
        clock: see `search`.
    """
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    ends = np.cumsum([line[clock] for line in lines])
    full = [
        (end, score_of(line["score"]))
        for end, line in zip(ends, lines, strict=True)
        if line["score"] and line["rung"] == last
    ]
    start, end, unit = box_of(objectives, classes, most)
    found = np.array([oriented(s, objectives) for _, s in full]).reshape(-1, len(unit))
    points, reference = (end - found) / unit, (end - start) / unit  # minimised
    # A dominated point changes nothing, so the best known so far are enough; N is small anyway.
    values = [
        hypervolume(points[: n + 1], ref=reference) / reference.prod() for n in range(len(points))
    ]
    seen = [(line["id"], line["rung"]) for line in lines]
    return Run(
        method,
        seed,
        np.array([end for end, _ in full]),
        np.array(values),
        {rung: sum(line["rung"] == rung for line in lines) for rung in range(last + 1)},
        len(seen) - len(set(seen)),
        sum(line["score"] is None for line in lines),
    )


def first(ends: np.ndarray, reached: np.ndarray) -> float:
    """The earliest of the ascending times at which something is reached; infinite if never."""
    found = np.flatnonzero(reached)
    return float(ends[found[0]]) if len(found) else float("inf")


def by_seed(runs: Sequence[Run], main: str) -> dict[str, list[tuple[Run, Run]]]:
    """Every other method -> runs of the main one and of it with the same seed."""
    ours = {run.seed: run for run in runs if run.method == main}
    found: dict[str, list[tuple[Run, Run]]] = {}
    for run in runs:
        if run.method != main and run.seed in ours:
            found.setdefault(run.method, []).append((ours[run.seed], run))
    return found


def comparisons(runs: Sequence[Run], seconds: float, main: str) -> list[Json]:
    """The main method against each other one, paired over the seeds, at equal times."""
    rows = []
    for other, pairs in by_seed(runs, main).items():
        for share in SHARES:
            found = [(a.at(share * seconds), b.at(share * seconds)) for a, b in pairs]
            rows.append({"against": other, "minutes": share * seconds / 60, **paired(found)})
        found = [(a.mean(seconds), b.mean(seconds)) for a, b in pairs]
        rows.append({"against": other, "minutes": None, **paired(found)})
    return rows


def paired(found: Sequence[tuple[float, float]]) -> Json:
    """Wins and the mean difference of pairs, with its 95 % t interval."""
    differences = np.array([mine - theirs for mine, theirs in found])
    n, mean = len(differences), float(differences.mean())
    half = half_width(differences)
    return {
        "pairs": n,
        "wins": int((differences > 0).sum()),
        "mine": float(np.mean([mine for mine, _ in found])),
        "theirs": float(np.mean([theirs for _, theirs in found])),
        "difference": mean,
        "interval": [mean - half, mean + half] if n > 1 else None,
    }


def speedups(runs: Sequence[Run], seconds: float, main: str) -> list[Json]:
    """How much sooner than each baseline the main method has what the baseline has at the end.

    Of every seed, and of the mean curves over the seeds that both have (`seed` None). `times`
    counts from the end of the baseline's time; None where the main method never gets there.
    """
    rows = []
    for name, pairs in by_seed(runs, main).items():
        if name not in BASELINES:
            continue
        for mine, base in pairs:
            goal = base.at(seconds)
            rows.append(sooner(name, base.seed, goal, mine.reaches(goal), seconds))
        goal = float(np.mean([base.at(seconds) for _, base in pairs]))
        moments = np.unique(np.concatenate([mine.ends for mine, _ in pairs]))
        means = np.mean([[mine.at(t) for t in moments] for mine, _ in pairs], axis=0)
        rows.append(sooner(name, None, goal, first(moments, means >= goal), seconds))
    return rows


def sooner(baseline: str, seed: int | None, goal: float, took: float, seconds: float) -> Json:
    """One row of `speedups`."""
    there = goal > 0 and took <= seconds
    return {
        "baseline": baseline,
        "seed": seed,
        "goal": goal,
        "seconds": took if there else None,
        "times": seconds / took if there else None,
    }


def table(result: Json) -> str:
    """The result as text."""
    lines = [f"{'method':<10}{'seed':>5}{'volume':>9}{'mean':>9}{'evaluations':>22}{'again':>7}"]
    for run in result["runs"]:
        rungs = "/".join(str(n) for n in run["evaluations"].values())
        lines.append(
            f"{run['method']:<10}{run['seed']:>5}{run['volume']:>9.4f}{run['mean']:>9.4f}"
            f"{rungs:>22}{run['repeated']:>7}"
        )
    lines.append("")
    for row in result["comparisons"]:
        when = f"after {row['minutes']:.1f} min" if row["minutes"] else "mean over time"
        interval = row["interval"] or [float("nan")] * 2
        lines.append(
            f"{result['main']} - {row['against']:<8}{when:>18}: {row['difference']:+.4f} "
            f"[{interval[0]:+.4f}, {interval[1]:+.4f}], {row['wins']} of {row['pairs']} won"
        )
    for row in result["speedups"]:
        whose = "mean curve" if row["seed"] is None else f"seed {row['seed']}"
        said = f"reached {row['times']:.1f} times sooner" if row["times"] else "not reached"
        lines.append(f"{whose}: the end of {row['baseline']} is {said} by {result['main']}")
    return "\n".join(lines)


def measure(arguments: argparse.Namespace, config: RunConfig) -> tuple[list[Run], Space]:
    """Run what is not there yet; read all of it."""
    context, problem = prepared(config)
    space = problem.space
    key = json.dumps(asdict(config), sort_keys=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    runs = []
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        scratch: dict[tuple[str, int], Json] = {}
        for name in arguments.methods:
            path = arguments.out / f"{name}-{seed}.jsonl"
            unfinished = arguments.out / f"{name}-{seed}-checkpoints"
            kept = unfinished if name in ENGINES else None
            method = METHODS[name](problem, seed)
            here = replace(context, checkpoints=kept)
            # Who goes on from checkpoints has times of its own.
            evaluated = {} if name in ENGINES else scratch
            search(method, config, here, path, key, arguments.minutes, arguments.clock, evaluated)
            shutil.rmtree(unfinished, ignore_errors=True)
            last, classes = len(config.search.rungs) - 1, len(context.train.label_names)
            most, objectives = space.limits.max_params, objectives_of(config.search)
            assert most is not None
            runs.append(
                read_run(path, name, seed, last, classes, most, arguments.clock, objectives)
            )
    return runs, space


def prepared(config: RunConfig) -> tuple[Context, Problem]:
    """The task of a configuration, and what a run with it searches: as a run does, students are
    held to a reference that is trained for it."""
    context = prepare(config, task_of(config.task, config.seed)).context
    context = replace(context, reference_accuracy=reference_accuracy(context, config))
    s, metric, params = config.space, config.fitness.metric, context.train.teacher_params
    space = space_of(s, codings_of(config), context.sizes, params)
    chance = chance_accuracy(context.validation.labels, metric)
    floor = standard_of(config, context).floor
    return context, Problem(space, seed_genotypes(space), config, chance, floor)


def standard_of(config: RunConfig, context: Context) -> Standard:
    """What students are held to."""
    return Standard(config.fitness, context.teacher_accuracy, context.reference_accuracy)


def result_of(runs: Sequence[Run], arguments: argparse.Namespace, config: RunConfig) -> Json:
    """All numbers, with what they were measured on."""
    seconds = 60 * arguments.minutes
    return {
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
        "minutes": arguments.minutes,
        "clock": arguments.clock,
        "config": asdict(config),
        "runs": [
            {
                "method": run.method,
                "seed": run.seed,
                "volume": run.at(seconds),
                "mean": run.mean(seconds),
                "evaluations": {str(rung): n for rung, n in run.evaluations.items()},
                "repeated": run.repeated,
                "failed": run.failed,
                "curve": [[*pair] for pair in zip(run.ends, run.values, strict=True)],
            }
            for run in runs
        ],
        "main": arguments.main,
        "comparisons": comparisons(runs, seconds, arguments.main),
        "speedups": speedups(runs, seconds, arguments.main),
    }


def main() -> None:
    """Run all, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/search"), help="journals")
    parser.add_argument("--minutes", type=float, default=20.0, help="of search, a run")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(USUAL))
    parser.add_argument(
        "--main", choices=METHODS, default="rungs", help="what the others are compared with"
    )
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument(
        "--clock",
        choices=("seconds", "cpu_seconds"),
        default="seconds",
        help="wall time, or time of the processor, for a machine that others use, too",
    )
    parser.add_argument("--json", type=Path, help="where to write the result")
    arguments = parser.parse_args()
    arguments.methods = available(arguments.methods)
    flags: dict[str, Any] = {
        "search": {
            "strategy": "surrogate", "rungs": [0.12, 1.0], "epochs": 2, "attacked": 200,
            "slots": 1,
        }
    }  # fmt: skip
    for text in arguments.settings:
        flags = merged(flags, setting(text))
    config = make_config(arguments.preset, None, flags)
    runs, _ = measure(arguments, config)
    result = result_of(runs, arguments, config)
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
