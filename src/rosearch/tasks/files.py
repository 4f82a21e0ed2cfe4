"""Tasks from the user's own files."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rosearch.errors import UserError, one_line, require
from rosearch.tasks.assemble import Table
from rosearch.tasks.columns import Columns, Found, ReadWhenAsked, near_name, table
from rosearch.tasks.delimited import (
    DELIMITERS,
    Malformed,
    Rows,
    delimiter_named,
    headers,
    hidden_rows,
    read_rows,
    split_hint,
)
from rosearch.tasks.text_files import NEEDED, read_text

if TYPE_CHECKING:
    import pyarrow

StrPath: TypeAlias = str | os.PathLike[str]


@dataclass(frozen=True)
class Form:
    """How files are written, where their extension leaves it open.

    Attributes:
        delimiter: between the fields of a CSV; None looks which one it is.
        encoding: of the text; None is UTF-8.
    """

    delimiter: str | None = None
    encoding: str | None = None


def read_file(
    path: StrPath, columns: Columns, form: Form | None = None, *, labelled: bool = True
) -> tuple[Table, Columns]:
    """The columns of a file that a task needs, and the names under which they were found.

    Args:
        path: the extension decides the format; text may be packed, as in `.csv.gz`.
        labelled: whether there must be labels.

    Raises:
        UserError: no such file, unknown extension, another encoding, malformed, or a column is
            missing.
    """
    file = Path(path)
    extension = _extension(file)
    if not file.is_file():
        raise UserError(f"there is no file {file}; check the path")
    reader, rule = _READERS[extension]
    try:
        return table(reader(file, columns, form or Form()), columns, labelled=labelled)
    except UserError:
        raise
    except Exception as error:  # the parsers below raise a great many types on bad bytes
        raise UserError(
            f"cannot read {file} as {extension[1:].upper()}: {one_line(error)}; {rule}"
        ) from error


def file_name(path: StrPath) -> str:
    """The name of a file without its extensions."""
    file = Path(path)
    return Path(file.stem).stem if file.suffix.lower() == ".gz" else file.stem


def is_data(file: Path) -> bool:
    """Whether it is a file with an extension that `read_file` takes."""
    try:
        return bool(_extension(file)) and file.is_file()
    except UserError:
        return False


def _extension(file: Path) -> str:
    """The one that decides: that below `.gz`, which only texts have.

    Raises:
        UserError: it is of no format, or a folder.
    """
    if file.is_dir():
        raise UserError(f"{file} is a folder; name a data file in it")
    packed = file.suffix.lower() == ".gz"
    found = (Path(file.stem) if packed else file).suffix.lower()
    allowed = _TEXTS if packed else tuple(_READERS)
    if found not in allowed:
        raise UserError(
            f"{file} has the extension {found or '(none)'!r}; allowed are {', '.join(_READERS)}, "
            f"and packed {', '.join(f'{text}.gz' for text in _TEXTS)}"
        )
    return found


def _read_delimited(path: Path, columns: Columns, form: Form) -> Found:
    hint, text = split_hint(read_text(path, form.encoding))
    usual = DELIMITERS[_extension(path)]
    delimiter = _given(form.delimiter) or hint or _delimiter(text, columns, usual)
    rows = read_rows(text, delimiter, letters=delimiter == "\t")
    if not rows.rows:
        raise UserError(f"{path} is empty below its header; {NEEDED}")
    _check_hidden(rows, text, delimiter, columns.label, path)
    values: dict[str, Sequence[object]] = {}
    for i, name in enumerate(rows.header):  # of columns with the same name, the first one
        values.setdefault(name, [row[i] for row in rows.rows])
    separated = f"fields are separated by {_shown(delimiter)}"
    notes = [f"{path}: {separated}"] if delimiter != usual and form.delimiter is None else []
    if rows.lines > len(rows.rows):
        notes.append(
            f"{path}: {len(rows.rows):,} rows in {rows.lines:,} lines: texts in quotes "
            "that hold line breaks"
        )
    about = "" if delimiter == usual else f" ({separated})"
    return Found(values, str(path), about=about, notes=tuple(notes))


def _given(delimiter: str | None) -> str | None:
    try:
        return None if delimiter is None else delimiter_named(delimiter)
    except Malformed as error:
        raise UserError(str(error)) from None


def _delimiter(text: str, columns: Columns, usual: str) -> str:
    """The separator under which the header has the columns, or else the most of them."""
    found = headers(text)

    def fit(delimiter: str) -> tuple[int, int, bool]:
        names = found[delimiter]
        known = sum(near_name(name, names) is not None for name in columns.named.values())
        return known, len(names), delimiter == usual

    best = max(found, key=fit)
    better = fit(best)[0] > fit(usual)[0] or len(found[usual]) < 2
    return best if better and len(found[best]) > 1 else usual


def _shown(delimiter: str) -> str:
    return "tabs" if delimiter == "\t" else repr(delimiter)


def _check_hidden(rows: Rows, text: str, delimiter: str, label: str, path: Path) -> None:
    """Refuse quotes that join what look like several rows."""
    name = near_name(label, rows.header)
    at = len(rows.header) - 1 if name is None else rows.header.index(name)
    if hidden := hidden_rows(rows, text, delimiter, at):
        raise Malformed(
            f"{len(hidden)} rows hold lines that look like rows of their own, the first in line "
            f"{hidden[0]}: a quote that stands alone has swallowed them"
        )


def _read_jsonl(path: Path, columns: Columns, form: Form) -> Found:
    # Not with `datasets`: pyarrow 26 crashes the whole process on a line that is only `null`, and
    # it takes texts that look like dates for dates.
    return _of_objects(_lines(read_text(path, form.encoding), path), path)


def _lines(text: str, path: Path) -> list[Mapping[str, object]]:
    lines = enumerate(io.StringIO(text, newline=None), start=1)
    return [_object(line, f"{path}, line {number}") for number, line in lines if line.strip()]


def _read_json(path: Path, columns: Columns, form: Form) -> Found:
    """An array of objects, or one object a line as some call `.json`, too."""
    text = read_text(path, form.encoding)
    if not text.lstrip().startswith("["):
        return _of_objects(_lines(text, path), path)
    found = json.loads(text)
    rows = [_checked_object(row, f"{path}, record {i}") for i, row in enumerate(found, start=1)]
    if not rows:
        raise UserError(f"{path} is empty; {NEEDED}")
    return _of_objects(rows, path)


def _of_objects(rows: Sequence[Mapping[str, object]], path: Path) -> Found:
    names = dict.fromkeys(name for row in rows for name in row)
    return Found({name: [row.get(name) for row in rows] for name in names}, str(path))


def _object(line: str, where: str) -> Mapping[str, object]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is no JSON: {one_line(error)}; {_OBJECTS}") from error
    return _checked_object(found, where)


def _checked_object(found: object, where: str) -> Mapping[str, object]:
    if not isinstance(found, dict):
        said = json.dumps(found)
        raise UserError(f"{where} is no JSON object but {said!r:.50}; {_OBJECTS}")
    return found


def _read_parquet(path: Path, columns: Columns, form: Form) -> Found:
    import pyarrow.parquet

    return _of_arrow(pyarrow.parquet.read_table(path), path)


def _read_arrow(path: Path, columns: Columns, form: Form) -> Found:
    import pyarrow

    with pyarrow.memory_map(str(path)) as stream:
        try:
            found = pyarrow.ipc.open_file(stream).read_all()
        except pyarrow.ArrowInvalid:  # not the file but the stream format, as `datasets` writes it
            stream.seek(0)
            found = pyarrow.ipc.open_stream(stream).read_all()
        return _of_arrow(found, path)


def _of_arrow(found: pyarrow.Table, path: Path) -> Found:
    from datasets import ClassLabel, Features

    if not found.num_rows:
        raise UserError(f"{path} is empty; {NEEDED}")
    features = Features.from_arrow_schema(found.schema)
    names = {n: tuple(f.names) for n, f in features.items() if isinstance(f, ClassLabel)}
    values = ReadWhenAsked(found.column_names, lambda name: found.column(name).to_pylist())
    return Found(values, str(path), names)


def _read_xlsx(path: Path, columns: Columns, form: Form) -> Found:
    """The first sheet of a workbook, its first row the header; numbers among texts are texts."""
    book = require("openpyxl", "excel").load_workbook(path, read_only=True, data_only=True)
    rows: Iterator[Sequence[object]] = book.worksheets[0].iter_rows(values_only=True)
    full = [row for row in rows if any(cell is not None for cell in row)]
    if len(full) < 2:
        raise UserError(f"{path} is empty below its header; {NEEDED}")
    values: dict[str, Sequence[object]] = {}
    for name, *cells in zip(*_even(full), strict=True):
        values.setdefault("" if name is None else str(name), cells)
    read_as_text = {near_name(c, list(values)) for c in (columns.text, columns.pair) if c}
    return Found(
        {n: [_as_text(c) for c in v] if n in read_as_text else v for n, v in values.items()},
        str(path),
    )


def _even(rows: Sequence[Sequence[object]]) -> list[Sequence[object]]:
    """Rows of one length: those of a sheet end with their last full cell."""
    width = max(map(len, rows))
    return [(*row, *[None] * (width - len(row))) for row in rows]


def _as_text(cell: object) -> object:
    return str(cell) if isinstance(cell, (int, float, date)) else cell


_QUOTES = (
    "texts that hold a separator, a quote or a line break must be in double quotes, and quotes in "
    "them doubled"
)
_OBJECTS = "each line must be one JSON object"
_AGAIN = "write it again"

_READERS: dict[str, tuple[Callable[[Path, Columns, Form], Found], str]] = {
    ".csv": (_read_delimited, _QUOTES),
    ".tsv": (_read_delimited, _QUOTES),
    ".jsonl": (_read_jsonl, _OBJECTS),
    ".parquet": (_read_parquet, _AGAIN),
    ".ndjson": (_read_jsonl, _OBJECTS),
    ".json": (_read_json, "it must be an array of objects"),
    ".arrow": (_read_arrow, _AGAIN),
    ".feather": (_read_arrow, _AGAIN),
    ".xlsx": (_read_xlsx, "save it again as .xlsx or as CSV"),
}
_TEXTS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json")
