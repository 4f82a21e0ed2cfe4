"""The interactive plots of a search, as data for plotly.js. Colours of text are the page's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from rosearch.errors import require
from rosearch.report.draw import draw_line
from rosearch.search.population import front
from rosearch.types import Score, Trial

GREY, TEAL, ORANGE = "#8b949e", "#1a8f85", "#e8590c"  # seen on light and on dark ground
RING = 22


def figures(
    trials: Sequence[Trial], teacher_params: int | None, best: str | None
) -> dict[str, Any]:
    """Plots by name, JSON-ready: `pareto` and `fitness`.

    Args:
        teacher_params: colours the front by compression; without it, by parameters.
        best: id of the best student, which gets a ring.
    """
    scored = _scored(trials)
    return {
        "pareto": _pareto(scored, _scored(front(trials)), teacher_params, best),
        "fitness": _fitness(scored),
    }


def plotly_script() -> str:
    """Source of plotly.js, to stand in the page once."""
    source: str = require("plotly.offline", "report").get_plotlyjs()
    return source.replace("\r\n", "\n").replace("\r", "\n")  # as a browser reads it


def _pareto(
    scored: Sequence[tuple[Trial, Score]],
    best_ones: Sequence[tuple[Trial, Score]],
    teacher_params: int | None,
    best: str | None,
) -> dict[str, Any]:
    ids = {trial.candidate.id for trial, _ in best_ones}
    others = [pair for pair in scored if pair[0].candidate.id not in ids]
    ring = [pair for pair in scored if pair[0].candidate.id == best]
    size = [teacher_params / s.params if teacher_params else s.params / 1e6 for _, s in best_ones]
    bar = {
        "title": {"text": "compression (x)" if teacher_params else "parameters (M)", "side": "top"},
        "orientation": "h",
        "thickness": 12,
        "y": -0.2,
        "yanchor": "top",
        "outlinewidth": 0,
    }
    shown = [
        _points("other candidates", others, {"size": 7, "color": GREY, "opacity": 0.55}),
        _points(
            "Pareto front",
            best_ones,
            {
                "size": 13,
                "color": size,
                "colorscale": "Viridis",
                "showscale": True,
                "colorbar": bar,
                "line": {"width": 1, "color": GREY},
            },
        ),
    ]
    if ring:
        circle = {"size": RING, "symbol": "circle-open", "color": ORANGE, "line": {"width": 2.5}}
        shown.append(_points("best student", ring, circle))
    return figure(
        shown,
        {
            "xaxis": {"title": {"text": "clean accuracy"}, "tickformat": ".0%"},
            "yaxis": {"title": {"text": "after-attack accuracy"}, "tickformat": ".0%"},
            "margin": {"l": 60, "r": 16, "t": 40, "b": 120},
        },
    )


def _fitness(scored: Sequence[tuple[Trial, Score]]) -> dict[str, Any]:
    indices = [trial.candidate.index for trial, _ in scored]
    best, line = float("-inf"), []
    for _, score in scored:
        best = max(best, score.fitness)
        line.append(best)
    dots = _points("candidates", scored, {"size": 6, "color": GREY, "opacity": 0.6})
    dots |= {"x": indices, "y": [score.fitness for _, score in scored]}
    so_far = {
        "type": "scatter",
        "mode": "lines",
        "name": "best so far",
        "x": indices,
        "y": line,
        "line": {"shape": "hv", "width": 2.5, "color": TEAL},
    }
    return figure(
        [dots, so_far],
        {
            "xaxis": {"title": {"text": "candidate"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": "fitness"}},
            "margin": {"l": 60, "r": 16, "t": 40, "b": 50},
        },
    )


def _points(name: str, pairs: Sequence[tuple[Trial, Score]], marker: dict[str, Any]) -> Any:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [score.clean for _, score in pairs],
        "y": [score.after_attack for _, score in pairs],
        "hovertext": [_hover(trial, score) for trial, score in pairs],
        "hoverinfo": "text",
        "marker": marker,
    }


def figure(traces: Sequence[dict[str, Any]], layout: dict[str, Any]) -> dict[str, Any]:
    """Traces and layout, checked by plotly."""
    shared = {
        "template": None,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    }
    made = require("plotly.graph_objects", "report").Figure(list(traces), shared | layout)
    plain: dict[str, Any] = json.loads(made.to_json())
    return plain


def _hover(trial: Trial, score: Score) -> str:
    """plotly.js reads a small HTML of its own in texts, so what goes in is escaped."""
    lines = (
        f"candidate {trial.candidate.index}, {trial.candidate.id}",
        *draw_line(trial.candidate.genotype).split("; "),
        f"{score.params:,} parameters",
        f"clean {score.clean:.1%}, after attack {score.after_attack:.1%}",
        f"fitness {score.fitness:.4f}",
        f"{score.fidelity.epochs} epochs on {score.fidelity.train_share:.0%} of the train split",
    )
    return "<br>".join(escape(line) for line in lines)


def _scored(trials: Iterable[Trial]) -> list[tuple[Trial, Score]]:
    return [(trial, trial.score) for trial in trials if trial.score is not None]
