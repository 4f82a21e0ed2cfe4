"""A comparison on the task of a run: what it takes from the run, and whether they fit."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import cast

from rosearch.config import RunConfig, held_out_attacks, merged, to_dict
from rosearch.errors import UserError
from rosearch.evaluation.held_out import check
from rosearch.results.folder import RunFolder
from rosearch.run.places import found_again, same_teacher
from rosearch.tasks import Task


def settings_of_run(folder: Path, flags: Mapping[str, object]) -> dict[str, object]:
    """Settings of a comparison on the task, the teacher and with the seed of a run.

    Args:
        flags: settings that were given; they win. Files among them are new places of the run's.

    Raises:
        UserError: there is no such run, or its data or its teacher are not where they were.
    """
    run = RunFolder(folder)
    with closing(run.open()) as store:
        config = store.meta().run_config
    task, teacher = (cast("dict[str, str]", flags.get(key) or {}) for key in ("task", "teacher"))
    places = {key: path for key, path in task.items() if key in ("train", "validation", "test")}
    places |= {"teacher": teacher["name"]} if "name" in teacher else {}
    if "name" in task:  # another task, which `check_run` compares
        return merged({"seed": config.seed}, flags)
    plain = to_dict(found_again(config, places, run))
    return merged({key: plain[key] for key in ("task", "teacher", "seed")}, flags)


def check_run(run: Path, config: RunConfig, task: Task) -> None:
    """Whether a run's student may stand in a comparison.

    Raises:
        UserError: the run is on other data, has another teacher, or it used an attack that is held
            out here.
    """
    known = RunFolder(run).open().meta()
    if known.fingerprint != task.fingerprint:
        raise UserError(
            f"{run} is on other data than this comparison, {task.name!r}; give the same task, "
            "files and seed"
        )
    searched = known.run_config
    if searched.teacher.name != config.teacher.name and not same_teacher(
        config, known.teacher_sha256
    ):
        raise UserError(
            f"the teacher of {run} is {searched.teacher.name}, here it is {config.teacher.name}; "
            f"give --teacher {searched.teacher.name}"
        )
    check(replace(searched, final=replace(searched.final, held_out=held_out_attacks(config))))
