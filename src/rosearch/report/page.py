"""The report of a run: one HTML file that loads nothing from anywhere."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rosearch.encodings.reader import FILE, Reader
from rosearch.errors import UserError, require
from rosearch.io.files import write_text
from rosearch.objectives import further
from rosearch.report.beliefs import belief_table
from rosearch.report.by_label import class_tables
from rosearch.report.data import plot_data
from rosearch.report.draw import draw_line, draw_svg
from rosearch.report.findings import forest, section
from rosearch.report.gallery import MOST_PER_KIND, STATUS, gallery
from rosearch.report.history import Step, lineage, rung_correlations
from rosearch.report.html import render
from rosearch.report.known import known_attacks
from rosearch.report.references import references
from rosearch.report.snapshot import Snapshot, read_snapshot
from rosearch.report.tables import (
    caveats,
    certified_table,
    failures,
    headline,
    models,
    verdict,
)
from rosearch.results.folder import RunFolder
from rosearch.space.cost import Sizes
from rosearch.space.genotype import Genotype, from_dict

DRAWN_WHILE_RUNNING = 3
MOST_FAILURES = 50
MOST_OF_THE_FRONT = 300  # rows of the table; the plot shows all


@dataclass(frozen=True)
class Drawing:
    """One architecture of the report."""

    name: str
    id: str
    line: str
    svg: str


def write_report(run_folder: Path, out: Path | None = None) -> Path:
    """Write the report of a run, finished or not, and return its path.

    Args:
        out: `report.html` in the run's folder if None; in the working directory, with the name of
            the run, if that folder is read-only.

    Raises:
        UserError: there is no readable store in the folder, or `out` cannot be written.
        MissingExtra: plotly or jinja2 is not installed.
    """
    run = read_snapshot(run_folder)
    plots = any(trial.score for trial in run.trials)
    return write_page(out or page_in(RunFolder(run_folder).report), run_page(run, plots))


def page_in(path: Path) -> Path:
    """The path of a page, or where its folder is read-only, one in the working directory."""
    folder = path.resolve().parent
    if os.access(folder, os.W_OK):
        return path
    return Path(f"{folder.name}-{path.name}")


def run_page(run: Snapshot, plots: bool, live: bool = False) -> str:
    """The page of a run; see `rosearch.report.html.render`."""
    return render("template.html", plots, live, **_content(run))


def _content(run: Snapshot) -> dict[str, object]:
    """All that the page shows besides the plots' scripts."""
    summary, leader = run.summary, run.leader
    failed = failures(run.candidates)
    return {
        "title": run.meta.task or "a task",
        "version": run.version,
        "date": _date(run.meta.started),
        "summary": summary,
        "tried": len(run.candidates),
        "failed": sum(len(failure.trials) for failure in failed),
        "failures": failed[:MOST_FAILURES],
        "verdict": verdict(summary) if summary else "",
        "caveats": (*(caveats(summary) if summary else ()), *run.meta.data[1:]),
        "table": headline(summary, run.finals) if summary else None,
        "by_label": class_tables(summary) if summary else (),
        "certified": certified_table(summary) if summary else None,
        "beliefs": belief_table(summary) if summary else None,
        "known": known_attacks(run.meta),
        "references": references(run.folder),
        "front": run.front[:MOST_OF_THE_FRONT],
        "on_front": len(run.front),
        "data": plot_data([run]) | {"figures": forest(run.statistics)},
        "statistics": section(run.statistics),
        "drawings": _drawings(run),
        "lineage": _lineage(run) if leader else (),
        "rungs": rung_correlations(run.trials, run.objectives),
        "objectives": run.objectives,
        "further": further(run.objectives),
        "gallery": gallery(run.attacked, run.meta.label_names, _reader(run)),
        "most_per_kind": MOST_PER_KIND,
        "outcomes": STATUS,
        "duration": _duration(summary.seconds if summary else run.meta.seconds),
        "machine": run.meta.machine,
        "fingerprint": run.meta.fingerprint,
        "about_data": run.meta.data,
        "command": f"rosearch search config.toml --out {shlex.quote(run.name + '-again')}",
        "config": _config(run),
    }


def _reader(run: Snapshot) -> Reader | None:
    """What the best student reads texts with, if it does and its folder is there."""
    best = run.summary.best if run.summary else None
    try:
        return Reader.load(RunFolder(run.folder).student(best.id) / FILE) if best else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none, moved, or damaged
        return None


def _drawings(run: Snapshot) -> list[Drawing]:
    """The best student and the finalists; while the search runs, the fittest of the front."""
    if run.summary:
        return [
            _drawing(name, from_dict(entry.genotype), run.meta.sizes)
            for name, entry in models(run.summary)
            if entry.genotype and name not in ("Teacher", "Reference")
        ]
    return [
        _drawing(f"Candidate {t.candidate.index}", t.candidate.genotype, run.meta.sizes)
        for t in run.front[:DRAWN_WHILE_RUNNING]
    ]


def _lineage(run: Snapshot) -> list[tuple[Step, Drawing]]:
    steps = lineage(run.candidates, run.leader) if run.leader else []
    return [(step, _drawing("", step.trial.candidate.genotype, run.meta.sizes)) for step in steps]


def _drawing(name: str, genotype: Genotype, sizes: Sizes) -> Drawing:
    markup = require("markupsafe", "report").Markup
    known = sizes if genotype.encoding_key in sizes.rows else None
    svg = markup(draw_svg(genotype, known))  # draw_svg escapes its texts
    return Drawing(name, genotype.hash, draw_line(genotype), svg)


def _date(started: float | None) -> str:
    """The start of the run in UTC; empty if it is not known."""
    if started is None:
        return ""
    return datetime.fromtimestamp(started, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (left, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "less than 1 s"


def _config(run: Snapshot) -> str:
    """The run's configuration file; if it is gone, the same values from the store as JSON."""
    try:
        return RunFolder(run.folder).config.read_text("utf-8", errors="replace")
    except OSError:
        return json.dumps(run.meta.config, indent=2, ensure_ascii=False)


def write_page(path: Path, text: str) -> Path:
    """Write a page whole or not at all, and return its path.

    Raises:
        UserError: the folder does not exist.
    """
    if not path.parent.is_dir():
        raise UserError(f"no folder {path.parent} to write {path.name} to; make it first")
    write_text(path, text)
    return path
