"""Plots that are made in Python, as data for plotly.js. Colours of text are the page's."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rosearch.errors import require

Plot = dict[str, object]  # JSON-ready, as plotly.js takes it
GREY, TEAL = "#8b949e", "#1a8f85"  # seen on light and on dark ground


def figure(traces: Sequence[Plot], layout: Plot) -> Plot:
    """Traces and layout, checked by plotly."""
    shared: Plot = {
        "template": None,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    }
    made = require("plotly.graph_objects", "report").Figure(list(traces), shared | layout)
    plain: Plot = json.loads(made.to_json())
    return plain
