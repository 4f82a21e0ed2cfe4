"""What the store of a run holds at one moment: the search may go on while the page is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rosearch.attacks.result import AttackResult
from rosearch.objectives import Objective
from rosearch.report.statistics import Statistics, statistics
from rosearch.results.folder import RunFolder
from rosearch.results.meta import RunMeta
from rosearch.results.store import Store
from rosearch.results.summary import Summary
from rosearch.strategies.population import fitness, front, furthest, last_rung, standing
from rosearch.types import Final, Trial

Examples = Mapping[tuple[str, str], Sequence[AttackResult]]  # by role and attack


@dataclass(frozen=True)
class Snapshot:
    """One run as it is read.

    Attributes:
        trials: one a candidate and rung.
        finished: when each trial was recorded, in seconds since 1970, by its index and rung.
        sample: the uniform random sample.
        attacked: attacked texts of the best student and of the reference student, by attack.
        version: of the store, to tell whether there is anything new.
        label: name of the run in the page, where that of its folder is not enough.
    """

    folder: Path
    meta: RunMeta
    trials: Sequence[Trial]
    finished: Mapping[tuple[int, int], float] = field(default_factory=dict)
    finals: Sequence[Final] = ()
    sample: Sequence[Trial] = ()
    attacked: Examples = field(default_factory=dict)
    version: str = ""
    label: str = ""

    @property
    def name(self) -> str:
        """Name of the run in the page: of its folder, unless it was given another label."""
        return self.label or RunFolder(self.folder).name

    @property
    def summary(self) -> Summary | None:
        """Results of a finished run."""
        return self.meta.summary

    @property
    def teacher_params(self) -> int | None:
        """Parameters of the teacher, known once it is evaluated."""
        teachers = [final.params for final in self.finals if final.model == "teacher"]
        return next(iter(teachers), self.summary.teacher.params if self.summary else None)

    @cached_property
    def candidates(self) -> list[Trial]:
        """One trial a candidate: that on its highest rung."""
        return furthest(self.trials)

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What the run optimises."""
        return self.meta.objectives

    @cached_property
    def front(self) -> list[Trial]:
        """The Pareto front, the fittest first."""
        return sorted(front(self.trials, self.objectives), key=fitness, reverse=True)

    @cached_property
    def statistics(self) -> Statistics:
        """How architecture relates to robustness, among what was evaluated on the last rung."""
        return statistics(last_rung(self.trials), self.sample)

    @cached_property
    def leader(self) -> Trial | None:
        """The best student's trial; of a run under way, the fittest candidate so far."""
        best = self.summary.best.id if self.summary and self.summary.best else None
        scored = [trial for trial in self.candidates if trial.score is not None]
        fittest = max(scored, key=standing, default=None)
        return next((t for t in scored if best and t.candidate.id == best), fittest)


def read_snapshot(folder: Path) -> Snapshot:
    """Read a run's store.

    Raises:
        UserError: there is no readable store in the folder.
    """
    store = RunFolder(folder).open()
    version = store.version()  # first, so that what arrives meanwhile is seen as new later
    meta, finals = store.meta(), store.finals()
    return Snapshot(
        folder=folder,
        meta=meta,
        trials=store.trials(),
        finished=store.finished(),
        finals=finals,
        sample=store.sample(),
        attacked=_attacked(store, meta.summary) if meta.summary else {},
        version=version,
    )


def _attacked(store: Store, summary: Summary) -> Examples:
    """Attacked texts of the best student and of the reference student."""
    return {
        (role, attack): examples
        for role, entry in (("best", summary.best), ("reference", summary.reference))
        if entry
        for attack in (summary.search_attack, *entry.suites, *entry.held_out)
        if (examples := store.examples(entry.id, attack))
    }
