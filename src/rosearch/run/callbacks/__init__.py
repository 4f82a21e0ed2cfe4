"""Callbacks: what looks on while a run goes on, such as experiment tracking.

To add a callback, add a file here and a line to `CALLBACKS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rosearch.errors import UserError
from rosearch.io.plugins import Registry
from rosearch.run.callbacks.base import Callback, NamedCallback, Silent

__all__ = ["CALLBACKS", "Callback", "Silent", "make_callbacks"]

CALLBACKS: Registry[NamedCallback] = Registry(
    "callback",
    {
        "tensorboard": "rosearch.run.callbacks.tensorboard:TensorBoard",
        "mlflow": "rosearch.run.callbacks.mlflow:MLflow",
    },
)


def make_callbacks(names: Iterable[str], folder: Path) -> list[Callback]:
    """The callbacks of a run; nothing is written yet.

    Args:
        names: of `CALLBACKS`; each may be a list with commas between.
        folder: of the run; callbacks that it was started with go on, see `Silent.trace`.

    Raises:
        UserError: an unknown name, or its package is not installed.
    """
    wanted = [part.strip() for name in names for part in name.split(",") if part.strip()]
    for name in wanted:
        if name not in CALLBACKS:
            raise UserError(f"--track {name!r}: expected one or more of {', '.join(CALLBACKS)}")
    for name, callback in CALLBACKS.items():
        if callback.trace and (folder / callback.trace).exists():
            wanted.append(name)
    return [CALLBACKS[name]() for name in dict.fromkeys(wanted)]
