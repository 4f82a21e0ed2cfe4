"""What a user sees while the search runs, and the tables at its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rosearch.space.cost import compression
from rosearch.strategies.population import fitness, front
from rosearch.types import Json, Trial

SHOWN = 8


class Live(Protocol):
    """Shows the state of a search."""

    def show(self, told: Sequence[Trial], running: int) -> None:
        """Called after every finished candidate."""
        ...


class SearchView:
    """A live table on a terminal; one line per candidate elsewhere."""

    def __init__(self, total: int, teacher_params: int) -> None:
        self.total = total
        self.teacher_params = teacher_params
        self.console = Console(stderr=True)
        self.start = time.monotonic()
        self.known: int | None = None  # results told again when a run is resumed take no time
        self.live = RichLive(console=self.console, refresh_per_second=4)

    def __enter__(self) -> SearchView:
        if self.console.is_terminal:
            self.live.start()
            self.live.update(self._picture([], 0))
        return self

    def __exit__(self, *error: object) -> None:
        self.live.stop()

    def show(self, told: Sequence[Trial], running: int) -> None:
        """Show the state after one more candidate."""
        if self.known is None:
            self.known = len(told) - 1
        if self.console.is_terminal:
            self.live.update(self._picture(told, running))
        else:
            print(self._line(told), file=sys.stderr, flush=True)

    def _line(self, told: Sequence[Trial]) -> str:
        last = told[-1]
        head = f"candidate {len(told)}/{self.total} {last.candidate.id}"
        if last.score is None:
            return f"{head}: failed: {last.error}"
        s = last.score
        best = max(told, key=fitness)
        return (
            f"{head}: clean {s.clean:.3f}, after attack {s.after_attack:.3f}, "
            f"{compression(self.teacher_params, s.params):.1f}x smaller, fitness {s.fitness:.3f}; "
            f"best {fitness(best):.3f} ({best.candidate.id}); {self._time_left(len(told))}"
        )

    def _time_left(self, done: int) -> str:
        fresh = done - (self.known or 0)
        elapsed = time.monotonic() - self.start
        left = elapsed / fresh * (self.total - done) if fresh > 0 else 0.0
        return f"{elapsed:.0f} s, about {left:.0f} s left"

    def _picture(self, told: Sequence[Trial], running: int) -> Group:
        optimal = {t.candidate.id for t in front(told)}
        table = Table(title="best so far (validation split, partial training)", expand=False)
        for name in ("", "student", "ops", "smaller", "clean", "after attack", "fitness"):
            table.add_column(name, justify="left" if name in ("student", "ops") else "right")
        for trial in sorted(told, key=lambda t: -fitness(t))[:SHOWN]:
            if trial.score is not None:
                s = trial.score
                table.add_row(
                    "*" if trial.candidate.id in optimal else "",
                    trial.candidate.id,
                    ops_of(trial),
                    f"{compression(self.teacher_params, s.params):.1f}x",
                    f"{s.clean:.3f}",
                    f"{s.after_attack:.3f}",
                    f"{s.fitness:.3f}",
                )
        failed = sum(t.score is None for t in told)
        status = Text(
            f"search  {len(told)}/{self.total} candidates, {running} running, {failed} failed, "
            f"{self._time_left(len(told))}   (* = on the front)"
        )
        bar = Padding(ProgressBar(self.total, len(told), width=60), (0, 0, 1, 0))
        return Group(status, bar, table)


def ops_of(trial: Trial) -> str:
    """Encoding and ops of a genotype in a few words."""
    g = trial.candidate.genotype
    ops = [node.op for node in g.nodes if node.op != "identity"] or ["identity"]
    more = f" x{g.repeat}" if g.repeat > 1 else ""
    text = " ".join(ops[:4]) + (" ..." if len(ops) > 4 else "")
    return f"{g.encoding}: {text}{more}"


def summary_table(summary: Json) -> Table:
    """Teacher, reference and finalists on the test split."""
    held_out = list(summary["teacher"]["held_out"])
    table = Table(
        title=f"{summary['task']}: TEST split; 95 % intervals in brackets; held-out attacks were "
        "never used in search or training",
        caption=f"clean: n = {summary['teacher']['n_clean']}; "
        f"attacks: n = {summary['teacher']['n']}; means over the training seeds",
    )
    table.add_column("model")
    for name in ("parameters", "smaller", "clean", f"after attack: {summary['search_attack']}"):
        table.add_column(name, justify="right")
    for name in held_out:
        table.add_column(f"held out: {name}", justify="right")
    names = {id(summary["teacher"]): "teacher", id(summary["reference"]): "reference"}
    for entry in (summary["teacher"], summary["reference"], *summary["finalists"]):
        best = summary["best"] is not None and entry["id"] == summary["best"]["id"]
        table.add_row(
            names.get(id(entry), entry["id"]) + (" (best)" if best else ""),
            f"{entry['params']:,}",
            f"{entry['compression']:.1f}x",
            share(entry["clean"], entry["clean_interval"]),
            share(entry["after_attack"], entry["interval"]),
            *(
                share(entry["held_out"][a]["after_attack"], entry["held_out"][a]["interval"])
                for a in held_out
            ),
            style="bold" if best else None,
        )
    return table


def share(value: float, interval: Sequence[float]) -> str:
    """A share with its interval."""
    return f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"
