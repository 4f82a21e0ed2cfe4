"""A model to compress, and what the compressed one answers on a task's test split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rosearch.errors import UserError
from rosearch.export.bundle import COMPARED
from rosearch.export.compress.result import Checked
from rosearch.export.measure import Quality, parity
from rosearch.models.classifier import Classifier
from rosearch.models.open import open_classifier
from rosearch.tasks import Task


def open_original(model: str | Path, out: Path, task: Task | None) -> Classifier:
    """Open the classifier to compress, in float32, before anything is written.

    Its name is no path of this machine.

    Raises:
        UserError: `out` exists, there is no such model, or its labels are not the task's.
    """
    if out.exists():
        raise UserError(f"{out} exists; choose another --out")
    original = open_classifier(model)
    _ = original.module  # refuses what has no weights
    if task:
        original.fitted(task, task.test.first(COMPARED))
    local = Path(model).is_dir() and original.folder
    return replace(original, name=local.resolve().name) if local else original


def answers(classifier: Classifier, task: Task) -> np.ndarray:
    """Probabilities (texts, C) of the texts that models are compared on, in the task's order."""
    ordered = classifier.in_order(task.label_names, task.label_map)
    return ordered.probabilities(task.test.texts[:COMPARED])


def compare(task: Task, before: np.ndarray, after: np.ndarray, label: str) -> Checked:
    """The `answers` of the original and of the compressed model, compared, and with the labels."""
    labels = np.array(task.test.first(len(before)).labels)

    def quality(name: str, found: np.ndarray) -> Quality:
        return Quality(name, int((found.argmax(1) == labels).sum()), len(labels), {})

    return Checked(
        task.name, parity(before, after), quality("original", before), quality(label, after)
    )
