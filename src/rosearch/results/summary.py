"""The outcome of a finished run: what `summary.json` holds and the final table shows."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from statistics import fmean

from rosearch.config import SearchConfig, objectives_of
from rosearch.results.entries import (
    FrontEntry,
    ModelEntry,
    RungEntry,
    belief_entries,
    front_entry,
    model_entry,
    rung_entry,
    to_json,
)
from rosearch.strategies.points import Finalist
from rosearch.strategies.population import front, furthest
from rosearch.strategies.posterior import Posterior
from rosearch.types import Final, Json, Metric, Trial

PACKAGES = ("rosearch", "torch", "transformers", "tokenizers", "datasets", "numpy", "nltk")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a finished run found; its fields are the keys of `summary.json`.

    Attributes:
        best: the finalist that is fittest on the validation split, of those that learned something
            if any did; None without a finalist.
        metric: that students were compared by; None in early versions, which was accuracy.
        fallback: whether the best student does not clearly know more than who always says the same.
        finalists: the best first.
        front: search numbers, on the validation split.
        candidates, failed: of the search.
        seconds: of work, over all processes.
        statistics: what `rosearch.report.statistics` found, as JSON.
    """

    task: str
    teacher: ModelEntry
    reference: ModelEntry
    best: ModelEntry | None
    finalists: tuple[ModelEntry, ...]
    front: tuple[FrontEntry, ...]
    candidates: int
    failed: int = 0
    rungs: tuple[RungEntry, ...] = ()
    search_attack: str
    seconds: float
    seed: int
    versions: Mapping[str, str]
    statistics: Json | None = None
    label_names: tuple[str, ...] = ()
    fallback: bool = False
    metric: Metric | None = None

    @property
    def models(self) -> tuple[ModelEntry, ...]:
        """Teacher, reference and finalists."""
        return (self.teacher, self.reference, *self.finalists)

    def is_best(self, entry: ModelEntry) -> bool:
        """Whether a model is the best student."""
        return self.best is not None and entry.id == self.best.id

    def to_json(self) -> Json:
        """The content of `summary.json`."""
        return to_json(self)


@dataclass(frozen=True)
class Choice:
    """How the finalists of a run were chosen."""

    posterior: Posterior
    finalists: Sequence[Finalist]


def summarise(
    task: str,
    search: SearchConfig,
    seed: int,
    trials: Sequence[Trial],
    finals: Sequence[Final],
    seconds: float,
    choice: Choice | None = None,
) -> Summary:
    """The summary of a finished run, without the statistics.

    Args:
        choice: how the finalists were chosen; runs of earlier versions do not tell.
    """
    by_model: dict[str, list[Final]] = {}
    for final in finals:
        by_model.setdefault(final.model, []).append(final)
    teacher_params = by_model["teacher"][0].params
    entries = {
        name: model_entry(runs, search.suites, teacher_params) for name, runs in by_model.items()
    }
    believed = belief_entries(choice.posterior) if choice else {}
    for finalist in choice.finalists if choice else ():
        name = finalist.trial.candidate.id
        entries[name] = replace(
            entries[name], points=finalist.points, posterior=believed.get(name, {})
        )
    finalists = tuple(
        sorted(
            (e for name, e in entries.items() if name not in ("teacher", "reference")),
            key=lambda e: (e.constant, -(e.validation_fitness or 0.0)),
        )
    )
    candidates, objectives = furthest(trials), objectives_of(search)
    return Summary(
        task=task,
        teacher=entries["teacher"],
        reference=entries["reference"],
        best=finalists[0] if finalists else None,
        finalists=finalists,
        front=tuple(
            replace(
                front_entry(t, teacher_params, objectives),
                posterior=believed.get(t.candidate.id, {}),
            )
            for t in front(trials, objectives)
        ),
        candidates=len(candidates),
        failed=sum(t.status == "failed" for t in candidates),
        rungs=tuple(rung_entry(trials, rung) for rung in sorted({t.rung for t in trials})),
        search_attack=search.suites[0],
        seconds=round(seconds, 1),
        seed=seed,
        versions=versions(),
        fallback=bool(finalists and finalists[0].constant),
    )


def best_first(finals: Sequence[Final]) -> list[str]:
    """The students of a final evaluation, the fittest on the validation split first."""
    found: dict[str, list[float]] = {}
    for final in finals:
        if final.model not in ("teacher", "reference") and final.fitness is not None:
            found.setdefault(final.model, []).append(final.fitness)
    return sorted(found, key=lambda model: -fmean(found[model]))


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the numbers."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def machine() -> dict[str, str]:
    """The machine in words."""
    import os

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": platform.processor() or platform.machine(),
        "cores": str(os.cpu_count()),
    }
