"""Standard output of the commands: tables, JSON, the words of others."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from rosearch.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDE = 200  # columns where the output is no terminal, so that tables are not cut
ENDLESS = 100_000  # columns


def console_of() -> Console:
    """Standard output; wide where it is no terminal."""
    from rosearch.io.console import plain_console

    return plain_console(width=None if sys.stdout.isatty() else WIDE)


def print_table(table: Table) -> None:
    """Print a table whole: where a terminal is too narrow for its words, lines are longer."""
    from rich.measure import Measurement

    console = console_of()
    endless = console.options.update(max_width=ENDLESS)
    if Measurement.get(console, endless, table).maximum > console.width:
        for column in table.columns:  # rich itself would cut words
            widths = [Measurement.get(console, endless, c) for c in (column.header, *column.cells)]
            column.width = max(w.maximum if column.no_wrap else w.minimum for w in widths)
        console.width = max(console.width, Measurement.get(console, endless, table).maximum)
    console.print(table)


def table_of(
    left: Sequence[str],
    right: Sequence[str],
    title: str | None = None,
    caption: str | None = None,
    title_style: str | None = None,
) -> Table:
    """An empty table: its columns of words, then its columns of numbers."""
    from rich.table import Table

    table = Table(title=title, caption=caption, title_style=title_style)
    for name in left:
        table.add_column(name, no_wrap=True)  # names are to be copied
    for name in right:
        table.add_column(name, justify="right")
    return table


def printable(text: str) -> str:
    """A text of someone else's without what would steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def check_writable(path: Path | None) -> None:
    """Refuse an output file that could not be written, before any work is done.

    Raises:
        UserError: its folder is missing or not writable, or it is a folder itself.
    """
    if path is None:
        return
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UserError(f"cannot write {path}: its folder must exist and be writable")


@contextmanager
def nothing_left() -> Iterator[None]:
    """Says so when a command is stopped that writes all or nothing."""
    try:
        yield
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        raise typer.Exit(130) from None


@contextmanager
def same_answers() -> Iterator[None]:
    """A model that answers differently is exit code 1."""
    from rosearch.export.bundle import ParityError

    try:
        yield
    except ParityError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
