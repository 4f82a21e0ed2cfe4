"""Templates, style and scripts that all pages share; no page loads anything from anywhere."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from rosearch.errors import require
from rosearch.report.draw import draw_line
from rosearch.report.tables import fidelity_words, listed, percent
from rosearch.results.words import attack_label

SCRIPTS = ("dag.js", "plots.js", "gallery.js", "start.js")  # in the order of their use
LIVE_SCRIPTS = (*SCRIPTS[:-1], "live.js", SCRIPTS[-1])


def render(template: str, plots: bool, live: bool = False, **content: object) -> str:
    """A page from its template.

    Args:
        plots: with the scripts and plotly.js, which is what makes a page large.
        live: let the page ask its own server for news.

    Raises:
        MissingExtra: plotly or jinja2 is not installed.
    """
    jinja2 = require("jinja2", "report")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rosearch", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "attack": attack_label,
        "fidelity": fidelity_words,
        "line": draw_line,
        "listed": listed,
        "percent": percent,
    }
    page = environment.get_template(template)
    text: str = page.render(**content, **_assets(plots, live), live=live)
    return text


def _assets(plots: bool, live: bool) -> dict[str, object]:
    """Style and scripts, and the policy that lets no other script run and nothing load."""
    markup = require("markupsafe", "report").Markup
    own = "\n".join(map(own_file, LIVE_SCRIPTS if live else SCRIPTS))
    scripts = [_plotly_script(), own] if plots else []
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    allowed = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
    return {
        "scripts": [markup(script) for script in scripts],
        "style": markup(own_file("style.css")),
        "policy": (
            f"default-src 'none'; script-src {' '.join(allowed) or repr('none')}; "
            "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
            + ("; connect-src 'self'" if live else "")
        ),
    }


def own_file(name: str) -> str:
    """A file of this package: style or a script."""
    return (files("rosearch.report") / name).read_text("utf-8")


def _plotly_script() -> str:
    """Source of plotly.js, to stand in the page once."""
    source: str = require("plotly.offline", "report").get_plotlyjs()
    return source.replace("\r\n", "\n").replace("\r", "\n")  # as a browser reads it
