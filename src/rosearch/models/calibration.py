"""How far probabilities are to be believed: calibration error, temperatures, thresholds.

Shapes: N texts, C classes.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rosearch.models.answers import Answers
from rosearch.models.classifier import Classifier
from rosearch.tasks.words import Words

BINS = 15  # as in Guo et al. 2017
COLDEST, HOTTEST = 0.05, 20.0  # between which a temperature is looked for
LEAST = 1e-38  # of a probability in single precision


def calibration_error(probabilities: np.ndarray, labels: Sequence[int]) -> float:
    """Expected calibration error of probabilities (N, C): the mean distance of confidence and
    accuracy over bins of equal width (Naeini et al. 2015; Guo et al. 2017, section 2).

    0 is perfect; who always says 1.0 has one minus the accuracy.
    """
    sure = probabilities.max(1)
    right = probabilities.argmax(1) == np.asarray(labels)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=right - sure.astype(float), minlength=BINS)
    return float(np.abs(gaps).sum() / len(right))


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """Logits (N, C), but for a constant of each text."""
    found: np.ndarray = np.log(np.maximum(probabilities.astype(np.float64), LEAST))
    return found


def at_temperature(
    probabilities: np.ndarray, temperature: float, less: Sequence[float] = ()
) -> np.ndarray:
    """Probabilities (N, C) as they would be of logits divided by the temperature.

    Args:
        less: is taken off the logits before, (C,).
    """
    if not probabilities.size:
        return probabilities
    logits = (logits_of(probabilities) - np.asarray(less or 0.0)) / temperature
    raised = np.exp(logits - logits.max(1, keepdims=True))
    found: np.ndarray = (raised / raised.sum(1, keepdims=True)).astype(np.float32)
    return found


def best_temperature(probabilities: np.ndarray, labels: Sequence[int]) -> float:
    """The temperature of the least cross-entropy (Guo et al. 2017, section 4.2), which has one
    minimum over its inverse: golden-section search.

    Args:
        probabilities: (N, C) of texts that the model was not trained on.
    """
    logits = logits_of(probabilities)
    rows, truth = np.arange(len(logits)), np.asarray(labels)

    def loss(log_inverse: float) -> float:
        scaled = logits * np.exp(log_inverse)
        most = scaled.max(1)
        total = most + np.log(np.exp(scaled - most[:, None]).sum(1))
        return float((total - scaled[rows, truth]).mean())

    low, high, golden = -np.log(HOTTEST), -np.log(COLDEST), (np.sqrt(5) - 1) / 2
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return float(np.exp(-(low + high) / 2))


@dataclass(frozen=True)
class TemperedAnswers:
    """The answers of another, with logits less something, at a temperature."""

    plain: Answers
    temperature: float
    less: tuple[float, ...] = ()

    def probabilities(self, texts: Sequence[Words]) -> np.ndarray:
        return at_temperature(self.plain.probabilities(texts), self.temperature, self.less)

    def reads(self, texts: Sequence[Words]) -> Sequence[Hashable]:
        return self.plain.reads(texts)


def tempered(model: Classifier, temperature: float) -> Classifier:
    """The same classifier at a temperature: it decides as before and is more or less sure of it.

    It shares the memory of answers, so that what the one was asked costs the other nothing.
    """
    if temperature == 1:
        return model
    return replace(model, answers=TemperedAnswers(model.answers, temperature))


def at_threshold(model: Classifier, label: int, threshold: float) -> Classifier:
    """The same classifier of two labels, but that it says `label` where the log-odds of that are
    above the threshold: an attack on it is one against the threshold.

    It shares the memory of answers, too.
    """
    less = [0.0, 0.0]
    less[label if model.order is None else model.order[label]] = threshold
    return replace(model, answers=TemperedAnswers(model.answers, 1.0, tuple(less)))


def plain_answers(model: Classifier) -> Answers:
    """The answers of a classifier whatever its temperature and threshold."""
    found = model.answers
    while isinstance(found, TemperedAnswers):
        found = found.plain
    return found
