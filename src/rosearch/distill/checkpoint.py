"""Unfinished trainings on disk, as safetensors: to go on with a candidate on a higher rung."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from rosearch.io.files import new_file


class Checkpoint(NamedTuple):
    """A training's state.

    Attributes:
        step: steps done.
        groups: tensors by group (`model`, `optimiser`, `stopping`) and name.
    """

    step: int
    groups: Mapping[str, Mapping[str, Tensor]]


def save_checkpoint(path: Path, checkpoint: Checkpoint, recipe: str) -> None:
    """Write a checkpoint, whole or not at all.

    Args:
        recipe: what the training is: a checkpoint is good for the same one only.
    """
    tensors = {
        f"{group}/{name}": tensor.detach().contiguous().clone()
        for group, named in checkpoint.groups.items()
        for name, tensor in named.items()
    }
    with new_file(path) as stream:
        stream.write(save(tensors, {"step": str(checkpoint.step), "recipe": recipe}))


def load_checkpoint(path: Path, recipe: str, last: int) -> Checkpoint | None:
    """The checkpoint in a file; None where there is none that helps.

    Going on from a checkpoint gives the same as starting anew, so one that is missing, damaged, of
    another recipe or beyond the step `last` costs time and nothing else.
    """
    groups: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            told = file.metadata() or {}
            step = int(told.get("step", -1))
            if told.get("recipe") != recipe or not 0 < step <= last:
                return None
            for key in file.keys():  # noqa: SIM118  (not a mapping)
                group, _, name = key.partition("/")
                groups.setdefault(group, {})[name] = file.get_tensor(key)
    except (OSError, SafetensorError, ValueError):
        return None
    return Checkpoint(step, groups)
