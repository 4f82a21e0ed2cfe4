"""Layered layout of a small graph: top-down rows, long edges on rails between the boxes.

A short form of Sugiyama et al. 1981: rows by longest path, order and positions by sweeps of
barycentres. All long edges of one source share one rail, so it is seen where a branch comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]
Slot = tuple[int, int]  # (vertex, row): the vertex itself in its own row, its rail in the others

RAIL = 14.0
GAP = 22.0
ROW_GAP = 36.0
SWEEPS = 12
BOX_WEIGHT, RAIL_WEIGHT = 8.0, 1.0  # boxes hold their place, rails give way


@dataclass(frozen=True)
class Layout:
    """Where everything is, in pixels.

    Attributes:
        rows: row of each vertex, from 0 at the top.
        centres: middle of each box.
        rails: (vertex, row) -> middle of the rail of that vertex where it passes that row.
        width, height: of the drawing.
    """

    rows: tuple[int, ...]
    centres: tuple[Point, ...]
    rails: dict[Slot, Point]
    width: float
    height: float


def place(
    inputs: Sequence[Sequence[int]], widths: Sequence[float], heights: Sequence[float]
) -> Layout:
    """Lay out a graph whose vertex v reads `inputs[v]`, all of them smaller than v."""
    rows: list[int] = []
    for sources in inputs:
        rows.append(1 + max((rows[s] for s in sources), default=-1))
    slots = _slots(inputs, rows)
    edges = _edges(inputs, rows)
    size = {slot: widths[slot[0]] if rows[slot[0]] == slot[1] else RAIL for slot in slots}
    x = _columns(slots, edges, size)
    left = min(x[slot] - size[slot] / 2 for slot in slots)
    right = max(x[slot] + size[slot] / 2 for slot in slots)
    tall = [max(heights[v] for v in range(len(rows)) if rows[v] == r) for r in range(max(rows) + 1)]
    middle = [sum(tall[:r]) + tall[r] / 2 + ROW_GAP * r for r in range(len(tall))]
    points = {slot: (x[slot] - left, middle[slot[1]]) for slot in slots}
    return Layout(
        tuple(rows),
        tuple(points[v, row] for v, row in enumerate(rows)),
        {slot: point for slot, point in points.items() if rows[slot[0]] != slot[1]},
        right - left,
        sum(tall) + ROW_GAP * (len(tall) - 1),
    )


def _slots(inputs: Sequence[Sequence[int]], rows: Sequence[int]) -> list[Slot]:
    """Every vertex in its row, and its rail down to the row above its last reader."""
    last = list(rows)
    for v, sources in enumerate(inputs):
        for s in sources:
            last[s] = max(last[s], rows[v] - 1)
    return [(v, row) for v in range(len(rows)) for row in range(rows[v], last[v] + 1)]


def _edges(inputs: Sequence[Sequence[int]], rows: Sequence[int]) -> list[tuple[Slot, Slot]]:
    """Steps from one row to the next."""
    steps: dict[tuple[Slot, Slot], None] = {}
    for v, sources in enumerate(inputs):
        for s in sources:
            for row in range(rows[s], rows[v] - 1):
                steps[(s, row), (s, row + 1)] = None
            steps[(s, rows[v] - 1), (v, rows[v])] = None
    return list(steps)


def _columns(
    slots: Sequence[Slot], edges: Sequence[tuple[Slot, Slot]], size: dict[Slot, float]
) -> dict[Slot, float]:
    """Middle of every slot: sweeps of barycentres, each row kept in order and apart."""
    above: dict[Slot, list[Slot]] = {slot: [] for slot in slots}
    below: dict[Slot, list[Slot]] = {slot: [] for slot in slots}
    for upper, lower in edges:
        above[lower].append(upper)
        below[upper].append(lower)
    by_row: dict[int, list[Slot]] = {}
    for slot in slots:
        by_row.setdefault(slot[1], []).append(slot)
    x = dict.fromkeys(slots, 0.0)
    for sweep in range(SWEEPS):
        down, both = sweep % 2 == 0, sweep >= SWEEPS - 2
        for row in sorted(by_row, reverse=not down):
            wish = {}
            for s in by_row[row]:
                near = above[s] + below[s] if both else above[s] if down else below[s]
                wish[s] = sum(x[t] for t in near) / len(near) if near else x[s]
            # Boxes before rails where both wish for the same place.
            order = sorted(wish, key=lambda s: (round(wish[s], 3), size[s] == RAIL, s))
            x.update(zip(order, _spread(order, wish, size), strict=True))
    for _, alone in sorted(by_row.items())[1:]:
        if len(alone) == 1:  # nothing to keep apart from: straight below its inputs
            near = above[alone[0]]
            x[alone[0]] = sum(x[t] for t in near) / len(near)
    return x


def _spread(order: Sequence[Slot], wish: dict[Slot, float], size: dict[Slot, float]) -> list[float]:
    """Positions nearest to the wishes that keep the order and the gaps (isotonic regression)."""
    offsets = [0.0]
    for a, b in pairwise(order):
        offsets.append(offsets[-1] + (size[a] + size[b]) / 2 + GAP)
    blocks: list[tuple[float, float, int]] = []  # (mean, weight, members), means rising
    for slot, offset in zip(order, offsets, strict=True):
        weight = RAIL_WEIGHT if size[slot] == RAIL else BOX_WEIGHT
        block = (wish[slot] - offset, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            mean, heavy, members = blocks.pop()
            total = heavy + block[1]
            block = ((mean * heavy + block[0] * block[1]) / total, total, members + block[2])
        blocks.append(block)
    shifts = [mean for mean, _, members in blocks for _ in range(members)]
    return [shift + offset for shift, offset in zip(shifts, offsets, strict=True)]
