"""Callbacks: what looks on while a run goes on, such as experiment tracking."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from rosearch.callbacks.mlflow import LINK, MLflow
from rosearch.callbacks.tensorboard import FOLDER, TensorBoard
from rosearch.callbacks.tracking import Tracker
from rosearch.errors import UserError
from rosearch.run.callbacks import Callback

__all__ = ["TRACKERS", "make_callbacks"]

TRACKERS: dict[str, Callable[[], Tracker]] = {"tensorboard": TensorBoard, "mlflow": MLflow}
# What a tracker leaves in a run folder: a run that goes on is tracked as it was.
TRACES = {"tensorboard": FOLDER, "mlflow": LINK}


def make_callbacks(names: Iterable[str], folder: Path) -> list[Callback]:
    """The trackers of a run; nothing is written yet.

    Args:
        names: of `TRACKERS`; each may be a list with commas between.
        folder: of the run; trackers that it was started with go on.

    Raises:
        UserError: an unknown name, or its package is not installed.
    """
    wanted = [part.strip() for name in names for part in name.split(",") if part.strip()]
    for name in wanted:
        if name not in TRACKERS:
            raise UserError(f"--track {name!r}: expected one or more of {', '.join(TRACKERS)}")
    wanted += [name for name, trace in TRACES.items() if (folder / trace).exists()]
    return [TRACKERS[name]() for name in dict.fromkeys(wanted)]
