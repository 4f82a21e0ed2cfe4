"""What `rosearch export` prints."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from rosearch.results.summary import share

if TYPE_CHECKING:
    from rosearch.export.bundle import ExportReport

WIDE = 160  # columns where the output is no terminal


def print_export(report: ExportReport, as_json: bool) -> None:
    """The parity check, quality and latency of an export, or its JSON."""
    if as_json:
        print(json.dumps(report.to_json(), indent=2))
        return
    console = Console() if sys.stdout.isatty() else Console(width=WIDE)
    p = report.parity
    print(
        f"parity on {p.n} texts of the test split: the same label for {p.agreement:.1%}, "
        f"largest difference of a probability {p.difference:.2g}"
    )
    console.print(_quality(report))
    console.print(_latency(report))
    for note in report.source.notes:
        print(note)
    was = f" (was {report.original_size / 1e6:.1f} MB)" if report.original_size else ""
    print(f"{report.form}: {report.out}, {report.size / 1e6:.1f} MB{was}")


def _quality(report: ExportReport) -> Table:
    table = Table(title=f"{report.source.name} on {report.source.task.name} (test split)")
    attacks = list(report.qualities[0].attacks)
    for name in ("model", "n", "clean", *(f"after {a}" for a in attacks)):
        table.add_column(name, justify="left" if name == "model" else "right")
    for q in report.qualities:
        counts = [q.attacks[a] for a in attacks]
        table.add_row(
            q.name,
            str(q.n),
            share(q.clean, (q.interval.low, q.interval.high)),
            *(
                f"{share(c.after_attack, (c.interval.low, c.interval.high))} (n = {c.n})"
                for c in counts
            ),
        )
    return table


def _latency(report: ExportReport) -> Table:
    table = Table(title="latency, one thread, 32 tokens")
    for name in ("", "form", "batch", "ms", "texts per second"):
        table.add_column(name, justify="left" if name in ("", "form") else "right")
    for row in report.latency:
        ms, rate = f"{row.ms:.2f}", f"{row.texts_per_second:,.0f}"
        table.add_row(row.who, row.form, str(row.batch), ms, rate)
    return table
