"""What counts as a label, as the same name whatever file it came from."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

HIDDEN = "-1"  # what GLUE, Kaggle and others write where the label is kept secret


def label_name(value: object) -> str | None:
    """A label as its name; None for a missing one.

    A whole number is the same label as an integer and as a float: pandas makes 1 into 1.0 as soon
    as one label of the column is missing.

    Raises:
        ValueError: it is no label, such as a list or a fraction.
    """
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (str, bool, int)):
        return str(value).strip() or None
    if value is None:
        return None
    raise ValueError(f"the label {value!r:.50} is of type {type(value).__name__}")


def label_names(values: Sequence[object]) -> list[str | None]:
    """The names of a column of labels; None for a missing one.

    Of a column of whole numbers, `1.0` and `1` are the same label.

    Raises:
        ValueError: naming the row, counted from 1, of what is no label.
    """
    names: list[str | None] = []
    for row, value in enumerate(values, start=1):
        try:
            names.append(label_name(value))
        except ValueError as error:
            raise ValueError(f"row {row}: {error}") from None
    if all(name is None or _is_whole(name) for name in names):
        return [name if name is None or "." not in name else _whole(name) for name in names]
    return names


def all_hidden(values: Sequence[object]) -> bool:
    """Whether not one of the labels is known: all of them are missing or -1."""
    try:
        return all(name in (None, HIDDEN) for name in label_names(values))
    except ValueError:
        return False


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """In numeric order if all are integers, otherwise in alphabetical order."""
    found = set(names)
    if all(re.fullmatch(r"[+-]?[0-9]{1,18}", name) for name in found):
        return tuple(sorted(found, key=lambda name: (int(name), name)))
    return tuple(sorted(found))


def folded(name: str) -> str:
    """A label without case, double spaces and forms of letters: what was typed by hand alike."""
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def spellings(counts: Mapping[str, int]) -> list[dict[str, int]]:
    """Labels that differ in spelling only, with their counts, one mapping for each such class."""
    alike: dict[str, dict[str, int]] = {}
    for name, count in counts.items():
        alike.setdefault(folded(name), {})[name] = count
    return [found for found in alike.values() if len(found) > 1]


def _whole(name: str) -> str:
    return str(int(name.partition(".")[0]))


def _is_whole(name: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]{1,18}(\.0+)?", name) is not None
