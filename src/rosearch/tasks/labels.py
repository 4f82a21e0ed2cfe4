"""What counts as a label, as the same name whatever file it came from."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from rosearch.errors import UserError

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


def bare(name: str) -> str:
    """A label as `folded`, without what separates its words: `Sci/Tech`, `sci_tech`, `SciTech`.

    `LABEL_0`, as transformers calls labels that were given no names, is the label 0.
    """
    joined = re.sub(r"(?<=[^\W_])[\s_./-]+(?=[^\W_])", "", folded(name))
    return re.sub(r"^label(?=[0-9]+$)", "", joined)


def read_label_map(text: str, label_names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs (a model's name, the task's name) of `MODEL=TASK,...`, or of a JSON object.

    Raises:
        UserError: it is neither, or names a label that the task has not, or one twice.
    """
    pairs = label_pairs(text)
    known = {folded(name): name for name in label_names} | {name: name for name in label_names}
    for _, ours in pairs:
        if ours not in known and folded(ours) not in known:
            raise UserError(
                f"label map {text!r}: the task has no label {ours!r}; its labels are "
                f"{', '.join(label_names)}"
            )
    found = tuple((theirs, known.get(ours) or known[folded(ours)]) for theirs, ours in pairs)
    for column in zip(*found, strict=True):
        if len(set(column)) < len(column):
            raise UserError(f"label map {text!r}: a label stands twice; give each one once")
    return found


def label_pairs(text: str) -> list[tuple[str, str]]:
    """Pairs of names of `A=B,...`, or of a JSON object.

    Raises:
        UserError: it is neither.
    """
    if text.lstrip().startswith("{"):
        try:
            return [(str(theirs), str(ours)) for theirs, ours in json.loads(text).items()]
        except ValueError:
            raise UserError(f"label map {text!r} is no JSON object") from None
    parts = [part.partition("=") for part in text.split(",")]
    if not all(theirs.strip() and ours.strip() for theirs, _, ours in parts):
        raise UserError(
            f"label map {text!r}: expected MODEL=TASK,... such as LABEL_0=no,LABEL_1=yes; names "
            'with a comma or = in them need JSON: {"model": "task"}'
        )
    return [(theirs.strip(), ours.strip()) for theirs, _, ours in parts]


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
