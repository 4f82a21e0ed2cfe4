"""What a user sees while the search runs, and the tables at its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.console import Group
from rich.live import Live as RichLive
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rosearch.config import MOST_CANDIDATES
from rosearch.io.console import plain_console
from rosearch.objectives import DEFAULT, Objective, further
from rosearch.space.cost import compression
from rosearch.strategies.population import fitness, front, standing
from rosearch.types import Trial

SHOWN = 8
SECONDS_BETWEEN_DRAWINGS = 0.25


class Live(Protocol):
    """Shows the state of a search."""

    def show(self, trial: Trial, running: int, fresh: bool) -> None:
        """Called after every evaluation.

        Args:
            running: evaluations under way.
            fresh: not a result of an earlier process, told again.
        """
        ...


@dataclass(frozen=True)
class SearchEstimate:
    """What a search is expected to do.

    Attributes:
        evaluations: of each rung, if nothing else ends the search.
        shares: of the full training, by rung, that each evaluation there adds.
        seconds: after which the search ends, if any; `earlier` ones were spent by other processes.
    """

    evaluations: tuple[int, ...]
    shares: tuple[float, ...]
    seconds: float | None = None
    earlier: float = 0.0

    @property
    def open_ended(self) -> bool:
        """Whether there is no real limit on the candidates."""
        return self.evaluations[0] >= MOST_CANDIDATES

    def work(self, done: Sequence[int]) -> float:
        """Work of that many evaluations a rung, in full trainings."""
        return sum(n * share for n, share in zip(done, self.shares, strict=True))


class Leaderboard:
    """The best candidates and the front so far; as little is kept of many trials as of few."""

    def __init__(self, rungs: int, objectives: Sequence[Objective] = DEFAULT) -> None:
        self.objectives = objectives
        self.done = [0] * rungs
        self.failed = 0
        self.best: dict[str, Trial] = {}
        self.front: list[Trial] = []

    def learn(self, trial: Trial) -> None:
        """Take in a result."""
        self.done[trial.rung] += 1
        key = trial.candidate.id
        if trial.score is None:
            self.failed += 1
            self.best.pop(key, None)
            return
        if key not in self.best or trial.rung > self.best[key].rung:
            self.best[key] = trial
        if len(self.best) > SHOWN:
            del self.best[min(self.best, key=lambda name: standing(self.best[name]))]
        self.front = front([*self.front, trial], self.objectives)

    @property
    def near(self) -> set[str]:
        """Candidates near the front: those of it, the fittest of many, and the best."""
        fittest = sorted(self.front, key=fitness, reverse=True)[: 2 * SHOWN]
        return {*self.best, *(t.candidate.id for t in fittest)}

    @property
    def leaders(self) -> list[Trial]:
        """The best candidates, the best first."""
        return sorted(self.best.values(), key=standing, reverse=True)


class SearchView:
    """A live table on a terminal; one line per evaluation elsewhere."""

    def __init__(
        self,
        estimate: SearchEstimate,
        teacher_params: int,
        objectives: Sequence[Objective] = DEFAULT,
    ) -> None:
        self.further = further(objectives)
        self.estimate = estimate
        self.teacher_params = teacher_params
        self.console = plain_console(stderr=True)
        self.start = time.monotonic()
        self.state = Leaderboard(len(estimate.shares), objectives)
        self.known = [0] * len(estimate.shares)  # results told again take no time
        self.live = RichLive(console=self.console, refresh_per_second=4)
        self.drawn = 0.0

    def __enter__(self) -> SearchView:
        if self.console.is_terminal:
            self.live.start()
            self.live.update(self._picture(0))
        return self

    def __exit__(self, *error: object) -> None:
        if self.console.is_terminal:
            self.live.update(self._picture(0))
        self.live.stop()

    def show(self, trial: Trial, running: int, fresh: bool) -> None:
        """Show the state after one more evaluation."""
        self.state.learn(trial)
        if not fresh:
            self.known[trial.rung] += 1
        elif not self.console.is_terminal:
            print(self._line(trial), file=sys.stderr, flush=True)
        if self.console.is_terminal and time.monotonic() - self.drawn > SECONDS_BETWEEN_DRAWINGS:
            self.drawn = time.monotonic()
            self.live.update(self._picture(running))

    def _line(self, trial: Trial) -> str:
        rungs = len(self.estimate.shares)
        rung = f"rung {trial.rung + 1}/{rungs}, " if rungs > 1 else ""
        head = f"{rung}candidate {self._count(trial.rung)} {trial.candidate.id}"
        if trial.score is None:
            return f"{head}: failed: {trial.error}"
        s, best = trial.score, self.state.leaders[0]
        more = "".join(f"{o.label} {o.show(o.value(s))}, " for o in self.further)
        return (
            f"{head}: clean {s.clean:.3f} (balanced {s.balanced:.3f}), after {s.fidelity.attack} "
            f"{s.after_attack:.3f} ({s.balanced_after_attack:.3f}), "
            f"{compression(self.teacher_params, s.params):.1f}x smaller, {more}"
            f"fitness {s.fitness:.3f}; "
            f"best {fitness(best):.3f} ({best.candidate.id}); {self._time_left()}"
        )

    def _count(self, rung: int) -> str:
        done = self.state.done[rung]
        return f"{done}" if self.estimate.open_ended else f"{done}/{self._expected()[rung]}"

    def _expected(self) -> list[int]:
        """Evaluations of each rung: there may be more than were expected."""
        pairs = zip(self.estimate.evaluations, self.state.done, strict=True)
        return [max(expected, done) for expected, done in pairs]

    def _share_done(self) -> float:
        c = self.estimate
        by_time = (c.earlier + time.monotonic() - self.start) / c.seconds if c.seconds else 0.0
        by_work = c.work(self.state.done) / c.work(self._expected())
        return min(1.0, max(by_time, by_work))

    def _time_left(self) -> str:
        elapsed = time.monotonic() - self.start
        fresh = self.estimate.work(self.state.done) - self.estimate.work(self.known)
        left = self.estimate.work(self._expected()) - self.estimate.work(self.state.done)
        limits = [elapsed / fresh * left] if fresh > 0 and not self.estimate.open_ended else []
        if self.estimate.seconds is not None:
            limits.append(max(0.0, self.estimate.seconds - self.estimate.earlier - elapsed))
        return f"{elapsed:.0f} s" + (f", about {min(limits):.0f} s left" if limits else "")

    def _picture(self, running: int) -> Group:
        optimal = {t.candidate.id for t in self.state.front}
        table = Table(title="best so far (validation split, partial training)", expand=False)
        more = [o.label for o in self.further]
        columns = (
            "",
            "student",
            "rung",
            "ops",
            "smaller",
            "clean",
            "balanced",
            "after attack",
            "balanced",
            *more,
            "fitness",
        )
        for name in columns:
            table.add_column(name, justify="left" if name in ("student", "ops") else "right")
        for trial in self.state.leaders:
            if trial.score is not None:
                s = trial.score
                table.add_row(
                    "*" if trial.candidate.id in optimal else "",
                    trial.candidate.id,
                    str(trial.rung + 1),
                    ops_of(trial),
                    f"{compression(self.teacher_params, s.params):.1f}x",
                    f"{s.clean:.3f}",
                    f"{s.balanced:.3f}",
                    f"{s.after_attack:.3f}",
                    f"{s.balanced_after_attack:.3f}",
                    *(o.show(o.value(s)) for o in self.further),
                    f"{s.fitness:.3f}",
                )
        rungs = range(len(self.estimate.shares))
        counts = [f"rung {rung + 1}: {self._count(rung)}" for rung in rungs]
        done = ", ".join(counts) if len(rungs) > 1 else f"{self._count(0)} candidates"
        status = Text(
            f"search  {done}; {running} running, {self.state.failed} failed, "
            f"{self._time_left()}   (* = on the front)"
        )
        bar = Padding(ProgressBar(1.0, self._share_done(), width=60), (0, 0, 1, 0))
        return Group(status, bar, table)


def ops_of(trial: Trial) -> str:
    """Encoding and ops of a genotype in a few words."""
    g = trial.candidate.genotype
    ops = [node.op for node in g.nodes if node.op != "identity"] or ["identity"]
    more = f" x{g.repeat}" if g.repeat > 1 else ""
    text = " ".join(ops[:4]) + (" ..." if len(ops) > 4 else "")
    return f"{g.encoding}: {text}{more}"
