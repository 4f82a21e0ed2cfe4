"""A model to compress, and what the compressed one answers on a task's test split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rosearch.errors import UserError
from rosearch.export.bundle import COMPARED
from rosearch.export.compress.result import Checked
from rosearch.export.measure import Quality, parity, probabilities
from rosearch.models.load import load_classifier, model_source
from rosearch.models.loaded import Loaded
from rosearch.models.victim import Victim
from rosearch.tasks import Task


@dataclass(frozen=True)
class Original:
    """A classifier to compress, in float32.

    Attributes:
        name: how it is called; no path of this machine.
        numbers: of the task's labels, how the model numbers each; none without a task.
    """

    name: str
    loaded: Loaded
    numbers: tuple[int, ...]

    @property
    def params(self) -> int:
        """Its parameters."""
        return sum(p.numel() for p in self.loaded.model.parameters())


def open_original(model: str | Path, out: Path, task: Task | None) -> Original:
    """Load the classifier, before anything is written.

    Raises:
        UserError: `out` exists, there is no such model, or its labels are not the task's.
    """
    from rosearch.robustness.evaluate import label_numbers

    if out.exists():
        raise UserError(f"{out} exists; choose another --out")
    folder = model_source(str(model))
    loaded = Loaded(*load_classifier(folder))
    loaded.model.float()  # a model saved in half precision
    name = folder.resolve().name if Path(model).is_dir() else str(model)
    return Original(name, loaded, label_numbers(loaded.model, task) if task else ())


def answers(victim: Victim, task: Task) -> np.ndarray:
    """Probabilities (texts, C) of the texts that models are compared on."""
    return probabilities(victim, task.test.texts[:COMPARED])


def compare(
    task: Task, numbers: Sequence[int], before: np.ndarray, after: np.ndarray, label: str
) -> Checked:
    """The `answers` of the original and of the compressed model, against each other and the labels.

    Args:
        numbers: see `Original`.
    """
    labels = np.array([numbers[i] for i in task.test.labels[: len(before)]])

    def quality(name: str, found: np.ndarray) -> Quality:
        return Quality(name, int((found.argmax(1) == labels).sum()), len(labels), {})

    return Checked(
        task.name, parity(before, after), quality("original", before), quality(label, after)
    )
