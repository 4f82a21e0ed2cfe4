"""Where the data and the teacher of a run are: they may be moved while it is not looking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rosearch.config import RunConfig
from rosearch.errors import UserError
from rosearch.models.load import content_hash, model_source
from rosearch.run.warm import warmed
from rosearch.tasks.named import from_anywhere, moved


def settled(config: RunConfig) -> RunConfig:
    """The same settings, with paths that hold whatever the working directory is, and with what
    other runs give it.

    Raises:
        UserError: one of these is no run; see `rosearch.run.warm`.
    """
    teacher = config.teacher
    if Path(teacher.name).is_dir():
        teacher = replace(teacher, name=str(Path(teacher.name).resolve()))
    search, task = warmed(config.search), from_anywhere(config.task)
    return replace(config, task=task, teacher=teacher, search=search)


def found_again(config: RunConfig, places: Mapping[str, str], run: object) -> RunConfig:
    """The settings of a run with the places where its data and its teacher are now.

    Args:
        places: new ones; see `rosearch.tasks.named.moved`, and that of the `teacher`.
        run: names the run.

    Raises:
        UserError: there is no such file or folder.
    """
    data = {key: path for key, path in places.items() if key != "teacher"}
    name = places.get("teacher", config.teacher.name)
    if Path(name).is_absolute() and not Path(name).is_dir():
        raise UserError(
            f"the teacher of {run} is not in {name}; if it was moved, give its new place with "
            "--teacher"
        )
    now = replace(
        config, task=moved(config.task, data, run), teacher=replace(config.teacher, name=name)
    )
    return settled(now)


def teacher_content(config: RunConfig, known: str | None, run: object) -> str:
    """The content hash of a run's teacher before it is fine-tuned.

    Args:
        known: the one that the run began with; runs of earlier versions have none.

    Raises:
        UserError: it is another one.
    """
    found = content_hash(model_source(config.teacher.name))
    if known not in (None, found):
        raise UserError(
            f"the teacher {config.teacher.name} is not the one that {run} was started with: its "
            "files differ; give the right one with --teacher"
        )
    return found


def same_teacher(config: RunConfig, known: str | None) -> bool:
    """Whether the teacher of a configuration has the content hash `known`."""
    return known == content_hash(model_source(config.teacher.name))
