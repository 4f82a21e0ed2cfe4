"""`rosearch compare`, and what it prints."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rosearch.cli.by_label import BELOW, class_table
from rosearch.cli.console import print_table, table_of, when_stopped
from rosearch.cli.groups import given, with_groups
from rosearch.cli.options import (
    AsJson,
    Preset,
    Seed,
    Settings,
    TaskOptions,
    TeacherOptions,
    task_label,
    with_settings,
)
from rosearch.cli.setting_options import option_of

if TYPE_CHECKING:
    from rich.table import Table

    from rosearch.results.comparison import Comparison

Workers = Annotated[int, typer.Option(help="Worker processes, one thread each.", min=1, max=1024)]


@with_groups
def compare(
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of students and results; given again, the comparison goes on there.",
            show_default="RUN/comparison, or comparisons/TASK",
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            help="A finished run: its best student is compared on its task, data and teacher, and "
            "its report gets the table.",
            metavar="RUN",
            show_default="none",
        ),
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(help="One of {recipes}. May be repeated.", show_default="all"),
    ] = None,
    compressed: Annotated[
        bool,
        typer.Option(
            "--compressed/--no-compressed", help="Also the teacher, quantised and pruned."
        ),
    ] = True,
    preset: Preset = "quick",
    data: TaskOptions,
    teacher: TeacherOptions,
    epochs: Annotated[int | None, option_of("final.epochs", preset="quick")] = None,
    seeds: Annotated[int | None, option_of("final.seeds", preset="quick")] = None,
    n: Annotated[int | None, option_of("final.attacked", "--n", preset="quick")] = None,
    seed: Seed = None,
    workers: Workers = 2,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Classic students of the literature and the best of a run, under one protocol: one table."""
    from rosearch.baselines.compare import compare_into
    from rosearch.baselines.of_run import settings_of_run
    from rosearch.config import make_config
    from rosearch.results.folder import RunFolder

    flags = {**data.settings(), **teacher.settings(), **given(seed=seed)}
    flags["final"] = given(epochs=epochs, seeds=seeds, attacked=n)
    flags = with_settings(flags, settings)
    if run is not None:
        flags = settings_of_run(run, flags)
    config = make_config(preset, None, flags)
    own = RunFolder(run).comparison.path if run else Path("comparisons") / task_label(config)
    folder = out or own
    with when_stopped(f"the same command with --out {folder} goes on"):
        table = compare_into(folder, config, recipe, run, compressed, workers)
    print_comparison(table, folder, as_json)


def print_comparison(table: Comparison, folder: Path, as_json: bool) -> None:
    """The table of `rosearch compare`, or its JSON."""
    if as_json:
        print(json.dumps(table.to_json(), indent=2))
        return
    print_table(comparison_table(table))
    for row in table.rows:
        if row.kind == "search" and row.classes:
            attacks = {table.search_attack: row.searched, **row.further}
            title = f"{row.name} by label"
            print_table(class_table(title, table.label_names, row.classes, attacks))
    print(f"students and results: {folder}", file=sys.stderr)


def comparison_table(table: Comparison) -> Table:
    """The rows of `rosearch.baselines.compare`, the largest of each kind first."""
    from rich.text import Text

    from rosearch.results.words import attack_label, attacked_words, clean_words

    searched = attack_label(table.search_attack)
    columns = ["parameters", "MB", "smaller", "clean", f"after attack: {searched}"]
    suites = list(table.rows[0].suites)
    columns += [f"after attack: {name}" for name in suites]
    columns += [f"held out: {name}" for name in table.held_out]
    made = table_of(
        ("model", "kind"),
        (*columns, "ms a text"),
        title=f"{table.task}: TEST split; 95 % intervals in brackets; students: "
        f"{table.epochs} epochs, {table.seeds} seeds",
        caption=BELOW,
    )
    for row in table.rows:
        attacked = [row.searched, *(row.further[name] for name in (*suites, *table.held_out))]
        made.add_row(
            Text(row.name),
            row.kind,
            f"{row.params:,}",
            f"{row.megabytes:.1f}",
            f"{row.compression:.1f}x",
            clean_words(row),
            *map(attacked_words, attacked),
            f"{row.latency_ms:.2f}",
            style="bold" if row.kind == "search" else None,
        )
    return made
