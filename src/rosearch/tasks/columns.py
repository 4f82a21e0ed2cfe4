"""What the readers of files and of the hub share: quiet calls and the two columns of a task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rosearch.errors import UserError
from rosearch.tasks.assemble import Table

if TYPE_CHECKING:
    from datasets import Dataset


@contextmanager
def quiet() -> Iterator[None]:
    """Without the progress bars and log lines of `datasets` and `huggingface_hub`."""
    import logging

    import datasets
    import huggingface_hub.utils as hub

    level = datasets.logging.get_verbosity()
    shown = [module for module in (datasets, hub) if not module.are_progress_bars_disabled()]
    datasets.logging.set_verbosity(logging.CRITICAL)
    for module in shown:
        module.disable_progress_bars()
    try:
        yield
    finally:
        datasets.logging.set_verbosity(level)
        for module in shown:
            module.enable_progress_bars()


def check_columns(found: list[str], text_column: str, label_column: str, source: str) -> None:
    """Make sure that both columns are there and differ.

    Raises:
        UserError: one is missing, or both are the same.
    """
    for column in (text_column, label_column):
        if column not in found:
            shown = ", ".join(map(repr, found[:20])) or "none"
            raise UserError(f"{source} has no column {column!r}; its columns are {shown}")
    if text_column == label_column:
        raise UserError(f"{text_column!r} was named as text and as label column; name two columns")


def table(dataset: Dataset, text_column: str, label_column: str, source: str) -> Table:
    """The two columns of `dataset`; a ClassLabel feature gives label names, -1 is no label.

    Raises:
        UserError: a column is missing.
    """
    from datasets import ClassLabel

    check_columns(dataset.column_names, text_column, label_column, source)
    texts: list[object] = list(dataset[text_column])
    feature = dataset.features[label_column]
    if not isinstance(feature, ClassLabel):
        return Table(texts, list(dataset[label_column]), source)
    names: dict[int | None, str] = dict(enumerate(feature.names))
    return Table(texts, [names.get(i) for i in dataset[label_column]], source, tuple(feature.names))
