"""What scikit-learn's users pass as X and y: checked, and made into texts, labels and a task."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from rosearch.errors import DiskError, MissingExtra, UserError
from rosearch.tasks import Task
from rosearch.tasks.assemble import Table, assemble
from rosearch.tasks.labels import label_names
from rosearch.types import Text

SOURCE = "the training data"  # what messages call them


class InputError(UserError, ValueError):
    """Bad input, as scikit-learn's users catch it and as ours do."""


@contextmanager
def value_errors() -> Iterator[None]:
    """What is wrong with input or settings is a ValueError of one line."""
    try:
        yield
    except (InputError, DiskError, MissingExtra):
        raise
    except UserError as error:
        raise InputError(str(error)) from None


@dataclass(frozen=True)
class Labelled:
    """What an estimator is fitted to.

    Attributes:
        classes: as they came, sorted (C,).
        names: of the classes, as a task calls them.
        task: its train split; a tenth each is split off for validation and test.
    """

    classes: np.ndarray
    names: tuple[str, ...]
    task: Task


def labelled(X: object, y: object, seed: int) -> Labelled:
    """Texts and labels as a task whose splits are stratified by label.

    Raises:
        InputError: they can't be learned from.
    """
    texts = texts_of(X)
    classes, codes = _classes_of(y)
    if len(texts) != len(codes):
        raise InputError(
            "Found input variables with inconsistent numbers of samples: "
            f"X has {len(texts)} texts and y has {len(codes)} labels"
        )
    names = names_of(classes)
    columns = [texts] if isinstance(texts[0], str) else [*zip(*texts, strict=True)]
    labels = [names[code] for code in codes]
    table = Table(columns[0], labels, SOURCE, seconds=columns[1] if len(columns) > 1 else None)
    return Labelled(classes, names, assemble("texts", table, None, None, seed=seed))


def texts_of(X: object) -> list[Text]:
    """Texts of a list, array, Series or single column; pairs of texts of two columns.

    Raises:
        InputError: none, or something that is no text.
    """
    rows = _array(X)
    if rows.ndim == 2 and rows.shape[1] == 1:
        rows = rows[:, 0]
    if rows.ndim > 2 or (rows.ndim == 2 and rows.shape[1] != 2):
        raise InputError(
            f"X has the shape {rows.shape}; expected texts (n,) or (n, 1), or pairs of texts (n, 2)"
        )
    if not len(rows):
        raise InputError("Found array with 0 sample(s): X has no text; a minimum of 1 is required")
    if rows.ndim == 1:
        return [_text(value, i) for i, value in enumerate(rows)]
    return [(_text(a, i), _text(b, i)) for i, (a, b) in enumerate(rows)]


def names_of(classes: np.ndarray) -> tuple[str, ...]:
    """Names of labels: the labels themselves, where these can be told apart as texts."""
    try:
        found = label_names([*classes.tolist()])
    except ValueError:
        found = []
    if len({*found} - {None}) < len(classes):
        return tuple(f"class {i}" for i in range(len(classes)))
    return tuple(str(name) for name in found)


def _array(X: object) -> np.ndarray:
    if isinstance(X, str | bytes) or X is None:
        raise InputError(f"X is one {type(X).__name__}; expected a list of texts, such as ['...']")
    try:
        rows = np.asarray(X.to_numpy() if hasattr(X, "to_numpy") else X, dtype=object)
    except ValueError:
        raise InputError("X has rows of different lengths; expected texts or pairs") from None
    if rows.ndim == 0:
        raise InputError(f"X is a {type(X).__name__}; expected a list, an array or a column")
    return rows


def _text(value: object, row: int) -> str:
    if isinstance(value, str):
        return str(value)  # numpy's strings are of a class of their own
    missing = value is None or str(value) == "<NA>"
    if missing or (isinstance(value, float) and math.isnan(value)):
        raise InputError(
            f"X has a missing value (NaN or None) in row {row}; fill it or leave the row out"
        )
    raise InputError(
        f"X has {type(value).__name__} {value!r:.40} in row {row}; expected texts (str)"
    )


def _classes_of(y: object) -> tuple[np.ndarray, Sequence[int]]:
    """Sorted classes, and of each label its place among them."""
    if y is None:
        raise InputError("requires y to be passed, but the target y is None")
    values = column_or_1d(y, warn=True)
    if any(v is None or (isinstance(v, float) and math.isnan(v)) for v in values.tolist()):
        raise InputError("Input y contains NaN: a label is missing; leave its text out")
    try:
        classes, codes = np.unique(values, return_inverse=True)
    except TypeError:
        kinds = sorted({type(v).__name__ for v in values.tolist()})
        raise InputError(f"y mixes labels of the types {', '.join(kinds)}; use one") from None
    check_classification_targets(values)
    return classes, codes.tolist()
