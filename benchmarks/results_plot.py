"""docs/images/trade-off.svg: what each task's models keep clean and after the search's attacks.

Made of the files in benchmarks/results by results_page.py. A panel for each task: models on test
texts, and the front of the search on validation texts, where students were trained in part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape

import numpy as np
from results_tables import AFTER_SEARCH, OF_TEACHER, Found, once

from rosearch.objectives import is_nondominated

SIZE, PLOT, AT = (320, 250), (240, 170), (58, 34)  # of a panel, of its axes, and where they begin
ACROSS = 3  # panels side by side
LEGEND = 34  # pixels above the panels
ROOM = 0.02  # of clean accuracy, to either side of what is shown
INK, SOFT, GRID, GOAL = "#1d2327", "#5c666e", "#e3e6e8", "#e2f1e6"
STUDENT, OTHER = "#1f6fb2", "#8a939b"
Point = tuple[float, float]  # clean accuracy, and after the attacks; or pixels
Box = tuple[float, float, float, float]  # left, top, right and bottom, in pixels


def trade_off(tasks: Sequence[Found]) -> str:
    """The figure; tasks whose students did not meet the search's attacks are left out."""
    shown = [task for task in tasks if not once(task)]
    rows = -(-len(shown) // ACROSS)
    width, height = ACROSS * SIZE[0], LEGEND + rows * SIZE[1]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="system-ui,-apple-system,Segoe UI,Roboto,sans-serif" '
        f'font-size="11" role="img">',
        "<title>Clean accuracy and accuracy after the attacks of the search, of each task</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *_legend(),
    ]
    for i, task in enumerate(shown):
        x, y = (i % ACROSS) * SIZE[0], LEGEND + (i // ACROSS) * SIZE[1]
        parts += [f'<g transform="translate({x},{y})">', *_panel(task), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend() -> Iterator[str]:
    entries = (
        (_mark("finalist", (0, 0)), "finalists, test"),
        (_mark("reference", (0, 0)), "plain reference, test"),
        (_mark("teacher", (0, 0)), "teacher, test"),
        (_mark("front", (0, 0)), "front of the search, validation"),
        (f'<rect x="-7" y="-6" width="14" height="12" fill="{GOAL}"/>', "aimed at"),
    )
    for (mark, words), x in zip(entries, (20, 140, 290, 390, 590), strict=True):
        yield f'<g transform="translate({x},18)">{mark}{_text((12, 4), words, SOFT)}</g>'


def _panel(task: Found) -> Iterator[str]:
    search = task["search"]
    teacher, reference, finalists = search["teacher"], search["reference"], search["finalists"]
    every = [_of(one) for one in search["front"]]  # in more than these two, so not all are best
    front = sorted(
        p for p, best in zip(every, is_nondominated(np.array(every)), strict=True) if best
    )
    models = [_of(one) for one in (teacher, reference, *finalists)]
    clean = [x for x, _ in (*every, *models)]
    low, high = min(clean) - ROOM, min(1.0, max(clean) + ROOM)

    def place(point: Point) -> Point:
        x, y = point
        return AT[0] + PLOT[0] * (x - low) / (high - low), AT[1] + PLOT[1] * (1 - y)

    yield _text((AT[0], 22), task["task"], INK, weight=600)
    left, bottom = place((max(low, OF_TEACHER * teacher["clean"]), AFTER_SEARCH))
    yield (
        f'<rect x="{left:.1f}" y="{AT[1]}" width="{AT[0] + PLOT[0] - left:.1f}" '
        f'height="{bottom - AT[1]:.1f}" fill="{GOAL}"/>'
    )
    yield from _axes(low, high, place)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, front))
    yield f'<polyline points="{line}" fill="none" stroke="{OTHER}" stroke-dasharray="3 3"/>'
    for point in every:
        yield _mark("front", place(point))
    yield _mark("teacher", place(_of(teacher)))
    yield _mark("reference", place(_of(reference)))
    for one in finalists:
        yield _mark("finalist", place(_of(one)))
    taken = [_around(place(point), 7, 7) for point in models]
    for one in finalists:
        if one.get("points"):
            words = ", ".join(one["points"])
            at, box = _beside(place(_of(one)), 6.0 * len(words), taken)
            taken.append(box)
            yield _text(at, words, INK, "middle")


def _axes(low: float, high: float, place: Callable[[Point], Point]) -> Iterator[str]:
    for share in (0, 0.25, 0.5, 0.75, 1):
        _, y = place((low, share))
        yield f'<path d="M{AT[0]} {y:.1f}h{PLOT[0]}" stroke="{GRID}"/>'
        yield _text((AT[0] - 6, y + 4), f"{share:g}", SOFT, "end")
    for share in _ticks(low, high):
        x, y = place((share, 0))
        yield f'<path d="M{x:.1f} {y:.1f}v4" stroke="{SOFT}"/>'
        yield _text((x, y + 16), f"{share:.2f}", SOFT, "middle")
    yield _text((AT[0] + PLOT[0] / 2, AT[1] + PLOT[1] + 32), "clean accuracy", SOFT, "middle")
    middle = AT[1] + PLOT[1] / 2
    turned = f' transform="rotate(-90 16 {middle:g})"'
    yield _text((16, middle), "after the attacks", SOFT, "middle", more=turned)


def _around(at: Point, across: float, up: float) -> Box:
    return at[0] - across, at[1] - up, at[0] + across, at[1] + up


def _beside(at: Point, width: float, taken: Sequence[Box]) -> tuple[Point, Box]:
    """Where a name stands next to its point: the middle of its foot, and its box."""
    x, y = at
    best: tuple[float, Point, Box] | None = None
    for dx, dy in ((0.5, 0), (-0.5, 0), (0, -13), (0, 15), (0.5, -13), (-0.5, -13), (0.5, 15)):
        middle = (x + dx * (width + 18), y + dy)
        box = _around(middle, width / 2, 6)
        over = sum(
            max(0.0, min(box[2], o[2]) - max(box[0], o[0]))
            * max(0.0, min(box[3], o[3]) - max(box[1], o[1]))
            for o in taken
        )
        outside = max(0.0, AT[0] - box[0]) + max(0.0, box[2] - AT[0] - PLOT[0])
        cost = over + 20 * outside
        if best is None or cost < best[0]:
            best = cost, (middle[0], middle[1] + 4), box
    assert best is not None
    return best[1:]


def _of(one: Found) -> Point:
    return float(one["clean"]), float(one["after_attack"])


def _ticks(low: float, high: float) -> list[float]:
    """Round shares between, three to six of them."""
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2) if (high - low) / s <= 6)
    first = int(low / step) + 1
    return [k * step for k in range(first, int(high / step) + 1)]


def _mark(kind: str, at: Point) -> str:
    x, y = at
    if kind == "finalist":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{STUDENT}" stroke="#fff"/>'
    if kind == "front":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="#fff" stroke="{OTHER}"/>'
    if kind == "reference":
        return f'<rect x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9" fill="{OTHER}"/>'
    return f'<path d="M{x:.1f} {y - 6:.1f}l6 10h-12z" fill="{INK}"/>'


def _text(
    at: Point, words: str, color: str, anchor: str = "start", weight: int = 400, more: str = ""
) -> str:
    return (
        f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" fill="{color}" text-anchor="{anchor}" '
        f'font-weight="{weight}"{more}>{escape(words)}</text>'
    )
