"""A task as files, which a run reads again when it goes on."""

from __future__ import annotations

import json
from pathlib import Path

from rosearch.config import TaskConfig
from rosearch.io.files import write_text
from rosearch.tasks.task import Split, Task
from rosearch.types import Text, parts

COLUMNS = ("text", "text_pair")


def write_task(task: Task, folder: Path, place: Path) -> TaskConfig:
    """Write the splits of a task as JSONL; the settings that name them.

    Args:
        folder: where they are written.
        place: where the folder will be.
    """
    splits = {"train": task.train, "validation": task.validation, "test": task.test}
    for name, split in splits.items():
        write_text(folder / f"{name}.jsonl", "".join(map(_line, _rows(split, task.label_names))))
    train, validation, test = (str(place.absolute() / f"{name}.jsonl") for name in splits)
    unlabelled = None
    if task.unlabelled:
        lines = (_line(_columns(text)) for text in task.unlabelled)
        write_text(folder / "unlabelled.jsonl", "".join(lines))
        unlabelled = str(place.absolute() / "unlabelled.jsonl")
    second = None if isinstance(task.train.texts[0], str) else COLUMNS[1]
    return TaskConfig(
        train=train,
        validation=validation,
        test=test,
        unlabelled=unlabelled,
        text_pair_column=second,
        max_words=task.max_words,
    )


def _rows(split: Split, names: tuple[str, ...]) -> list[dict[str, str]]:
    return [
        {**_columns(text), "label": names[label]}
        for text, label in zip(split.texts, split.labels, strict=True)
    ]


def _columns(text: Text) -> dict[str, str]:
    return dict(zip(COLUMNS, parts(text), strict=False))


def _line(row: dict[str, str]) -> str:
    return json.dumps(row) + "\n"
