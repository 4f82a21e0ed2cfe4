"""Progress of long stages: a live bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from rosearch.io.console import plain_console

# Called with the number of finished items and a short note, such as the best so far.
Advance = Callable[[int, str], None]
SECONDS_BETWEEN_LINES = 10.0


def per_cent(advance: Advance) -> Callable[[int, int, float], None]:
    """Moves a stage of 100 on, called with batches done, batches in all, and the loss."""

    def on_batch(done: int, total: int, loss: float) -> None:
        advance(100 * done // total - 100 * (done - 1) // total, f"loss {loss:.3f}")

    return on_batch


def no_progress(_items: int, _note: str = "") -> None:
    """Shows nothing."""


@contextmanager
def stage(description: str, total: int) -> Iterator[Advance]:
    """Show a stage of `total` items on stderr while the block runs."""
    console = plain_console(stderr=True)
    show = _bar if console.is_terminal else _lines
    with show(console, description, total) as advance:
        yield advance


@contextmanager
def _bar(console: Console, description: str, total: int) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description}", style="bold", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(description, total=total, note="")

        def advance(items: int, note: str = "") -> None:
            progress.update(task, advance=items, note=note)

        yield advance


@contextmanager
def _lines(console: Console, description: str, total: int) -> Iterator[Advance]:
    start = shown = time.monotonic()
    done = 0
    print(f"{description} ...", file=sys.stderr, flush=True)

    def advance(items: int, note: str = "") -> None:
        nonlocal done, shown
        done += items
        now = time.monotonic()
        if now - shown >= SECONDS_BETWEEN_LINES and 0 < done < total:
            shown = now
            left = (now - start) / done * (total - done)
            line = f"{description}: {done}/{total}, {now - start:.0f} s, {left:.0f} s left  {note}"
            print(line.rstrip(), file=sys.stderr, flush=True)

    yield advance
    print(f"{description}: done in {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)
