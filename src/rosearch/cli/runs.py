"""`rosearch runs` and `report`: runs as they are, and what these commands print."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rosearch.cli.console import print_table, printable, table_of

if TYPE_CHECKING:
    from rosearch.results.listing import Listed

RUN_COLUMNS = (
    "candidates",
    "best fitness",
    "after attack",
    "on test",
    "started",
    "time",
    "size",
)


def runs(
    folder: Annotated[Path, typer.Argument(help="Folder that runs are in.")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the runs of a folder, newest first: their state, progress and results."""
    from rosearch.results.listing import list_runs

    print_runs(list_runs(folder), folder, as_json)


def report(
    runs: Annotated[
        list[Path], typer.Argument(help="Folder of a run, or of several.", metavar="RUN...")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write it here.",
            metavar="FILE",
            show_default="report.html or, of several runs, compare-RUN_B.html in the first folder",
        ),
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Write the report of a run anew: one file, no network needed. Works while a search runs, too.

    With several runs, write one page that compares them: models side by side, the fronts in one
    figure, what differs in the configuration.
    """
    from rosearch.report.compare import write_comparison
    from rosearch.report.page import write_report

    path = write_report(runs[0], out) if len(runs) == 1 else write_comparison(runs, out)
    print(path)
    if open_it:
        typer.launch(str(path))


def print_runs(runs: Sequence[Listed], folder: Path, as_json: bool) -> None:
    """One line a run; reasons of unreadable ones below."""
    if as_json:
        print(json.dumps([run.to_json() for run in runs], indent=2))
        return
    if not runs:
        print(f"no runs in {folder}")
        return
    from rich.text import Text

    table = table_of(("run", "task", "state"), RUN_COLUMNS)
    for run in runs:
        cells = (run.name, run.task or "-", run.state, *_run_cells(run))
        table.add_row(*(Text(printable(cell)) for cell in cells))
    print_table(table, least=("size", "time", "started"))
    for run in runs:
        if run.reason:
            print(printable(f"{run.name}: {run.reason}"))


def _run_cells(run: Listed) -> tuple[str, ...]:
    def share(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    started = None if run.started is None else datetime.fromtimestamp(run.started)
    return (
        "-" if run.done is None else f"{run.done}" + (f"/{run.total}" if run.total else ""),
        share(run.fitness),
        share(run.after_attack),
        share(run.final_after_attack),
        f"{started:%Y-%m-%d %H:%M}" if started else "-",
        "-" if run.seconds is None else str(timedelta(seconds=round(run.seconds))),
        f"{run.size / 1e6:.1f} MB",
    )
