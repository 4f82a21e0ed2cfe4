"""Rows of a split chosen by their labels, so that rare ones are among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

UNEVEN = 1.5  # times as many texts of a label as of another: from where on they are drawn evenly
MOST = 20  # times that a text comes in an epoch
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


def uneven(labels: Sequence[int]) -> bool:
    """Whether some label has clearly more texts than another."""
    counts = Counter(labels).values()
    return max(counts) >= UNEVEN * min(counts)


def balanced_rows(labels: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """As many rows as there are, drawn so that all labels come equally often; all rows, in their
    order, where these are not `uneven`.

    None comes more than `MOST` times, so the rarest labels may come less often than others, and
    of common ones not all rows come.
    """
    if not uneven(labels):
        return np.arange(len(labels))
    own = np.asarray(labels)
    groups = sorted((np.flatnonzero(own == label) for label in np.unique(own)), key=len)
    drawn, left = [], len(own)
    for k, rows in enumerate(groups):
        n = min(left // (len(groups) - k), MOST * len(rows))
        times = -(-n // len(rows))
        drawn.append(np.concatenate([rng.permutation(rows) for _ in range(times)])[:n])
        left -= n
    return np.concatenate(drawn)
