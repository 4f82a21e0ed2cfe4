"""`rosearch fetch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rosearch.cli.groups import with_groups
from rosearch.cli.options import Preset, TaskOptions, TeacherOptions

if TYPE_CHECKING:
    from rosearch.config import RunConfig


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


def needed_resources(config: RunConfig) -> tuple[str, ...]:
    """The pinned resources that a run reads."""
    from rosearch.attacks.attack_resources import MODELS
    from rosearch.attacks.methods import lexicons_of, models_of
    from rosearch.attacks.sources import LEXICONS
    from rosearch.config import attacks_read, lexicons_read
    from rosearch.io import resources
    from rosearch.tasks import task_resources

    names = list(task_resources(config.task.name)) if config.task.train is None else []
    if config.teacher.name in resources.RESOURCES:
        names.append(config.teacher.name)
    attacks = attacks_read(config)
    read = [name for attack in attacks for name in lexicons_of(attack)]
    for lexicon in (*read, *lexicons_read(config)):
        names += LEXICONS[lexicon].resources if lexicon in LEXICONS else ()
    models = [model for attack in attacks for model in models_of(attack)]
    names += [MODELS[model] for model in models if model in MODELS]
    return tuple(dict.fromkeys(names))
