"""Edges of a small graph as text: one rail per value from the row that makes it to its last use."""

from __future__ import annotations

from collections.abc import Sequence

FREE = -1
ASCII = str.maketrans("●│─├┤┼┘┴", "o|-+++++")  # for output that is not Unicode


def rails(inputs: Sequence[Sequence[int]]) -> list[str]:
    """One line per row, all of one length; a dot stands in the rail of what the row makes.

    Args:
        inputs: for each row, the earlier rows that it reads.
    """
    last = {source: row for row, sources in enumerate(inputs) for source in sources}
    columns: list[int] = []  # the row whose value runs in each column
    lines = []
    for row, sources in enumerate(inputs):
        read = [c for c, value in enumerate(columns) if value in sources]
        ends = [c for c in read if last[columns[c]] == row]
        free = ends or [c for c, value in enumerate(columns) if value == FREE] or [len(columns)]
        at = free[0]
        columns += [FREE] * (at + 1 - len(columns))
        lines.append(_line(columns, at, read, ends))
        for c in ends:
            columns[c] = FREE
        columns[at] = row if row in last else FREE
    wide = max(map(len, lines))
    return [line.ljust(wide) for line in lines]


def _line(columns: Sequence[int], at: int, read: Sequence[int], ends: Sequence[int]) -> str:
    """The rails at one row; a line that crosses a rail without reading it is interrupted there."""
    left, right = min([at, *read]), max([at, *read])
    drawn = []
    for c, value in enumerate(columns):
        if c == at:
            mark = "●"
        elif c in read:
            # The leftmost rail that ends is the one that the dot takes over.
            corner = 0 if c == left else 2 if c == right else 1
            mark = ("┴┴┘" if c in ends else "├┼┤")[corner]
        elif value != FREE:
            mark = "│"
        else:
            mark = "─" if left < c < right else " "
        drawn.append(mark + ("─" if left <= c < right else " "))
    return "".join(drawn)
