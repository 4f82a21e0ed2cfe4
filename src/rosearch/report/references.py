"""The table of `rosearch compare --run RUN` in the report of the run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rosearch.errors import UserError
from rosearch.report.tables import (
    SPACE,
    Cell,
    Row,
    Table,
    attacked_cell,
    clean_cell,
    searched_cell,
    size_cell,
)
from rosearch.results.comparison import ComparedModel, Comparison
from rosearch.results.decode import decode
from rosearch.results.folder import RunFolder
from rosearch.results.words import attack_label

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
    OSError, ValueError, LookupError, ArithmeticError, UserError,
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

    Whatever the file holds, the rest of a report is none the worse for it.
    """
    file = RunFolder(run_folder).comparison.table
    try:
        return _section(decode(Comparison, json.loads(file.read_text("utf-8")), file.name))
    except FileNotFoundError:
        return None
    except UNREADABLE:
        return References(note=DAMAGED)


def _section(found: Comparison) -> References:
    attack = attack_label(found.search_attack)
    held_out = [attack_label(name) for name in found.held_out]
    suites = [*found.rows[0].suites] if found.rows else []
    columns = [
        ("Model", "recipe"),
        ("Kind", ""),
        ("Parameters", ""),
        ("MB", "of its weights"),
        ("Smaller", "than the teacher"),
        ("Clean accuracy", "whole test split"),
        ("After-attack accuracy", f"search attack {attack}"),
        *(("After-attack accuracy", f"search attack {attack_label(name)}") for name in suites),
        *(("After-attack accuracy", f"held-out attack {name}") for name in held_out),
        ("Latency", "one text, one thread"),
    ]
    rows = tuple(_row(model, (*suites, *found.held_out)) for model in found.rows)
    epochs, seeds = found.epochs, found.seeds
    protocol = (
        f"Students: {epochs:d} pass{'es' * (epochs != 1)} over the train split, "
        f"{seeds:d} seed{'s' * (seeds != 1)}."
    )
    return References(Table(tuple(columns), rows), protocol)


def _row(model: ComparedModel, further: Sequence[str]) -> Row:
    attacked = [model.further[name] for name in further]
    cells = (
        Cell(KINDS[model.kind]),
        size_cell(model),
        Cell(f"{model.megabytes:.1f}"),
        Cell(f"{model.compression:.1f}x"),
        clean_cell(model),
        searched_cell(model),
        *map(attacked_cell, attacked),
        Cell(f"{model.latency_ms:.2f}{SPACE}ms"),
    )
    return Row(model.name, _small(model), cells, model.kind == "search")


def _small(model: ComparedModel) -> tuple[str, ...]:
    """Where a recipe is from, what it trains for, and what it departs in."""
    parts = [text for text in (model.preset, model.source, model.loss) if text]
    if model.departures:
        parts.append(f"departs: {model.departures}")
    if model.kind == "search" and model.id:
        parts.append(model.id)
    return tuple(parts)
