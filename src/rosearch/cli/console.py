"""Standard output of the commands: tables, JSON, the words of others."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from rosearch.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Column, Table

WIDE = 200  # columns where the output is no terminal, so that tables are not cut
ENDLESS = 100_000  # columns


def console_of() -> Console:
    """Standard output; wide where it is no terminal."""
    from rosearch.io.console import plain_console

    return plain_console(width=None if sys.stdout.isatty() else WIDE)


def print_table(table: Table, least: Sequence[str] = ()) -> None:
    """Print a table and cut no word: on a terminal that is too narrow, lines are longer.

    Args:
        least: columns that are left out there, in this order, until it fits.
    """
    console = console_of()
    if width_of(table, console) > console.width:
        for column in table.columns:  # rich itself would cut words
            column.width = _narrowest(column, console)
        table.padding = (0, 0)
    for name in least:
        if width_of(table, console) > console.width:
            table.columns = [column for column in table.columns if column.header != name]
    console.width = max(console.width, width_of(table, console))
    console.print(table)


def width_of(shown: RenderableType, console: Console) -> int:
    """Columns that something takes where there are enough."""
    from rich.measure import Measurement

    return Measurement.get(console, console.options.update(max_width=ENDLESS), shown).maximum


def _narrowest(column: Column, console: Console) -> int:
    """Columns that the longest word of a column takes, or the longest name."""
    cells = [str(cell) for cell in (column.header, *column.cells)]
    words = cells if column.no_wrap else [word for cell in cells for word in cell.split()]
    return max(width_of(word, console) for word in words or [""])


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


def in_one_line(text: str) -> str:
    """A message whose names of files and labels may hold line breaks and commands of terminals."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", text)


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
def when_stopped(said: str) -> Iterator[None]:
    """Says how to go on when a command is stopped."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"stopped; {said}", file=sys.stderr)
        raise typer.Exit(130) from None


def nothing_left() -> AbstractContextManager[None]:
    """Says so when a command is stopped that writes all or nothing."""
    return when_stopped("nothing was written")


@contextmanager
def same_answers() -> Iterator[None]:
    """A model that answers differently is exit code 1."""
    from rosearch.export.bundle import ParityError

    try:
        yield
    except ParityError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
