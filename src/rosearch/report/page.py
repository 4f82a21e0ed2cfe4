"""The report of a run: one HTML file that loads nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from rosearch.errors import require
from rosearch.report.draw import draw_line, draw_svg
from rosearch.report.figures import figures, plotly_script
from rosearch.report.findings import forest, section
from rosearch.report.gallery import gallery, tally
from rosearch.report.statistics import Statistics, statistics
from rosearch.report.tables import attack_label, caveats, headline, models, percent, verdict
from rosearch.search.population import fitness, front
from rosearch.space.cost import Sizes
from rosearch.space.genotype import Genotype, from_dict
from rosearch.store import Final, Store
from rosearch.types import Trial

DRAWN_WHILE_RUNNING = 3
MOST_FAILURES = 50


@dataclass(frozen=True)
class Snapshot:
    """What the store holds at one moment: the search may go on while the page is written."""

    meta: Mapping[str, Any]
    trials: Sequence[Trial]
    finals: Sequence[Final]
    attacked: Mapping[str, Sequence[Mapping[str, Any]]]  # "best", "reference" -> examples
    sample: Sequence[Trial] = ()  # the uniform random sample

    @property
    def summary(self) -> Mapping[str, Any]:
        """Results of a finished run; empty before."""
        return self.meta.get("summary") or {}

    @cached_property
    def statistics(self) -> Statistics:
        """How architecture relates to robustness."""
        return statistics(self.trials, self.sample)


@dataclass(frozen=True)
class Drawing:
    """One architecture of the report."""

    name: str
    id: str
    line: str
    svg: str


def write_report(run_folder: Path) -> Path:
    """Write `report.html` of a run, finished or not, and return its path.

    Raises:
        UserError: there is no readable store in the folder.
        MissingExtra: plotly or jinja2 is not installed.
    """
    jinja2 = require("jinja2", "report")
    run = _read(Store(run_folder / "run.db"))
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rosearch", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "attack": attack_label, "line": draw_line}
    template = environment.get_template("template.html")
    page = template.render(**_content(run), **_assets(run), config=_config(run_folder, run.meta))
    return _write(run_folder / "report.html", page)


def _read(store: Store) -> Snapshot:
    meta = store.meta()
    summary = meta.get("summary") or {}
    attacked = {
        role: store.examples(summary[role]["id"], summary["search_attack"])
        for role in ("best", "reference")
        if summary.get(role)
    }
    return Snapshot(meta, store.trials(), store.finals(), attacked, store.sample())


def _content(run: Snapshot) -> dict[str, Any]:
    """All that the page shows besides the plots."""
    summary, labels = run.summary, [str(name) for name in run.meta.get("label_names") or ()]
    best = run.attacked.get("best", ())
    failed = [trial for trial in run.trials if trial.score is None]
    return {
        "task": run.meta.get("task", "a task"),
        "date": _date(run.meta.get("started")),
        "summary": summary,
        "trials": run.trials,
        "verdict": verdict(summary) if summary else "",
        "caveats": caveats(summary) if summary else (),
        "table": headline(summary, run.finals) if summary else None,
        "front": sorted(front(run.trials), key=fitness, reverse=True),
        "drawings": _drawings(run, _sizes(run.meta, len(labels))),
        "gallery": gallery(best, run.attacked.get("reference", ()), labels),
        "tally": tally(best),
        "statistics": section(run.statistics),
        "failures": failed[:MOST_FAILURES],
        "failed": len(failed),
        "duration": _duration(summary.get("seconds") or run.meta.get("seconds") or 0),
        "machine": run.meta.get("machine") or {},
    }


def _assets(run: Snapshot) -> dict[str, Any]:
    """Style, plots and scripts, and the policy that lets no other script run and nothing load."""
    markup = require("markupsafe", "report").Markup
    own = files("rosearch.report")
    figured, scripts = None, []
    if any(trial.score for trial in run.trials):
        teacher, best = run.summary.get("teacher") or {}, run.summary.get("best") or {}
        figured = figures(run.trials, teacher.get("params"), best.get("id"))
        figured |= forest(run.statistics)
        scripts = [plotly_script(), (own / "page.js").read_text("utf-8")]
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    allowed = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
    return {
        "figures": figured,
        "scripts": [markup(script) for script in scripts],
        "style": markup((own / "style.css").read_text("utf-8")),
        "policy": (
            f"default-src 'none'; script-src {' '.join(allowed) or repr('none')}; "
            "style-src 'unsafe-inline'; img-src data: blob:"
        ),
    }


def _sizes(meta: Mapping[str, Any], classes: int) -> Sizes:
    return Sizes(meta.get("rows") or {}, classes, trimmed=meta.get("trimmed_rows") or {})


def _drawings(run: Snapshot, sizes: Sizes) -> list[Drawing]:
    """The best student and the finalists; while the search runs, the fittest of the front."""
    if run.summary:
        return [
            _drawing(name, from_dict(entry["genotype"]), sizes)
            for name, entry in models(run.summary)
            if entry.get("genotype") and name not in ("Teacher", "Reference")
        ]
    fittest = sorted(front(run.trials), key=fitness, reverse=True)[:DRAWN_WHILE_RUNNING]
    return [
        _drawing(f"Candidate {t.candidate.index}", t.candidate.genotype, sizes) for t in fittest
    ]


def _drawing(name: str, genotype: Genotype, sizes: Sizes) -> Drawing:
    markup = require("markupsafe", "report").Markup
    known = sizes if genotype.encoding_key in sizes.rows else None
    svg = markup(draw_svg(genotype, known))  # draw_svg escapes its texts
    return Drawing(name, genotype.hash, draw_line(genotype), svg)


def _date(started: object) -> str:
    """The start of the run as text; seconds since 1970 are told in UTC."""
    if isinstance(started, int | float):
        return datetime.fromtimestamp(started, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return str(started or "")


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (left, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "less than 1 s"


def _config(run_folder: Path, meta: Mapping[str, Any]) -> str:
    """The run's configuration file; if it is gone, the same values from the store as JSON."""
    try:
        return (run_folder / "config.toml").read_text("utf-8", errors="replace")
    except OSError:
        return json.dumps(meta.get("config") or {}, indent=2, ensure_ascii=False)


def _write(path: Path, text: str) -> Path:
    """Replace the file in one step, so that a reader never sees half a page."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", errors="replace"))  # texts may hold lone surrogates
        Path(name).chmod(0o644)  # mkstemp lets only the owner read
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path
