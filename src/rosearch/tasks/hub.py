"""Tasks from the Hugging Face hub, or from a local folder in the same layout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.errors import UserError, one_line
from rosearch.io.quiet import quiet_datasets
from rosearch.io.resources import offline
from rosearch.tasks.assemble import Table
from rosearch.tasks.columns import Columns, Found, ReadWhenAsked, table
from rosearch.tasks.task import TASKS

if TYPE_CHECKING:
    from datasets import DatasetDict

_TIMEOUT = 10.0  # seconds


def read_hub(name: str, columns: Columns) -> tuple[Table, Table | None, Table | None]:
    """The train, validation and test splits of a hub data set; None for one that is missing.

    Args:
        name: `id`, `id:config`, or a local folder.

    Raises:
        UserError: not found, not reachable, without a train split, or without one of the columns.
    """
    splits = _load(name)
    if "train" not in splits:
        raise UserError(f"{name} has no split 'train'; its splits are {', '.join(splits)}")
    train, columns = table(_found(splits, "train", name), columns)
    validation, test = (
        table(_found(splits, split, name), columns, labelled=False)[0] if split in splits else None
        for split in ("validation", "test")
    )
    return train, validation, test


def _found(splits: DatasetDict, split: str, name: str) -> Found:
    from datasets import ClassLabel

    data = splits[split]
    named = {n: tuple(f.names) for n, f in data.features.items() if isinstance(f, ClassLabel)}
    values = ReadWhenAsked(data.column_names, lambda column: list(data[column]))
    return Found(values, f"split {split!r} of {name}", named)


def _load(name: str) -> DatasetDict:
    import datasets

    local = Path(name).is_dir()
    data_id, _, config = (name, "", "") if local else name.partition(":")
    cause = ""
    try:
        if not local and not _reachable(data_id):
            cause = "it is not cached and " + (
                "ROSEARCH_OFFLINE forbids the network" if offline() else "no hub was reached"
            )
        with quiet_datasets(), _without_hub(bool(cause)):
            return datasets.load_dataset(data_id, config or None)
    except Exception as error:  # the hub client, the parsers and user data raise many types
        raise UserError(
            f"cannot load {name!r}: {cause or one_line(error)}; give a built-in task "
            f"({', '.join(TASKS)}), the id of a Hugging Face data set, or a train file"
        ) from error


def _reachable(data_id: str) -> bool:
    """Whether the hub answers for this id: one quick question instead of long retries.

    Raises:
        RepositoryNotFoundError, HFValidationError: the hub does not have it, or never could.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    if offline():
        return False
    try:
        HfApi().dataset_info(data_id, timeout=_TIMEOUT)
    except (RepositoryNotFoundError, HFValidationError):
        raise
    except Exception:
        return False
    return True


@contextmanager
def _without_hub(active: bool) -> Iterator[None]:
    """Let `datasets` answer from its cache only, as HF_HUB_OFFLINE=1 would have done at import."""
    import datasets.config

    before = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = before or active
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE = before
