"""`rosearch fetch`."""

from __future__ import annotations

from typing import Annotated

import typer

from rosearch.cli.groups import with_groups
from rosearch.cli.options import Preset, TaskOptions, TeacherOptions


@with_groups
def fetch(
    *,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Resources by name.", show_default="what the task and teacher need"),
    ] = None,
    data: TaskOptions,
    teacher: TeacherOptions,
    preset: Preset = "quick",
) -> None:
    """Download what a task and a teacher need, so that all else runs offline."""
    from rosearch.config import make_config
    from rosearch.evaluation.needs import needed_resources
    from rosearch.io import resources
    from rosearch.models.load import model_source
    from rosearch.tasks.named import task_of

    made = make_config(preset, None, {**data.settings(), **teacher.settings()})
    for name in names or needed_resources(made):
        print(f"{name}: {resources.fetch(name)}")
    if not names:
        task = task_of(made.task, made.seed)
        print(f"task {task.name}: {len(task.train)} / {len(task.validation)} / {len(task.test)}")
        print(f"teacher {made.teacher.name}: {model_source(made.teacher.name)}")
