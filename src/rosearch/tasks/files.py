"""Tasks from the user's own files."""

from __future__ import annotations

import csv
import glob
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

from rosearch.errors import UserError, one_line
from rosearch.io.quiet import quiet_datasets
from rosearch.tasks.assemble import Table
from rosearch.tasks.columns import Columns, check_columns, table

StrPath: TypeAlias = str | os.PathLike[str]

_NEEDED = "it needs at least one labelled text"


def read_file(path: StrPath, columns: Columns) -> Table:
    """The columns of a CSV, TSV, JSONL or Parquet file that a task needs.

    Args:
        path: the extension decides the format.

    Raises:
        UserError: no such file, unknown extension, not UTF-8, malformed, or a column is missing.
    """
    file = Path(path)
    extension = file.suffix.lower()
    if extension not in _READERS:
        raise UserError(
            f"{file} has the extension {extension or '(none)'!r}; allowed are {', '.join(_READERS)}"
        )
    if not file.is_file():
        raise UserError(f"there is no file {file}; check the path")
    reader, rule = _READERS[extension]
    try:
        return reader(file, columns)
    except UserError:
        raise
    except Exception as error:  # the parsers below raise a great many types on bad bytes
        raise UserError(
            f"cannot read {file} as {extension[1:].upper()}: {one_line(error)}; {rule}"
        ) from error


def _read_csv(path: Path, columns: Columns, sep: str) -> Table:
    from datasets import Dataset, Features, Value
    from pandas.errors import ParserWarning

    _check_utf8(path)
    header = _header(path, sep)
    check_columns(header, columns, str(path))
    # New names for columns that have none (as pandas writes an index) or one that came before.
    names = [c if c and c not in header[:i] else f"unnamed {i}" for i, c in enumerate(header)]
    with _cache() as folder, warnings.catch_warnings():
        # With index_col=False, pandas only warns when rows have more fields than the header;
        # without it, it would silently take the first field of such rows as an index.
        warnings.simplefilter("error", ParserWarning)
        found = Dataset.from_csv(
            glob.escape(str(path)),
            cache_dir=folder,
            sep=sep,
            header=0,
            names=names,
            index_col=False,
            na_filter=False,  # "NA" and "null" are texts; a missing label is an empty string
            features=Features({column: Value("string") for column in names}),
        )
        return table(found, columns, str(path))


def _header(path: Path, sep: str) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = (row for row in csv.reader(stream, delimiter=sep) if row)
        header = next(rows, [])
        if next(rows, None) is None:
            raise UserError(f"{path} is empty below its header; {_NEEDED}")
        return header


def _read_jsonl(path: Path, columns: Columns) -> Table:
    # Not with `datasets`: pyarrow 26 crashes the whole process on a line that is only `null`, and
    # it takes texts that look like dates for dates.
    _check_utf8(path)
    with path.open(encoding="utf-8-sig") as stream:
        rows = [
            _object(line, f"{path}, line {number}")
            for number, line in enumerate(stream, start=1)
            if line.strip()
        ]
    check_columns(list(dict.fromkeys(name for row in rows for name in row)), columns, str(path))
    return Table(
        [row.get(columns.text) for row in rows],
        [row.get(columns.label) for row in rows],
        str(path),
        seconds=None if columns.pair is None else [row.get(columns.pair) for row in rows],
    )


def _object(line: str, where: str) -> dict[str, object]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is no JSON: {one_line(error)}; {_OBJECTS}") from error
    if not isinstance(found, dict):
        raise UserError(f"{where} is no JSON object but {line.strip()!r:.50}; {_OBJECTS}")
    return found


def _read_parquet(path: Path, columns: Columns) -> Table:
    import pyarrow.parquet
    from datasets import Dataset

    if pyarrow.parquet.read_metadata(path).num_rows == 0:
        raise UserError(f"{path} is empty; {_NEEDED}")
    with _cache() as folder:
        found = Dataset.from_parquet(glob.escape(str(path)), cache_dir=folder)
        return table(found, columns, str(path))


_QUOTES = "texts that hold a separator, a quote or a line break must be in double quotes"
_OBJECTS = "each line must be one JSON object"

_READERS: dict[str, tuple[Callable[[Path, Columns], Table], str]] = {
    ".csv": (partial(_read_csv, sep=","), _QUOTES),
    ".tsv": (partial(_read_csv, sep="\t"), _QUOTES),
    ".jsonl": (_read_jsonl, _OBJECTS),
    ".parquet": (_read_parquet, "write it again"),
}


@contextmanager
def _cache() -> Iterator[str]:
    """A quiet place for one conversion, so that nothing of the user's data stays behind."""
    with quiet_datasets(), tempfile.TemporaryDirectory(prefix="rosearch-") as folder:
        yield folder


def _check_utf8(path: Path) -> None:
    content = path.read_bytes()
    if not content.strip():
        raise UserError(f"{path} is empty; {_NEEDED}")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not UTF-8: byte 0x{content[error.start]:02x} at offset {error.start}; "
            "save it as UTF-8"
        ) from None
