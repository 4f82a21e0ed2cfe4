"""The task that a configuration names."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rosearch.config import TaskConfig
from rosearch.errors import UserError
from rosearch.tasks import TASKS, Task, load_task, load_test
from rosearch.tasks.columns import Columns
from rosearch.tasks.files import Form
from rosearch.tasks.labels import read_label_map
from rosearch.tasks.unlabelled import read_texts, with_unlabelled
from rosearch.types import Text

FILES = ("train", "validation", "test", "unlabelled")


def task_of(config: TaskConfig, seed: int, *, aloud: bool = True, test_alone: bool = False) -> Task:
    """The task that a configuration names.

    Args:
        aloud: whether stderr gets what there is to know of the data: texts and labels of each
            split, and whatever may fool who reads the numbers.
        test_alone: whether a test file without a train file will do.
    """
    alone = test_alone and config.train is None and config.test is not None
    with warnings.catch_warnings():  # its notes say the same
        warnings.filterwarnings("ignore", category=UserWarning, module="rosearch")
        task = (
            _test_of(config)
            if alone
            else load_task(
                config.name,
                train=config.train,
                validation=config.validation,
                test=config.test,
                text_column=config.text_column,
                text_pair_column=config.text_pair_column,
                label_column=config.label_column,
                delimiter=config.delimiter,
                encoding=config.encoding,
                repeated=config.repeated,
                max_words=config.max_words,
                seed=seed,
            )
        )
    if config.unlabelled is not None and not alone:
        task = with_unlabelled(task, config.unlabelled, _texts_of(config, config.unlabelled))
    if config.label_map is not None:
        pairs = read_label_map(config.label_map, task.label_names)
        task = replace(task, label_map=pairs)
    for line in task.about if aloud else ():
        print(f"data: {line}", file=sys.stderr)
    return task


def _texts_of(config: TaskConfig, path: str) -> list[Text]:
    return read_texts(
        path,
        text_column=config.text_column,
        text_pair_column=config.text_pair_column,
        delimiter=config.delimiter,
        encoding=config.encoding,
    )


def _test_of(config: TaskConfig) -> Task:
    columns = Columns(config.text_column, config.label_column, config.text_pair_column)
    form = Form(config.delimiter, config.encoding)
    return load_test(config.test or "", config.validation, columns, form, config.max_words)


def from_anywhere(config: TaskConfig) -> TaskConfig:
    """The same task, with paths that hold whatever the working directory is."""
    is_folder = config.name not in TASKS and Path(config.name).is_dir()
    return replace(
        config,
        name=str(Path(config.name).resolve()) if is_folder else config.name,
        train=_resolved(config.train),
        validation=_resolved(config.validation),
        test=_resolved(config.test),
        unlabelled=_resolved(config.unlabelled),
    )


def moved(config: TaskConfig, places: Mapping[str, str], run: object) -> TaskConfig:
    """The task of a run whose data may be in another place by now.

    Args:
        places: new ones of `train`, `validation`, `test`, `unlabelled` or, of a task that is a
            folder, `name`.
        run: names the run.

    Raises:
        UserError: something else than a place was given, or there is no such file.
    """
    if not set(places) <= {"name", *FILES}:
        raise UserError(
            f"{run} is a run and has a task of its own; of the task options it takes new places of "
            f"its files alone: {', '.join(f'--{name}' for name in FILES)}"
        )
    now = from_anywhere(replace(config, **places))  # type: ignore[arg-type]
    files = {f"--{name}": getattr(now, name) for name in FILES}
    if Path(now.name).is_absolute():
        files["--task"] = now.name
    for option, path in files.items():
        if path is not None and not Path(path).exists():
            raise UserError(
                f"the data of {run} are not in {path}; if they were moved, give their new place "
                f"with {option}"
            )
    return now


def task_of_run(
    config: TaskConfig, seed: int, run: object, name: str | None, fingerprint: str | None
) -> Task:
    """The task that a run was started with, by its name of then.

    Raises:
        UserError: its data are others now.
    """
    task = task_of(config, seed)
    if task.fingerprint != fingerprint:
        raise UserError(
            f"the data of {name or task.name!r} changed since {run} was started: bring them back, "
            "or start a new run"
        )
    return replace(task, name=name or task.name)


def _resolved(path: str | None) -> str | None:
    return None if path is None else str(Path(path).resolve())
