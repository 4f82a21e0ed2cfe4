"""What a search gives its user: its students, retrained, on test texts, against the best preset.

    pip install -r benchmarks/search-requirements.txt        # Optuna; without it the rest runs
    python benchmarks/search_students.py --candidates 18 --seeds 5 --out build/students

Every method gets the same number of candidates, which train and are attacked in full, as `--preset`
says. Those that start from the presets pay for them out of this number; those that start from
nothing begin with the same random students. Students of every method are chosen by the same rule,
that of a run (`rosearch.strategies.points`): the balanced point, which is compared, and the others,
which the volume is of. All are trained anew, with another seed, as finalists are, and measured on
the TEST split: clean on all texts, after the search's attack on `--attacked` of them.

What the methods have in common is computed once: an evaluation depends on the student and the seed
alone. Each is kept at once, so a stopped benchmark goes on where it was, or with more methods,
candidates or seeds. After each method the table of those done is printed, in Markdown.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from common import commit
from search import line_of, outcome, paired, prepared, standard_of, trial_of
from search_methods import METHODS, Problem, available
from selection import truth

from rosearch.config import RunConfig, make_config, merged, setting
from rosearch.evaluation.context import Context
from rosearch.io.threads import one_thread
from rosearch.objectives import hypervolume
from rosearch.results.summary import machine, versions
from rosearch.robustness.journal import Journal
from rosearch.space.genotype import Genotype
from rosearch.space.variation import sample
from rosearch.strategies.points import choose
from rosearch.strategies.posterior import Standard, posterior
from rosearch.types import Json, Trial

PRESET = "preset"
PRESETS, NOTHING = "the presets", "nothing"
# Name -> what of `METHODS` it is, what it starts from, and how the table calls it.
COMPARED = {
    PRESET: ("random", PRESETS, "best preset"),
    "search": ("rungs", PRESETS, "**RoSearch**"),
    "surrogate": ("surrogate", PRESETS, "RoSearch, `surrogate`"),
    "nsga2": ("nsga2", PRESETS, "Optuna NSGA-II"),
    "tpe": ("tpe", PRESETS, "Optuna TPE"),
    "random": ("random", NOTHING, "random search"),
    "ageing": ("ageing", NOTHING, "ageing evolution, the paper's way"),
    "nsga2-alone": ("nsga2", NOTHING, "Optuna NSGA-II"),
    "tpe-alone": ("tpe", NOTHING, "Optuna TPE"),
}
DEFAULT = (PRESET, "search", "nsga2", "tpe", "random", "ageing")
MEASURED = ("utility", "accuracy", "robustness", "params")  # of a student on the test split


@dataclass
class Kept:
    """What was computed for a seed, by kind and student; on disk as soon as it is there."""

    journal: Journal
    path: Path

    def __post_init__(self) -> None:
        self.known = {(line["kind"], line["id"]): line for line in self.journal.known.values()}

    def get(self, kind: str, id: str, make: Callable[[], Json]) -> Json:
        if (kind, id) not in self.known:
            used = time.process_time()
            made = {**make(), "kind": kind, "id": id, "index": len(self.known)}
            made["cpu_seconds"] = time.process_time() - used
            self.journal.add(made)
            self.known[kind, id] = made
            print(f"{self.path.stem}: {kind} {id}, {made['cpu_seconds']:.1f} s", flush=True)
        return self.known[kind, id]


@dataclass(frozen=True)
class Comparison:
    """What all methods and seeds have in common."""

    problem: Problem
    context: Context
    candidates: int
    finalists: int
    attacked: int
    trainings: int = 1

    @property
    def config(self) -> RunConfig:
        return self.problem.config

    @property
    def standard(self) -> Standard:
        return standard_of(self.config, self.context)

    def start(self, name: str, seed: int) -> Problem:
        """The problem of a method, with what it starts from."""
        if COMPARED[name][1] == PRESETS:
            return self.problem
        space, n = self.problem.space, self.config.search.population
        drawn = [sample(space, np.random.default_rng([seed, index])) for index in range(n)]
        return replace(self.problem, seeds=drawn)

    def searched(self, name: str, seed: int, kept: Kept) -> list[Trial]:
        """The candidates of a method, as far as they succeeded, each once."""
        n = len(self.problem.seeds) if name == PRESET else self.candidates
        method, found = METHODS[COMPARED[name][0]](self.start(name, seed), seed), {}
        for _ in range(n):
            job = method.ask()
            line = kept.get(
                "candidate",
                job.candidate.id,
                lambda job=job: line_of(job, outcome(job, self.context)),
            )
            trial = trial_of(job, line)
            method.tell(job, trial)
            if trial.score is not None:
                found.setdefault(trial.candidate.id, trial)
        return list(found.values())

    def measured(self, name: str, seed: int, kept: Kept) -> Json:
        """The students that a method ends with, on the test split; the first is the best."""
        believed = posterior(self.searched(name, seed, kept), [], self.problem.space, self.standard)
        chosen = [f.trial.candidate.genotype for f in choose(believed, self.finalists)]
        found = [self.retrained(g, seed, kept) for g in chosen]
        return {"method": name, "seed": seed, **found[0], "volume": self.volume(found)}

    def retrained(self, g: Genotype, seed: int, kept: Kept) -> Json:
        """A student on the test split: the mean over its trainings."""
        found = [
            kept.get(
                f"retrained, {k}", g.hash,
                lambda k=k: truth(g, self.config, self.context, self.attacked, seed + k),
            )
            for k in range(1, self.trainings + 1)
        ]  # fmt: skip
        return {"id": g.hash, **{key: fmean(one[key] for one in found) for key in MEASURED}}

    def volume(self, students: Sequence[Json]) -> float:
        """Share of the box of robustness, accuracy above the floor and parameters below the limit
        that students dominate."""
        floor, most = self.standard.floor, self.problem.space.limits.max_params
        assert most is not None
        values = [
            (s["robustness"], (s["accuracy"] - floor) / (1 - floor), 1 - s["params"] / most)
            for s in students
        ]
        return hypervolume(np.array(values), np.zeros(3))


def table(rows: Sequence[Json], methods: Sequence[str], candidates: int) -> str:
    """All methods against the best preset, paired over the seeds, in Markdown."""
    of = {(row["method"], row["seed"]): row for row in rows}
    seeds = sorted({row["seed"] for row in rows})
    lines = [
        "| method | starts from | candidates | fitness | against the best preset | won "
        "| balanced accuracy | after the attack | volume | against the presets' | won |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in methods:
        mine = [of[name, seed] for seed in seeds]
        best = [of[PRESET, seed] for seed in seeds]
        cells = [COMPARED[name][2], COMPARED[name][1], "all" if name == PRESET else str(candidates)]
        for key in ("utility", "accuracy", "robustness", "volume"):
            cells.append(f"{fmean(row[key] for row in mine):.3f}")
            if key in ("utility", "volume"):
                pairs = [(a[key], b[key]) for a, b in zip(mine, best, strict=True)]
                cells += ["", ""] if name == PRESET else told(pairs)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def told(pairs: Sequence[tuple[float, float]]) -> list[str]:
    """The mean difference with its interval, and in how many seeds it was positive."""
    pair, equal = paired(pairs), sum(a == b for a, b in pairs)
    low, high = pair["interval"] or (float("nan"), float("nan"))
    won = f"{pair['wins']} of {pair['pairs']}" + (f", {equal} equal" if equal else "")
    return [f"{pair['difference']:+.3f} [{low:+.3f}, {high:+.3f}]", won]


def compare(
    comparison: Comparison, methods: Sequence[str], seeds: Sequence[int], out: Path
) -> list[Json]:
    """Go through with all methods, each with all seeds."""
    out.mkdir(parents=True, exist_ok=True)
    config = json.dumps([asdict(comparison.config), comparison.attacked], sort_keys=True)
    key, rows = hashlib.sha256(config.encode()).hexdigest()[:16], list[Json]()
    with ExitStack() as opened:
        opened.enter_context(one_thread())
        paths = [out / f"seed-{seed}.jsonl" for seed in seeds]
        kept = [Kept(opened.enter_context(Journal(path, "students", key)), path) for path in paths]
        for k, name in enumerate(methods, start=1):
            pairs = zip(seeds, kept, strict=True)
            rows += [comparison.measured(name, seed, own) for seed, own in pairs]
            spent = sum(line["cpu_seconds"] for own in kept for line in own.known.values())
            print(f"\nwith {name}: {spent / 60:.1f} minutes of processor\n")
            print(table(rows, methods[:k], comparison.candidates), flush=True)
    return rows


def main() -> None:
    """Run all, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/students"), help="what is kept")
    parser.add_argument("--candidates", type=int, default=18, help="of each method")
    parser.add_argument("--finalists", type=int, default=3, help="of each method, retrained")
    parser.add_argument("--trainings", type=int, default=1, help="of each finalist")
    parser.add_argument("--attacked", type=int, default=200, help="test texts")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--methods", nargs="+", choices=COMPARED, default=list(DEFAULT))
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--json", type=Path, help="where to write the result")
    arguments = parser.parse_args()
    # The same candidates for all, in full; nothing that is held out is attacked with.
    flags: dict[str, Any] = {"search": {"rungs": [1.0]}, "final": {"held_out": []}}
    for text in arguments.settings:
        flags = merged(flags, setting(text))
    config = make_config(arguments.preset, None, flags)
    context, problem = prepared(config)
    counts = arguments.candidates, arguments.finalists, arguments.attacked, arguments.trainings
    methods = available(list(dict.fromkeys((PRESET, *arguments.methods))))
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    rows = compare(Comparison(problem, context, *counts), methods, seeds, arguments.out)
    result = {
        "commit": commit(), "machine": machine(), "versions": versions(), "config": asdict(config),
        "candidates": arguments.candidates, "trainings": arguments.trainings,
        "attacked": arguments.attacked, "rows": rows,
    }  # fmt: skip
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
