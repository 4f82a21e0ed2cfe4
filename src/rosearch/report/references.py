"""The table of `rosearch compare --run RUN` in the report of the run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rosearch.report.tables import (
    SPACE,
    Cell,
    Entry,
    Row,
    Table,
    attack_label,
    millions,
    share_cell,
    spread,
)
from rosearch.results.folder import RunFolder

KINDS = {
    "teacher": "teacher",
    "compressed": "compressed teacher",
    "search": "found by this run",
    "recipe": "recipe",
    "plain": "plain distillation",
}
DAMAGED = (
    "comparison/comparison.json can't be read, so the table is left out; "
    "`rosearch compare --run` writes it anew."
)
UNREADABLE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
    RecursionError,  # of lists in lists
)  # fmt: skip


@dataclass(frozen=True)
class References:
    """What the section shows: the table, or a note that it can't be read.

    Attributes:
        protocol: epochs and seeds.
    """

    table: Table | None = None
    protocol: str = ""
    note: str = ""


def references(run_folder: Path) -> References | None:
    """The comparison in a run folder; None if none was made.

    What the file holds is checked by reading it all: whatever it is, the rest of a report is none
    the worse for it.
    """
    try:
        return _read(json.loads(RunFolder(run_folder).comparison.table.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except UNREADABLE:
        return References(note=DAMAGED)


def _read(found: Entry) -> References:
    """The section of a file's content; raises whatever it does if that is something else."""
    held_out: Sequence[str] = found["held_out"]
    attack = attack_label(found["search_attack"])
    columns = [
        ("Model", "recipe"),
        ("Kind", ""),
        ("Parameters", ""),
        ("MB", "of its weights"),
        ("Smaller", "than the teacher"),
        ("Clean accuracy", "whole test split"),
        ("After-attack accuracy", f"search attack {attack}"),
        *(("After-attack accuracy", f"held-out attack {attack_label(name)}") for name in held_out),
        ("Latency", "one text, one thread"),
    ]
    rows = tuple(_row(entry, held_out) for entry in found["rows"])
    epochs, seeds = found["epochs"], found["seeds"]
    protocol = (
        f"Students: {epochs:d} pass{'es' * (epochs != 1)} over the train split, "
        f"{seeds:d} seed{'s' * (seeds != 1)}."
    )
    return References(Table(tuple(columns), rows), protocol)


def _row(entry: Entry, held_out: Sequence[str]) -> Row:
    kind = KINDS[entry["kind"]]
    attacked = [entry["held_out"][name] for name in held_out]
    cells = (
        Cell(kind),
        Cell(millions(entry["params"]), (f"{entry['params']:,}",)),
        Cell(f"{entry['megabytes']:.1f}"),
        Cell(f"{entry['compression']:.1f}x"),
        share_cell(
            entry["clean"], entry["clean_interval"], entry["n_clean"], spread(entry, "clean")
        ),
        share_cell(entry["after_attack"], entry["interval"], entry["n"], spread(entry)),
        *(share_cell(each["after_attack"], each["interval"], each["n"]) for each in attacked),
        Cell(f"{entry['latency_ms']:.2f}{SPACE}ms"),
    )
    return Row(str(entry["name"]), _small(entry), cells, entry["kind"] == "search")


def _small(entry: Entry) -> tuple[str, ...]:
    """Where a recipe is from, what it trains for, and what it departs in."""
    parts = [str(entry[key]) for key in ("preset", "source", "loss") if entry.get(key)]
    if entry.get("departures"):
        parts.append(f"departs: {entry['departures']}")
    if entry["kind"] == "search" and entry.get("id"):
        parts.append(str(entry["id"]))
    return tuple(parts)
