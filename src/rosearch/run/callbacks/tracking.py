"""Experiment tracking: what is written about a run, to whatever store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from rosearch.config import RunConfig, to_dict
from rosearch.results.summary import Summary
from rosearch.run.callbacks import Silent
from rosearch.types import Trial

METRICS = (
    "fitness", "clean", "balanced", "after_attack", "balanced_after_attack",
    "attack_success_rate", "params", "flops", "latency_ms", "queries", "train_seconds",
    "attack_seconds",
)  # fmt: skip
FINAL = (
    "clean", "balanced_clean", "macro_f1", "after_attack", "balanced_after_attack",
    "attack_success_rate", "params", "compression", "latency_ms",
)  # fmt: skip


class Tracker(Silent, ABC):
    """Writes every trial to a store, once.

    The names of a trial's values start with its rung; its step is the index of its candidate. What
    was written by an earlier process is read back from the store itself, which alone knows what a
    kill left there.
    """

    def __init__(self) -> None:
        self.written: dict[str, set[int]] = {}
        self.best: dict[str, float] = {}

    @abstractmethod
    def open(self, config: RunConfig, folder: Path) -> None:
        """Start a record of the run in `folder`, or go on with the one that is there."""

    @abstractmethod
    def read(self, name: str) -> dict[int, float]:
        """What was written under a name, by step."""

    @abstractmethod
    def write(self, values: Mapping[str, float], step: int) -> None:
        """Keep values, so that a kill right afterwards does not lose them."""

    @abstractmethod
    def close(self, summary: Summary) -> None:
        """The run is finished: there is nothing to write any more."""

    def started(self, config: RunConfig, folder: Path) -> None:
        self.written, self.best = {}, {}
        self.open(config, folder)

    def trial(self, trial: Trial, done: int, total: int) -> None:
        group, step = f"rung_{trial.rung}", trial.candidate.index
        values = {f"{group}/failed": float(trial.score is None)}
        if trial.score is not None:
            measured = {k: v for k, v in trial.score.measurements.items() if k not in METRICS}
            numbers = {name: getattr(trial.score, name) for name in METRICS} | measured
            values |= {f"{group}/{name}": float(number) for name, number in numbers.items()}
            values[f"{group}/best_fitness"] = self._best(group, trial.score.fitness)
        self._write_new(values, step)

    def _steps(self, name: str) -> set[int]:
        if name not in self.written:
            self.written[name] = set(self.read(name))
        return self.written[name]

    def _best(self, group: str, fitness: float) -> float:
        if group not in self.best:
            earlier = self.read(f"{group}/fitness").values()
            self.best[group] = max(earlier, default=float("-inf"))
        self.best[group] = max(self.best[group], fitness)
        return self.best[group]

    def finished(self, summary: Summary) -> None:
        # A run that is extended is finished again, with more candidates.
        self._write_new(final_values(summary), summary.candidates)
        self.close(summary)

    def _write_new(self, values: Mapping[str, float], step: int) -> None:
        """Write what was not written before: a kill may have left a part of a trial's values."""
        new = {name: value for name, value in values.items() if step not in self._steps(name)}
        for name in new:
            self.written[name].add(step)
        if new:
            self.write(new, step)


def final_values(summary: Summary) -> dict[str, float]:
    """Numbers of the final evaluation on the test split: teacher, reference and best student."""
    found = {"final/seconds": summary.seconds}
    named = (("teacher", summary.teacher), ("reference", summary.reference), ("best", summary.best))
    for model, entry in named:
        if entry is None:  # no finalist
            continue
        numbers = {name: getattr(entry, name) for name in FINAL}
        found |= {f"final/{model}/{k}": float(x) for k, x in numbers.items() if x is not None}
        for attack, counts in entry.held_out.items():
            found[f"final/{model}/after_{attack}"] = counts.after_attack
    return found


def flat(config: RunConfig) -> dict[str, str]:
    """Settings as texts under `section.name`."""
    found: dict[str, str] = {}

    def add(prefix: str, values: Mapping[str, object]) -> None:
        for name, value in values.items():
            if isinstance(value, Mapping):
                add(f"{prefix}{name}.", value)
            else:
                found[f"{prefix}{name}"] = str(value)

    add("", to_dict(config))
    return found
