"""Texts of a file without what they are labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rosearch.errors import UserError
from rosearch.tasks.assemble import Table
from rosearch.tasks.columns import Columns
from rosearch.tasks.files import Form, StrPath, read_file
from rosearch.tasks.task import Task
from rosearch.tasks.words import beginning
from rosearch.types import Text, parts


def read_texts(
    path: StrPath,
    *,
    text_column: str = "text",
    text_pair_column: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> list[Text]:
    """The texts, or pairs of texts, of every row of a file; see `load_task`. None is left out.

    Raises:
        UserError: the file cannot be read, or something in a column is no text.
    """
    columns = Columns(text_column, pair=text_pair_column)
    found, _ = read_file(path, columns, Form(delimiter, encoding), labelled=False)
    return texts_in(found)


def with_unlabelled(task: Task, source: StrPath, texts: Sequence[Text]) -> Task:
    """The task with texts that nobody labelled: each once, without empty ones, and without those
    that a split has, too.

    Args:
        source: where they are from, for messages.

    Raises:
        UserError: no text is left.
    """
    cut = (beginning(text, task.max_words) for text in texts)
    kept = task.unknown(text for text in cut if all(part.strip() for part in parts(text)))
    if not kept:
        raise UserError(
            f"{source}: of its {len(texts):,} texts none is left: empty ones and those that the "
            "task has already do not count; give other ones, or leave out --unlabelled"
        )
    note = f"texts without labels: {len(kept):,}, which the teacher labels for students"
    if left := len(texts) - len(kept):
        note += f"; {left:,} more are empty, given twice, or in a split already: left out"
    return replace(task, unlabelled=kept, notes=(*task.notes, note))


def texts_in(found: Table) -> list[Text]:
    """The texts, or pairs of texts, of every row of a table.

    Raises:
        UserError: one is no text.
    """
    return [
        _text(row, f"{found.source}, row {number}")
        for number, row in enumerate(found.rows(), start=1)
    ]


def _text(found: tuple[object, ...], where: str) -> Text:
    strings = ["" if part is None else part for part in found]
    for part in strings:
        if not isinstance(part, str):
            raise UserError(f"{where}: the text is of type {type(part).__name__}, not a string")
    return str(strings[0]) if len(strings) == 1 else (str(strings[0]), str(strings[1]))
