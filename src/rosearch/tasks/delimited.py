"""Rows of a text with separators: what quotes mean in it, and that no row hides in another.

A text in double quotes may hold separators, line breaks and doubled quotes. In dumps a quote is
often a letter like any other: one that nobody closes would swallow all rows up to the next.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

DELIMITERS = {".csv": ",", ".tsv": "\t"}
_OTHERS = (",", ";", "\t", "|")
_NAMES = {"tab": "\t", "\\t": "\t"}


class Malformed(Exception):
    """The text does not keep the rules of its format."""


@dataclass(frozen=True)
class Rows:
    """Rows of fields.

    Attributes:
        header: names of the columns, as they stand there.
        rows: as many fields each as the header has.
        spans: for each row, its first and its last line, counted from 1.
        lines: how many lines there are, besides empty ones and the header's.
    """

    header: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    spans: Sequence[tuple[int, int]]
    lines: int


def delimiter_named(name: str) -> str:
    """The separator that a setting means: itself, or a tab.

    Raises:
        Malformed: it is no single character that could separate fields.
    """
    found = _NAMES.get(name, name)
    if len(found) != 1 or found in '"\r\n':
        raise Malformed(
            f"no file has its fields separated by {name!r}; give one character, such as ';', or tab"
        )
    return found


def split_hint(text: str) -> tuple[str | None, str]:
    """The separator that Excel says in a first line `sep=;`, and the text below that line."""
    hint = re.match(r'"?sep=([^\r\n"])"?(?:\r\n|\r|\n)', text)
    return (hint.group(1), text[hint.end() :]) if hint else (None, text)


def headers(text: str) -> dict[str, tuple[str, ...]]:
    """The names of the columns for each separator that there may be."""
    return {separator: _header(text, separator) for separator in _OTHERS}


def read_rows(text: str, delimiter: str, *, letters: bool) -> Rows:
    """The rows of a text.

    Args:
        letters: whether a quote that does not enclose a whole field is a letter. Where it is not,
            it is an error if it joins lines.

    Raises:
        Malformed: a row with more fields than the header, or a quote that nobody closes.
    """
    lines = _unquoted(text, delimiter)
    try:
        found = _quoted(text, delimiter, strict=True)
    except csv.Error as error:
        if letters:
            return _checked(_without_frames(lines), len(lines))
        found = _quoted(text, delimiter, strict=False)
        if "end of data" in str(error) or len(found) != len(lines):
            raise Malformed(_unclosed(_broken(text, delimiter), error)) from None
    width = len(lines[0][0]) if lines else 0
    if letters and len(found) < len(lines) and all(len(row) == width for row, _ in lines):
        return _checked(lines, len(lines))
    return _checked(found, len(lines))


def hidden_rows(found: Rows, text: str, delimiter: str, label_at: int) -> list[int]:
    """First lines of rows whose lines look like several rows, each with a label of its own.

    Args:
        label_at: the column with the label.
    """
    long = [(first, last) for first, last in found.spans if last > first]
    if not long:
        return []
    labels = {row[label_at].strip() for row in found.rows}
    lines = {line: row for row, (line, _) in _unquoted(text, delimiter)}

    def has_label(line: int) -> bool:
        row = lines.get(line, ())
        return len(row) == len(found.header) and row[label_at].strip(' \t"') in labels

    return [a for a, b in long if sum(map(has_label, range(a, b + 1))) > 1]


_Spanned = tuple[Sequence[str], tuple[int, int]]


def _header(text: str, delimiter: str) -> tuple[str, ...]:
    with _long_fields():
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return tuple(next((row for row in rows if not _blank(row)), ()))


def _quoted(text: str, delimiter: str, strict: bool) -> list[_Spanned]:
    with _long_fields():
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
        found: list[_Spanned] = []
        before = 0
        for row in reader:
            if not _blank(row):
                found.append((row, (before + 1, reader.line_num)))
            before = reader.line_num
        return found


def _unquoted(text: str, delimiter: str) -> list[_Spanned]:
    lines = enumerate(io.StringIO(text, newline=None), start=1)
    rows = ((line.rstrip("\n").split(delimiter), (i, i)) for i, line in lines)
    return [(row, span) for row, span in rows if not _blank(row)]


def _blank(row: Sequence[str]) -> bool:
    return not row or (len(row) == 1 and not row[0].strip())


def _without_frames(lines: Sequence[_Spanned]) -> list[_Spanned]:
    """Rows without the quotes around whole columns, as R writes them without doubling others."""
    width = len(lines[0][0]) if lines else 0
    framed = {
        i
        for i in range(width)
        if all(len(row) > i and re.fullmatch(r'".*"', row[i]) for row, _ in lines)
    }
    return [([x[1:-1] if i in framed else x for i, x in enumerate(r)], s) for r, s in lines]


def _checked(found: Sequence[_Spanned], lines: int) -> Rows:
    """Rows of one length: missing fields are empty, more than the header has must be."""
    if not found:
        return Rows((), (), (), 0)
    (header, _), *body = found
    width, rows = len(header), []
    for row, (first, _) in body:
        if any(field.strip() for field in row[width:]):
            raise Malformed(f"line {first} has {len(row)} fields and the header {width}")
        rows.append([*row[:width], *[""] * (width - len(row))])
    return Rows(tuple(header), rows, tuple(span for _, span in body), lines - 1)


def _broken(text: str, delimiter: str) -> int:
    """The line at which the strict reading ends."""
    with _long_fields():
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        before = 0
        try:
            for _ in reader:
                before = reader.line_num
        except csv.Error:
            pass
        return before + 1


def _unclosed(line: int, error: csv.Error) -> str:
    if "end of data" in str(error):
        return f"line {line}: EOF inside string: a quote opens a text and none closes it"
    return (
        f"a quote that opens in line {line} joins it with the lines below, and after the quote "
        "that closes it there is more text"
    )


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let a field be as long as it is: one that is a whole book is one text."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
