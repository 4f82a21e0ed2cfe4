"""The statistics as the report tells them: in words, as a table, and as a forest plot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rosearch.report.figures import GREY, TEAL, Plot, figure
from rosearch.report.regression import Estimate
from rosearch.report.statistics import Analysis, Effect, LeftOut, Statistics
from rosearch.report.tables import NOTHING, SPACE, Cell, Row, Table, listed

SMALL = 0.05  # an effect within 5 points is small: less than one candidate's own interval is wide
NAMES = {"evolved": "Evolved candidates", "uniform": "Uniform random sample"}
COLOURS = {"evolved": GREY, "uniform": TEAL}


@dataclass(frozen=True)
class Paragraph:
    """What one sample says."""

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """The statistics of a report; `table` is None where nothing could be estimated."""

    paragraphs: tuple[Paragraph, ...]
    table: Table | None
    tests: int


def section(found: Statistics) -> Section:
    """Plain data for the template."""
    labels = _labels(found)
    return Section(words(found), _table(found) if labels else None, found.tests)


def words(found: Statistics) -> tuple[Paragraph, ...]:
    """What holds, what does not, and what the data cannot tell, sample by sample."""
    paragraphs = [
        Paragraph(f"{NAMES[a.sample]} (n = {a.n})", tuple(_sentences(a))) for a in found.analyses
    ]
    if len(found.analyses) > 1:
        paragraphs.append(Paragraph("Both samples", tuple(_comparison(found))))
    return tuple(paragraphs)


def _sentences(a: Analysis) -> Iterable[str]:
    if a.failed:
        yield f"{a.failed} failed {'candidate is' if a.failed == 1 else 'candidates are'} left out."
    if a.unclear:
        yield f"The data cannot tell: {a.unclear}."
        return
    holds = [e for e in a.effects if e.significant]
    small = [e for e in a.effects if not e.significant and _is_small(e.controlled)]
    open_ones = [e for e in a.effects if not e.significant and not _is_small(e.controlled)]
    if holds:
        yield f"What holds after correction: {'; '.join(_told(e, a.n) for e in holds)}."
    else:
        yield f"None of the {len(a.effects)} tested effects holds after correction."
    if small:
        yield (
            f"No effect shown, and none beyond {100 * SMALL:.0f} points in the 95{SPACE}% "
            f"interval: {listed([_named(e) for e in small])}."
        )
    if open_ones:
        yield (
            "The data cannot tell, for the interval reaches further: "
            f"{listed([f'{_named(e)} ({interval(e.controlled)})' for e in open_ones])}."
        )
    if a.left_out:
        yield f"Left out: {'; '.join(_reasons(a.left_out))}."
    if a.needed > a.n:
        yield f"A model of all features would take {a.needed} candidates."
    yield _worth(a)


def _worth(a: Analysis) -> str:
    unseen, controls = a.unseen_r2 or 0.0, a.controls_r2 or 0.0
    if unseen <= 0:
        return (
            f"On candidates left out of the fit the model is no better than their mean (R2 "
            f"{unseen:.2f}), so importances mean nothing and are not shown."
        )
    return (
        f"On candidates left out of the fit the model explains {100 * unseen:.0f}{SPACE}% of the "
        f"variance (the controls {listed(a.controls)} alone: {100 * max(0.0, controls):.0f}"
        f"{SPACE}%)."
    )


def _comparison(found: Statistics) -> Iterable[str]:
    one, other = ({e.label: e for e in a.effects} for a in found.analyses)
    if not one or not other:
        yield "They cannot be compared, as one of them cannot tell anything."
        return
    both = [x for x in one if x in other and _same(one[x], other[x])]
    against = [x for x in one if x in other and _opposite(one[x], other[x])]
    alone = [
        f"{label} ({NAMES[a.sample].lower()})"
        for a, mine, its in zip(found.analyses, (one, other), (other, one), strict=True)
        for label, effect in mine.items()
        if effect.significant and not (label in its and its[label].significant)
    ]
    yield f"Hold in both, with the same direction: {listed(both) or 'none'}."
    if against:
        yield f"Hold in both with opposite directions: {listed(against)}."
    if alone:
        yield (
            f"Hold in one only: {listed(alone)}. What holds among evolved candidates only may be "
            "an effect of how the search chose them."
        )


def _same(a: Effect, b: Effect) -> bool:
    return a.significant and b.significant and a.controlled.effect * b.controlled.effect > 0


def _opposite(a: Effect, b: Effect) -> bool:
    return a.significant and b.significant and a.controlled.effect * b.controlled.effect < 0


def _told(e: Effect, n: int) -> str:
    """An effect in words, direction first."""
    raises = "raises" if e.controlled.effect > 0 else "lowers"
    what, per = e.label, f" against {e.against}"
    if e.against == "none" and not what.startswith("position "):
        what, per = f"having {e.label}", ""
    elif e.against.startswith("per "):
        per = f" {e.against}"
    return (
        f"{what} {raises} after-attack accuracy by {100 * abs(e.controlled.effect):.1f} points"
        f"{per} ({interval(e.controlled)}; {e.having} of {n}; without the control for clean "
        f"accuracy {points(e.total.effect)})"
    )


def _named(e: Effect) -> str:
    return f"{e.label} {e.against}" if e.against.startswith("per ") else e.label


def _reasons(left_out: Sequence[LeftOut]) -> list[str]:
    """`a, b and c (reason)`, one entry for each reason."""
    by_reason: dict[str, list[str]] = {}
    for one in left_out:
        by_reason.setdefault(one.reason, []).append(one.label)
    return [f"{listed(labels)} ({reason})" for reason, labels in by_reason.items()]


def _is_small(estimate: Estimate) -> bool:
    return estimate.low >= -SMALL and estimate.high <= SMALL


def points(share: float) -> str:
    """A difference of shares in percentage points, signed."""
    return f"{100 * share:+.1f}"


def interval(estimate: Estimate) -> str:
    """Its 95 % interval in percentage points."""
    return f"{points(estimate.low)} to {points(estimate.high)}"


def _labels(found: Statistics) -> list[str]:
    """Effects of either sample, each once, in the order of the fuller one."""
    fuller = sorted(found.analyses, key=lambda a: -len(a.effects))
    return list(dict.fromkeys(e.label for a in fuller for e in a.effects))


def _table(found: Statistics) -> Table:
    columns = [("Feature", "its effect is of")]
    for a in found.analyses:
        where = f"{NAMES[a.sample].lower()}, n = {a.n}"
        columns += [("Effect", where), ("Without control for clean accuracy", where)]
        columns += [("Importance", "lost R2, unseen candidates")]
    rows = []
    for label in _labels(found):
        mine = [next((e for e in a.effects if e.label == label), None) for a in found.analyses]
        known = next(e for e in mine if e)
        against = known.against
        small = against if against.startswith("per ") else f"against {against}"
        cells = [cell for e in mine for cell in _cells(e)]
        rows.append(Row(label, (small,), tuple(cells), any(e and e.significant for e in mine)))
    return Table(tuple(columns), tuple(rows))


def _cells(e: Effect | None) -> tuple[Cell, ...]:
    if e is None:
        return (Cell(NOTHING, ("not told",)), Cell(NOTHING), Cell(NOTHING))
    corrected = f"p < {0.001}" if e.p_holm < 0.001 else f"p = {e.p_holm:.3f}"
    having = f"{e.having} have it" if not e.against.startswith("per ") else f"{e.having} differ"
    return (
        Cell(points(e.controlled.effect), (interval(e.controlled), f"{corrected} (Holm)", having)),
        Cell(points(e.total.effect), (interval(e.total),)),
        Cell(NOTHING if e.importance is None else f"{e.importance:.3f}"),
    )


def forest(found: Statistics) -> dict[str, Plot]:
    """The plot `effects`, JSON-ready: effects with intervals, filled where they hold; or nothing.

    Rows stand from the top in the order of the table.
    """
    labels = _labels(found)
    if not labels:
        return {}
    told = [a for a in found.analyses if a.effects]
    apart = 0.3 / max(1, len(told) - 1)
    traces = [_trace(a, labels, k * apart - 0.15 * (len(told) > 1)) for k, a in enumerate(told)]
    line = {"color": GREY, "width": 1, "dash": "dot"}
    layout: Plot = {
        "xaxis": {"title": {"text": "effect on after-attack accuracy (points)"}},
        "yaxis": {
            "tickvals": list(range(len(labels))),
            "ticktext": labels,
            "range": [len(labels) - 0.5, -0.5],
            "tickfont": {"size": 11},
        },
        "shapes": [
            {"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "line": line}
        ],
        "margin": {"l": 180, "r": 16, "t": 40, "b": 50},
    }
    return {"effects": figure(traces, layout)}


def _trace(a: Analysis, labels: Sequence[str], shift: float) -> Plot:
    shown, colour = a.effects, COLOURS[a.sample]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{NAMES[a.sample].lower()} (n = {a.n})",
        "x": [100 * e.controlled.effect for e in shown],
        "y": [labels.index(e.label) + shift for e in shown],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [100 * (e.controlled.high - e.controlled.effect) for e in shown],
            "arrayminus": [100 * (e.controlled.effect - e.controlled.low) for e in shown],
            "color": colour,
            "thickness": 1.5,
            "width": 3,
        },
        "hovertext": [
            f"{_named(e)}: {_cells(e)[0].main} ({interval(e.controlled)})" for e in shown
        ],
        "hoverinfo": "text",
        "marker": {
            "size": 8,
            "color": colour,
            "symbol": ["circle" if e.significant else "circle-open" for e in shown],
        },
    }
