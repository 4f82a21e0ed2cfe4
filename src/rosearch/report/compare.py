"""Several runs on one page: their models side by side, their fronts in one figure, what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rosearch.errors import UserError
from rosearch.report.data import plot_data
from rosearch.report.html import render
from rosearch.report.page import page_in, write_page
from rosearch.report.snapshot import Snapshot, read_snapshot
from rosearch.report.tables import NOTHING, Cell, Table, headline, verdict

MODELS = ("Best student", "Reference", "Teacher")


@dataclass(frozen=True)
class Difference:
    """One setting that is not the same in all runs; one value per run."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """One model of every run: rows of (quantity, one cell per run)."""

    title: str
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def write_comparison(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Write the comparison of runs; without `out`, as `compare-B.html` into the first folder.

    Raises:
        UserError: a folder holds no readable store, the same run is named twice, or the folder of
            `out` does not exist.
        MissingExtra: plotly or jinja2 is not installed.
    """
    places = [folder.resolve() for folder in folders]
    if len(set(places)) < len(places):
        raise UserError(
            f"the same run is named twice: {', '.join(map(str, folders))}; name different ones"
        )
    others = "-".join(place.name for place in places[1:])
    path = out or page_in(folders[0] / f"compare-{others}.html")
    runs = named_apart([read_snapshot(folder) for folder in folders])
    return write_page(path, comparison_page(runs))


def named_apart(runs: Sequence[Snapshot]) -> list[Snapshot]:
    """Runs of one folder name get their parent folder's name, too."""
    names = [run.folder.resolve().name for run in runs]
    if len(set(names)) == len(names):
        return list(runs)
    return [replace(run, label="/".join(run.folder.resolve().parts[-2:])) for run in runs]


def comparison_page(runs: Sequence[Snapshot]) -> str:
    """The page that compares runs."""
    plots = any(trial.score for run in runs for trial in run.trials)
    return render(
        "compare.html",
        plots,
        title=" and ".join(run.name for run in runs),
        runs=runs,
        verdicts=[(run.name, verdict(run.summary) if run.summary else "") for run in runs],
        groups=groups(runs),
        differences=differences([_settings(run) for run in runs]),
        same_data=len({run.meta.fingerprint for run in runs}) == 1,
        data=plot_data(runs),
    )


def groups(runs: Sequence[Snapshot]) -> list[Group]:
    """Best student, reference and teacher of every run, quantity by quantity."""
    tables = [headline(run.summary, run.finals) if run.summary else None for run in runs]
    found = []
    for title in MODELS:
        columns = [_column(table, title) for table in tables]
        names = dict.fromkeys(name for column in columns for name in column)
        rows = tuple(
            (name, tuple(column.get(name, Cell(NOTHING)) for column in columns)) for name in names
        )
        if rows:
            found.append(Group(title, rows))
    return found


def _column(table: Table | None, model: str) -> dict[str, Cell]:
    """Cells of one model by their names, which tell the attack, too."""
    if table is None:
        return {}
    names = [f"{title}, {small}" if small else title for title, small in table.columns[1:]]
    row = next((row for row in table.rows if row.name == model), None)
    return {} if row is None else dict(zip(names, row.cells, strict=True))


def differences(settings: Sequence[Mapping[str, str]]) -> list[Difference]:
    """Settings whose values differ; a run without the setting has a dash."""
    names = dict.fromkeys(name for one in settings for name in one)
    rows = [Difference(name, tuple(one.get(name, NOTHING) for one in settings)) for name in names]
    return [row for row in rows if len(set(row.values)) > 1]


def _settings(run: Snapshot) -> dict[str, str]:
    """Configuration, data, machine and versions of a run as flat names and values."""
    whole = {
        **run.meta.config,
        "fingerprint of the data": run.meta.fingerprint,
        "machine": run.meta.machine,
        "versions": run.summary.versions if run.summary else {},
        "candidates in the store": len(run.candidates),
    }
    return dict(_flat(whole, ""))


def _flat(value: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{prefix}{key}.")
        elif isinstance(inner, list):
            yield prefix + key, ", ".join(map(str, inner))
        else:
            yield prefix + key, NOTHING if inner is None else str(inner)
