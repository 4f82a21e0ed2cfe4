"""What the search believes of its finalists and of the front: what finalists come from."""

from __future__ import annotations

from collections.abc import Mapping

from rosearch.report.tables import Cell, Row, Table, listed, percent
from rosearch.results.entries import BeliefEntry
from rosearch.results.summary import Summary
from rosearch.strategies.points import POINTS

COLUMNS = ("fitness", "accuracy", "robustness")
MOST = 50  # rows


def belief_table(summary: Summary) -> Table | None:
    """Finalists, then the rest of the front by the fitness that is expected of them; None where
    the run does not tell."""
    how = "balanced " if summary.metric == "balanced" else ""
    finalists = sorted(summary.finalists, key=lambda e: [p not in e.points for p in POINTS])
    found = {e.id: (listed(e.points) if e.points else "finalist", e.posterior) for e in finalists}
    rest = sorted((e for e in summary.front if e.posterior), key=lambda e: -_mean(e.posterior))
    found = {**{e.id: ("on the front", e.posterior) for e in rest}, **found}
    order = dict.fromkeys([*(e.id for e in finalists), *(e.id for e in rest)])
    rows = [_row(*found[name], name) for name in order if found[name][1]]
    titles = ("Fitness", f"Clean {how}accuracy", f"After-attack {how}accuracy")
    columns = (("Student", ""), *((title, "expected, 95 % interval, measured") for title in titles))
    return Table(columns, tuple(rows[:MOST])) if rows else None


def _mean(posterior: Mapping[str, BeliefEntry]) -> float:
    return posterior["fitness"].mean


def _row(role: str, posterior: Mapping[str, BeliefEntry], name: str) -> Row:
    cells = [_cell(posterior[key], key != "fitness") for key in COLUMNS]
    return Row(role.capitalize(), (name,), tuple(cells), role not in ("finalist", "on the front"))


def _cell(belief: BeliefEntry, share: bool) -> Cell:
    def told(value: float) -> str:
        return percent(value) if share else f"{value:.3f}"

    low, high = belief.interval
    within = f"{100 * low:.1f} to {100 * high:.1f}" if share else f"{low:.3f} to {high:.3f}"
    return Cell(told(belief.mean), (within, f"measured {told(belief.measured)}"))
