"""The outcome of a run as one JSON object: what `summary.json` and the final table show."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from statistics import fmean, pstdev
from typing import Any

from rosearch.config.sections import RunConfig
from rosearch.results.rows import fidelity_row
from rosearch.space.cost import compression
from rosearch.strategies.population import front, furthest
from rosearch.types import Final, Json, Robustness, Trial, wilson

PACKAGES = ("rosearch", "torch", "transformers", "tokenizers", "datasets", "numpy", "nltk")


def summarise(
    config: RunConfig, task: str, trials: Sequence[Trial], finals: Sequence[Final], seconds: float
) -> Json:
    """The summary of a finished run. Shares are fractions in [0, 1]."""
    by_model: dict[str, list[Final]] = {}
    for final in finals:
        by_model.setdefault(final.model, []).append(final)
    teacher = by_model["teacher"][0]
    entries = {
        name: model_entry(runs, config.search.attack, teacher.params)
        for name, runs in by_model.items()
    }
    candidates = furthest(trials)
    finalists = sorted(
        (e for name, e in entries.items() if name not in ("teacher", "reference")),
        key=lambda e: -e["validation_fitness"],
    )
    return {
        "task": task,
        "teacher": entries["teacher"],
        "reference": entries["reference"],
        "best": finalists[0] if finalists else None,
        "finalists": finalists,
        "front": [front_entry(t, teacher.params) for t in front(trials)],
        "candidates": len(candidates),
        "failed": sum(t.status == "failed" for t in candidates),
        "rungs": [rung_entry(trials, rung) for rung in sorted({t.rung for t in trials})],
        "search_attack": config.search.attack,
        "seconds": round(seconds, 1),
        "seed": config.seed,
        "versions": versions(),
    }


def model_entry(runs: Sequence[Final], attack: str, teacher_params: int) -> Json:
    """One model: means over its training seeds.

    Intervals are Wilson intervals of the mean count over the distinct examples: seeds are attacked
    on the same texts, so they do not add to n. `clean_std` and `after_attack_std` tell the spread
    over seeds.
    """
    first = runs[0]
    clean = fmean(run.clean for run in runs)
    fitnesses = [run.fitness for run in runs if run.fitness is not None]
    interval = wilson(round(clean * first.n), first.n)
    return {
        "id": first.model,
        "params": first.params,
        "compression": round(compression(teacher_params, first.params), 3),
        "clean": round(clean, 4),
        "clean_interval": [round(interval.low, 4), round(interval.high, 4)],
        "clean_std": round(pstdev([run.clean for run in runs]), 4),
        "n_clean": first.n,
        **attack_entry([run.attacks[attack] for run in runs]),
        "after_attack_std": round(pstdev([run.attacks[attack].after_attack for run in runs]), 4),
        "held_out": {
            name: attack_entry([run.attacks[name] for run in runs])
            for name in first.attacks
            if name != attack
        },
        "latency_ms": round(fmean(run.latency_ms for run in runs), 3),
        "seeds": [run.seed for run in runs],
        "validation_fitness": round(fmean(fitnesses), 4) if fitnesses else None,
        "genotype": None if first.genotype is None else json.loads(first.genotype),
    }


def attack_entry(runs: Sequence[Robustness]) -> Json:
    """One attack on one model, mean over seeds."""
    n = runs[0].n
    after = fmean(run.after_attack for run in runs)
    interval = wilson(round(after * n), n)
    return {
        "after_attack": round(after, 4),
        "attack_success_rate": round(fmean(run.success_rate for run in runs), 4),
        "n": n,
        "interval": [round(interval.low, 4), round(interval.high, 4)],
        "queries_per_text": round(fmean(run.queries / run.n for run in runs), 1),
    }


def rung_entry(trials: Sequence[Trial], rung: int) -> Json:
    """What was evaluated on a rung, 0 being the cheapest, and how."""
    there = [t for t in trials if t.rung == rung]
    scores = [t.score for t in there if t.score is not None]
    return {
        "rung": rung,
        "evaluated": len(there),
        "failed": len(there) - len(scores),
        "fidelity": fidelity_row(scores[0].fidelity) if scores else None,
        "queries": sum(score.queries for score in scores),
        "train_seconds": round(sum(score.train_seconds for score in scores), 1),
        "attack_seconds": round(sum(score.attack_seconds for score in scores), 1),
    }


def front_entry(trial: Trial, teacher_params: int) -> Json:
    """One Pareto-optimal candidate with its search numbers (validation split, partial training)."""
    assert trial.score is not None
    score = trial.score
    return {
        "id": trial.candidate.id,
        "index": trial.candidate.index,
        "params": score.params,
        "compression": round(compression(teacher_params, score.params), 3),
        "clean": round(score.clean, 4),
        "after_attack": round(score.after_attack, 4),
        "n": score.attacked,
        "fitness": round(score.fitness, 4),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the numbers."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def machine() -> dict[str, Any]:
    """The machine in words."""
    import os

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": platform.processor() or platform.machine(),
        "cores": str(os.cpu_count()),
    }


def share(value: float, interval: Sequence[float]) -> str:
    """A share with its interval."""
    return f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"
