"""The one kind of console: texts of others are shown as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def plain_console(*, stderr: bool = False, width: int | None = None) -> Console:
    """A console that takes neither `[bold]` nor `:smile:` in a path, label or text for a command.

    Args:
        width: columns; by default those of the terminal.
    """
    from rich.console import Console

    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)
