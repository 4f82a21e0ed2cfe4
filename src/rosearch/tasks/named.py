"""The task that a configuration names."""

from __future__ import annotations

from rosearch.config import TaskConfig
from rosearch.tasks import Task, load_task


def task_of(config: TaskConfig, seed: int) -> Task:
    """The task that a configuration names."""
    return load_task(
        config.name,
        train=config.train,
        validation=config.validation,
        test=config.test,
        text_column=config.text_column,
        text_pair_column=config.text_pair_column,
        label_column=config.label_column,
        seed=seed,
    )
