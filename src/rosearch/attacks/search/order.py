"""Word importance: in which order a greedy search tries the words of a text.

Shapes: n positions, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from rosearch.attacks.attack import Attack
from rosearch.attacks.goals import UNTARGETED, Goal
from rosearch.attacks.search.meter import Meter
from rosearch.attacks.steps import Step
from rosearch.tasks.words import Words

UNKNOWN = "<oov>"
# Scores (m,) of the first m of the positions, as many as the budget allows; higher ones come first.
Order: TypeAlias = Callable[
    [Attack, Meter, Words, Sequence[int], np.ndarray, int], Step[np.ndarray]
]


def by_deletion(
    attack: Attack,
    meter: Meter,
    text: Words,
    positions: Sequence[int],
    before: np.ndarray,
    label: int,
) -> Step[np.ndarray]:
    """Importance when a word is deleted (Jin et al. 2020, TextFooler, section 3, equation 2)."""
    without = yield from meter.ask(text.deleted(i) for i in positions)
    return importance(before, without, label, attack.goal)


def by_unknown(
    attack: Attack,
    meter: Meter,
    text: Words,
    positions: Sequence[int],
    before: np.ndarray,
    label: int,
) -> Step[np.ndarray]:
    """Importance when a word is replaced by an unknown one, as TextFooler's code does."""
    masked = yield from meter.ask(text.with_word(i, UNKNOWN) for i in positions)
    return importance(before, masked, label, attack.goal)


def importance(
    before: np.ndarray, without: np.ndarray, label: int, goal: Goal = UNTARGETED
) -> np.ndarray:
    """Importance (n,) of n words from probabilities (C,) with and (n, C) without each of them.

    The drop of the true label's probability, plus the rise of the new label's where the prediction
    changes. For a targeted goal, which TextFooler does not have, the rise of the target's.
    """
    if not len(without):
        return np.zeros(0)
    if goal.target is not None:
        scores: np.ndarray = without[:, goal.target] - before[goal.target]
    else:
        new = without.argmax(1)
        rise = without[np.arange(len(without)), new] - before[new]
        scores = before[label] - without[:, label] + np.where(new != label, rise, 0.0)
    return np.round(scores, 6)
