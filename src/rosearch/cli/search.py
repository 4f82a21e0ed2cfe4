"""`rosearch search` and `resume`, and what they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rosearch.cli.by_label import BELOW, class_table
from rosearch.cli.console import print_table, table_of
from rosearch.cli.groups import given, with_groups
from rosearch.cli.options import (
    AsJson,
    ExecutorOptions,
    PlaceOptions,
    Plugins,
    Preset,
    RunPath,
    Seed,
    Settings,
    TaskOptions,
    TeacherOptions,
    Track,
    task_label,
    with_settings,
)
from rosearch.cli.setting_options import option_of
from rosearch.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from rosearch.config import RunConfig
    from rosearch.results.summary import Summary

ConfigFile = Annotated[
    Path | None, typer.Argument(help="TOML file with settings; flags win over it.", metavar="FILE")
]
More = Annotated[
    str | None,
    typer.Option(
        help="A larger limit: a number, or + and a number.",
        metavar="N|+N",
        show_default="as before",
    ),
]


@with_groups
def search(
    *,
    config: ConfigFile = None,
    preset: Preset = "quick",
    data: TaskOptions,
    teacher: TeacherOptions,
    candidates: Annotated[
        int | None,
        option_of("search.candidates", beside="no limit with --minutes or --queries"),
    ] = None,
    minutes: Annotated[float | None, option_of("search.minutes")] = None,
    queries: Annotated[int | None, option_of("search.queries")] = None,
    strategy: Annotated[str | None, option_of("search.strategy")] = None,
    warm_start: Annotated[list[str] | None, option_of("search.warm_start", metavar="RUN")] = None,
    random_sample: Annotated[int | None, option_of("search.random_sample")] = None,
    attack: Annotated[str | None, option_of("search.attack")] = None,
    held_out: Annotated[list[str] | None, option_of("final.held_out")] = None,
    max_params: Annotated[int | None, option_of("space.max_params")] = None,
    seed: Seed = None,
    settings: Settings = None,
    where: ExecutorOptions,
    plugin: Plugins = None,
    track: Track = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run; must not exist.", show_default="runs/TASK-TIME"),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Estimate time and memory from two candidates; start no run."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Search robust students for a task, and evaluate the best ones on its test split.

    Without any flag: movie review sentiment (mr), the teacher MiniLM, some ten minutes
    on two cores. The run folder gets config.toml, run.db, summary.json, report.html and
    students/.
    """
    from rosearch.config import MOST_CANDIDATES, make_config
    from rosearch.run import lifecycle as run
    from rosearch.run.callbacks import make_callbacks

    if config is not None:
        check_config(config)
    flags = {**data.settings(), **teacher.settings(), **given(seed=seed, plugins=plugin)}
    if candidates is None and (minutes is not None or queries is not None):
        candidates = MOST_CANDIDATES
    flags["search"] = given(
        strategy=strategy,
        candidates=candidates,
        minutes=minutes,
        queries=queries,
        attack=attack,
        warm_start=warm_start,
        random_sample=random_sample,
    )
    flags["final"] = given(held_out=held_out)
    flags["space"] = given(max_params=max_params)
    made = make_config(preset, config, with_settings(flags, settings))
    if dry_run:
        print_estimate(made, where.workers or 2, as_json)
        return
    folder = out or Path("runs") / f"{task_label(made)}-{datetime.now():%Y%m%d-%H%M%S}"
    make, callbacks = where.maker(), make_callbacks(track or (), folder)
    _finish_run(
        lambda: run.search(made, folder, executor=make, callbacks=callbacks), folder, as_json
    )


def check_config(file: Path) -> None:
    """Refuse what belongs to an option, or to another command.

    Raises:
        UserError: a task, a preset, a data file or a run stands where settings are expected.
    """
    from rosearch.config import PRESET_NAMES
    from rosearch.results.folder import RunFolder
    from rosearch.tasks import TASKS
    from rosearch.tasks.files import is_data

    name, where = str(file), {"task": TASKS, "preset": PRESET_NAMES}
    hints = [f"--{option} {name}" for option, known in where.items() if name in known]
    if not file.exists() and hints:
        raise UserError(f"{name!r} is no file with settings; give it as {hints[0]}")
    if RunFolder(file).exists():
        raise UserError(f"{name} is a run; `rosearch resume {name}` goes on with it")
    if is_data(file):
        raise UserError(f"{name} is no TOML file with settings; give data as --train {name}")


@with_groups
def resume(
    *,
    run: RunPath,
    candidates: More = None,
    minutes: More = None,
    queries: More = None,
    moved: PlaceOptions,
    where: ExecutorOptions,
    track: Track = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a run that was stopped or killed, or extend a finished one.

    Nothing evaluated is lost or done again.
    """
    from rosearch.results.folder import RunFolder
    from rosearch.run.callbacks import make_callbacks
    from rosearch.run.lifecycle import resume as go_on

    RunFolder(run).open().close()  # imports its plugins: executor and callbacks may be of one
    make, callbacks = where.maker(), make_callbacks(track or (), run)

    def work() -> Summary:
        return go_on(
            run,
            candidates=candidates,
            minutes=minutes,
            queries=queries,
            places=moved.given(),
            executor=make,
            callbacks=callbacks,
        )

    _finish_run(work, run, as_json)


def _finish_run(work: Callable[[], Summary], folder: Path, as_json: bool) -> None:
    try:
        summary = work()
    except KeyboardInterrupt:
        kept = folder if folder.exists() else None
        hint = f"; go on with: rosearch resume {kept}" if kept else "; nothing was written"
        print(f"stopped{hint}", file=sys.stderr)
        raise typer.Exit(130) from None
    print_summary(summary, folder, as_json)


def print_summary(summary: Summary, folder: Path, as_json: bool) -> None:
    """The final table of a run, or its JSON."""
    from rosearch.results.folder import RunFolder

    if as_json:
        print(json.dumps(summary.to_json(), indent=2))
        return
    run = RunFolder(folder)
    print_table(summary_table(summary))
    from rosearch.results.words import FALLBACK

    best = summary.best
    if best and best.classes:
        told = f"balanced accuracy {best.balanced_clean:.3f}, macro-F1 {best.macro_f1:.3f}"
        attacks = {summary.search_attack: best.searched, **best.further}
        title = f"best student by label: {told}"
        print_table(class_table(title, summary.label_names, best.classes, attacks))
    if summary.fallback:
        print(f"note: {FALLBACK}")
    if best:
        print(f"students: {run.students}  (best: {best.id})")
    if run.report.exists():
        print(f"report:   {run.report}")


def summary_table(summary: Summary) -> Table:
    """Teacher, reference and finalists on the test split."""
    from rosearch.results.words import attack_label, attacked_words, clean_words

    teacher = summary.teacher
    further, searched = list(teacher.further), attack_label(summary.search_attack)
    told = f"; {BELOW}" if teacher.classes else ""
    table = table_of(
        ["model"],
        [
            *("parameters", "smaller", "clean", f"after attack: {searched}"),
            *(f"after attack: {name}" for name in teacher.suites),
            *(f"held out: {name}" for name in teacher.held_out),
        ],
        title=f"{summary.task}: TEST split; 95 % intervals in brackets; held-out attacks were "
        "never used in search or training",
        caption=f"clean: n = {teacher.n_clean}; "
        f"attacks: n = {teacher.n}; means over the training seeds; balanced, accurate "
        f"and robust are named on validation, before the final trainings{told}",
    )
    for entry in summary.models:
        best = summary.is_best(entry)
        roles = [*(["best"] if best else []), *entry.points]
        table.add_row(
            entry.id + (f" ({', '.join(roles)})" if roles else ""),
            f"{entry.params:,}",
            f"{entry.compression:.1f}x",
            clean_words(entry),
            attacked_words(entry.searched),
            *(attacked_words(entry.further[a]) for a in further),
            style="bold" if best else None,
        )
    return table


def print_estimate(config: RunConfig, workers: int, as_json: bool) -> None:
    """What a run would take."""
    from rosearch.run.estimate import estimate_run, in_words

    found = estimate_run(config, workers)
    print(json.dumps(asdict(found), indent=2) if as_json else in_words(found))
