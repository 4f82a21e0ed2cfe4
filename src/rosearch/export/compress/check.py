"""A model to compress, and what the compressed one answers on a task's test split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rosearch.export.bundle import COMPARED
from rosearch.export.compress.result import Checked
from rosearch.export.measure import clean_quality, parity
from rosearch.io.files import check_new
from rosearch.models.classifier import Classifier
from rosearch.models.open import open_classifier
from rosearch.tasks import Split, Task


def open_original(model: str | Path, out: Path, task: Task | None) -> Classifier:
    """Open the classifier to compress, in float32, before anything is written.

    Its name is no path of this machine.

    Raises:
        UserError: `out` exists, there is no such model, or its labels are not the task's.
    """
    check_new(out)
    original = open_classifier(model)
    _ = original.module  # refuses what has no weights
    if task:
        original.fitted(task, _compared(task))
    local = Path(model).is_dir() and original.folder
    return replace(original, name=local.resolve().name) if local else original


def answers(classifier: Classifier, task: Task) -> np.ndarray:
    """Probabilities (texts, C) of the texts that models are compared on, in the task's order."""
    ordered = classifier.in_order(task.label_names, task.label_map)
    return ordered.probabilities(_compared(task).texts)


def _compared(task: Task) -> Split:
    """The texts that models are compared on, with classes as frequent as in the test split."""
    return task.test.sample(COMPARED, least_per_class=0)


def compare(task: Task, before: np.ndarray, after: np.ndarray, label: str) -> Checked:
    """The `answers` of the original and of the compressed model, compared, and with the labels."""
    labels = _compared(task).labels
    return Checked(
        task.name,
        parity(before, after),
        clean_quality("original", before, labels),
        clean_quality(label, after, labels),
    )
