"""What the readers of files and of the hub share: the columns of a task."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from rosearch.errors import UserError
from rosearch.tasks.assemble import Table

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a task: text, label and, where texts come in pairs, second text."""

    text: str = "text"
    label: str = "label"
    pair: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """What a column is for -> its name."""
        named = {"text": self.text, "label": self.label, "text pair": self.pair}
        return {role: name for role, name in named.items() if name is not None}


def check_columns(found: list[str], columns: Columns, source: str) -> None:
    """Make sure that all columns are there and differ.

    Raises:
        UserError: one is missing, or two are the same.
    """
    for name in columns.named.values():
        if name not in found:
            shown = ", ".join(map(repr, found[:20])) or "none"
            raise UserError(f"{source} has no column {name!r}; its columns are {shown}")
    for (role, name), (other, same) in combinations(columns.named.items(), 2):
        if name == same:
            raise UserError(
                f"{name!r} was named as {role} and as {other} column; name different columns"
            )


def table(dataset: Dataset, columns: Columns, source: str) -> Table:
    """The columns of `dataset`; a ClassLabel feature gives label names, -1 is no label.

    Raises:
        UserError: a column is missing.
    """
    from datasets import ClassLabel

    check_columns(dataset.column_names, columns, source)
    texts: list[object] = list(dataset[columns.text])
    seconds = None if columns.pair is None else list(dataset[columns.pair])
    labels = list(dataset[columns.label])
    feature = dataset.features[columns.label]
    if not isinstance(feature, ClassLabel):
        return Table(texts, labels, source, None, seconds)
    names: dict[int | None, str] = dict(enumerate(feature.names))
    labels = [names.get(i) for i in labels]
    return Table(texts, labels, source, tuple(feature.names), seconds)
