"""Text-classification data sets: built-in, from files, or from the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from rosearch.errors import UserError
from rosearch.io.resources import fetch
from rosearch.tasks.assemble import assemble
from rosearch.tasks.columns import Columns
from rosearch.tasks.files import StrPath, read_file
from rosearch.tasks.hub import read_hub
from rosearch.tasks.task import TASKS, NamedTask, Split, Task, task_resources

__all__ = ["TASKS", "NamedTask", "Split", "Task", "load_task", "task_resources"]

_DEFAULT = "mr"


def load_task(
    name: str | None = _DEFAULT,
    *,
    train: StrPath | None = None,
    validation: StrPath | None = None,
    test: StrPath | None = None,
    text_column: str = "text",
    text_pair_column: str | None = None,
    label_column: str = "label",
    seed: int = 0,
) -> Task:
    """A task by name, or from files when `train` is given.

    Splits that the source lacks are split off its train split, 10 % each, stratified by label;
    equal texts stay in one split.

    Args:
        name: a key of `TASKS`, a Hugging Face data set id, `id:config`, or a local folder in the
            layout of one. Leave it alone when `train` is given.
        train: CSV, TSV, JSONL or Parquet file, by extension; the task is named after it.
        validation: another such file.
        test: another such file.
        text_column: the column with the text; built-in tasks ignore it.
        text_pair_column: the column with the second text where texts come in pairs (premise and
            hypothesis, question and answer); attacks change the second text only.
        label_column: the column with the label (string, integer or boolean).
        seed: for splitting off; built-in tasks are always split the same way.

    Raises:
        UserError: the source cannot be read, or it is no sound classification task.
    """
    columns = Columns(text_column, label_column, text_pair_column)
    if train is not None:
        if name not in (None, _DEFAULT):
            raise UserError(f"both the task {name!r} and a train file were given; give one")
        return _from_files(train, validation, test, columns, seed)
    if validation is not None or test is not None:
        raise UserError("validation or test file without a train file; give the train file too")
    if not name:
        raise UserError(f"no task was given; name one ({', '.join(TASKS)}) or give a train file")
    if name in TASKS:
        if text_pair_column is not None:
            raise UserError(
                f"the built-in task {name!r} has single texts, no column {text_pair_column!r}; "
                "leave out the text pair column or give a train file"
            )
        named = TASKS[name]
        return named.load(*(fetch(resource) for resource in named.resources))
    return assemble(name, *read_hub(name, columns), seed=seed)


def _from_files(
    train: StrPath,
    validation: StrPath | None,
    test: StrPath | None,
    columns: Columns,
    seed: int,
) -> Task:
    first, *others = (
        None if path is None else read_file(path, columns) for path in (train, validation, test)
    )
    assert first is not None  # the train file was given
    return assemble(Path(train).stem, first, *others, seed=seed)
