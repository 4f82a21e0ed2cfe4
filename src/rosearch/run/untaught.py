"""What candidates are measured on for an estimate where no teacher is in the cache."""

from __future__ import annotations

from dataclasses import replace

from rosearch.config import RunConfig, codings_of
from rosearch.distill.prepare import untaught_data
from rosearch.evaluation.context import Context
from rosearch.models.load import model_source
from rosearch.run.prepare import context_of, encode_settings
from rosearch.tasks import Task
from rosearch.teacher.lean import MOST_TEXTS


def untaught(config: RunConfig, task: Task) -> tuple[Context, float]:
    """As `prepare`'s, on a part of the train split and its labels, and how many times longer it
    takes to train on all of it."""
    few = replace(task, train=task.train.sample(MOST_TEXTS), unlabelled=())
    body, settings = model_source(config.teacher.name), encode_settings(config)
    train = untaught_data(few, body, config.distill.phrases, settings, codings_of(config))
    texts = len(task.train) + len(task.unlabelled)
    return context_of(config, few, train, 1.0, {}), texts / len(few.train)
