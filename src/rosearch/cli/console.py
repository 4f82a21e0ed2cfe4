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


def console_of() -> Console:
    """Standard output; tables are not cut where it is no terminal."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=WIDE)


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
        table.add_column(name)
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
