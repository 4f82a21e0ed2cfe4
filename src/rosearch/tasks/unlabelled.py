"""Texts of a file without what they are labelled."""

from __future__ import annotations

from rosearch.errors import UserError
from rosearch.tasks.assemble import Table
from rosearch.tasks.columns import Columns
from rosearch.tasks.files import Form, StrPath, read_file
from rosearch.types import Text


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
