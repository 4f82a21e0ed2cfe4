"""Classes of a split: a sample in which each is, and weights that make rare ones count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

UNEVEN = 1.5  # times as many texts of a label as of another: from where on texts are weighed
LEAST_PER_CLASS = 30  # of few texts of a class next to nothing can be said
SEED = 0


def stratified_rows(
    labels: Sequence[int], n: int, *, seed: int, least_per_class: int = 0
) -> list[int]:
    """Rows of a stratified random sample of `n` examples: none twice, all of them if `n` is larger.

    First each class gets `least_per_class` rows, in turns, or all that it has; then each row goes
    to the class that is furthest behind its share of `labels` (Sainte-Lague). A smaller sample of
    the same seed is the beginning of a larger one: sample(n)[:m] == sample(m).

    Args:
        labels: the class of each row.
        n: at least 0.
        seed: of the shuffle; the order of `labels` has no say in which rows of a class come first.
        least_per_class: rare classes are then more frequent in the sample than they are in
            `labels`: what is averaged over its texts is not what it would be over all texts.
    """
    shuffled: list[int] = np.random.default_rng(seed).permutation(len(labels)).tolist()
    total = Counter(labels)
    seen: Counter[int] = Counter()
    turn: dict[int, tuple[int, float]] = {}
    for row in shuffled:
        label = labels[row]
        before, seen[label] = seen[label], seen[label] + 1
        floored = before < least_per_class
        turn[row] = (0, float(before)) if floored else (1, (before + 0.5) / total[label])
    return sorted(shuffled, key=turn.__getitem__)[:n]  # stable: ties stay shuffled


def class_weights(labels: Sequence[int], classes: int, how: str = "balanced") -> np.ndarray | None:
    """Weights (classes,) of the losses of texts: all classes weigh alike, and all texts 1 on
    average; None where the classes are about as frequent.

    Args:
        how: "none" weighs all texts alike.
    """
    n = np.bincount(np.asarray(labels), minlength=classes)
    there = n[n > 0]
    if how == "none" or there.max() < UNEVEN * there.min():
        return None
    weights = np.where(n > 0, len(labels) / (len(there) * np.maximum(n, 1)), 0.0)
    return weights.astype(np.float32)
