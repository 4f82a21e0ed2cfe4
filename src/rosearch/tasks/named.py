"""The task that a configuration names."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from pathlib import Path

from rosearch.config import TaskConfig
from rosearch.tasks import TASKS, Task, load_task
from rosearch.tasks.labels import read_label_map


def task_of(config: TaskConfig, seed: int, *, aloud: bool = True) -> Task:
    """The task that a configuration names.

    Args:
        aloud: whether stderr gets what there is to know of the data: texts and labels of each
            split, and whatever may fool who reads the numbers.
    """
    with warnings.catch_warnings():  # its notes say the same
        warnings.filterwarnings("ignore", category=UserWarning, module="rosearch")
        task = load_task(
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
            seed=seed,
        )
    if config.label_map is not None:
        pairs = read_label_map(config.label_map, task.label_names)
        task = replace(task, label_map=pairs)
    for line in task.about if aloud else ():
        print(f"data: {line}", file=sys.stderr)
    return task


def from_anywhere(config: TaskConfig) -> TaskConfig:
    """The same task, with paths that hold whatever the working directory is."""
    is_folder = config.name not in TASKS and Path(config.name).is_dir()
    return replace(
        config,
        name=str(Path(config.name).resolve()) if is_folder else config.name,
        train=_resolved(config.train),
        validation=_resolved(config.validation),
        test=_resolved(config.test),
    )


def _resolved(path: str | None) -> str | None:
    return None if path is None else str(Path(path).resolve())
