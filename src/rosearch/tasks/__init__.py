"""Text-classification data sets: built-in, from files, or from the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rosearch.errors import UserError
from rosearch.io.resources import fetch
from rosearch.tasks.assemble import Table, assemble, assemble_test, cut_task
from rosearch.tasks.columns import Columns
from rosearch.tasks.files import Form, StrPath, file_name, read_file
from rosearch.tasks.hub import read_hub
from rosearch.tasks.task import TASKS, NamedTask, Split, Task, task_name, task_resources

__all__ = [
    "TASKS", "NamedTask", "Split", "Task", "load_task", "load_test", "task_name", "task_resources",
]  # fmt: skip

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
    delimiter: str | None = None,
    encoding: str | None = None,
    repeated: Literal["keep"] | None = None,
    max_words: int | None = None,
    seed: int = 0,
) -> Task:
    """A task by name, or from files when `train` is given.

    Splits that the source lacks are split off its train split, 10 % each, stratified by label;
    equal texts stay in one split. Texts of a given split that an earlier one has, too, are left
    out of it. What the user should know of the data is in the task's `notes`.

    Args:
        name: a key of `TASKS`, a Hugging Face data set id, `id:config`, or a local folder in the
            layout of one. Leave it alone when `train` is given.
        train: CSV, TSV, JSONL, NDJSON, JSON, Parquet, Arrow or Excel file, by extension, texts also
            packed as .gz; the task is named after it.
        validation: another such file; one without any label counts as none.
        test: as for `validation`.
        text_column: the column with the text, or one whose name differs in case and white space
            only; built-in tasks ignore it.
        text_pair_column: the column with the second text where texts come in pairs (premise and
            hypothesis, question and answer); attacks change the second text only.
        label_column: the column with the label (string, whole number or boolean); if there is
            none, the only one with few different values.
        delimiter: what separates the fields of a CSV: one character or "tab"; by default what its
            header has.
        encoding: of texts, if it is not UTF-8, such as cp1252 or utf-16.
        repeated: "keep" leaves texts in the validation and test split that the train split has.
        max_words: every text, or each of a pair, is cut after so many words; None reads all of it.
        seed: for splitting off; built-in tasks are always split the same way.

    Raises:
        UserError: the source cannot be read, or it is no sound classification task.
    """
    if max_words is not None and max_words < 1:
        raise UserError(f"max_words: expected 1 or more or None, found {max_words}")
    columns = Columns(text_column, label_column, text_pair_column)
    keep = repeated == "keep"
    if train is not None:
        if name not in (None, _DEFAULT):
            raise UserError(f"both the task {name!r} and a train file were given; give one")
        tables = _from_files((train, validation, test), columns, Form(delimiter, encoding))
        named = task_name(file_name(train))
        return assemble(named, *tables, seed=seed, keep_repeated=keep, max_words=max_words)
    if validation is not None or test is not None:
        raise UserError("validation or test file without a train file; give the train file too")
    if not name:
        raise UserError(f"no task was given; name one ({', '.join(TASKS)}) or give a train file")
    if name in TASKS:
        return cut_task(_built_in(name, text_pair_column), max_words, keep_repeated=keep)
    named = task_name(Path(name).resolve().name) if Path(name).is_dir() else name
    tables = read_hub(name, columns)
    return assemble(named, *tables, seed=seed, keep_repeated=keep, max_words=max_words)


def load_test(
    test: StrPath,
    validation: StrPath | None,
    columns: Columns,
    form: Form | None = None,
    max_words: int | None = None,
) -> Task:
    """A task of test texts alone; see `assemble_test`.

    Raises:
        UserError: a file can't be read, or has texts without labels.
    """
    table, columns = read_file(test, columns, form)
    more = None if validation is None else read_file(validation, columns, form)[0]
    return assemble_test(task_name(file_name(test)), table, more, max_words)


def _built_in(name: str, text_pair_column: str | None) -> Task:
    if text_pair_column is not None:
        raise UserError(
            f"the built-in task {name!r} has single texts, no column {text_pair_column!r}; "
            "leave out the text pair column or give a train file"
        )
    named = TASKS[name]
    return named.load(*(fetch(resource) for resource in named.resources))


def _from_files(
    paths: tuple[StrPath, StrPath | None, StrPath | None], columns: Columns, form: Form
) -> tuple[Table, Table | None, Table | None]:
    train, columns = read_file(paths[0], columns, form)
    validation, test = (
        None if path is None else read_file(path, columns, form, labelled=False)[0]
        for path in paths[1:]
    )
    return train, validation, test
