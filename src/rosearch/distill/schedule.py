"""Which examples a training reads when, and how fast it learns. A function of seed and step only,
so that a training that goes on from a checkpoint equals one that was never interrupted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rosearch.models.batches import bucketed_epoch
from rosearch.tasks.sample import balanced_rows
from rosearch.types import Fidelity

WARM_UP = 0.03


@dataclass(frozen=True)
class Schedule:
    """The steps of one training.

    Attributes:
        lengths: tokens of each text of the train split.
        labels: of each text, to draw all equally often; None draws each text once an epoch.
        fidelity: its share of the train split is drawn with `seed`; of its steps, the first
            `portion` are run, with the learning rates that they have in the whole.
    """

    lengths: Sequence[int]
    batch_size: int
    fidelity: Fidelity
    seed: int
    labels: Sequence[int] | None = None

    @cached_property
    def chosen(self) -> np.ndarray:
        """Rows of the train split that are read."""
        n = len(self.lengths)
        kept = max(1, round(self.fidelity.train_share * n))
        return np.random.default_rng(self.seed).permutation(n)[:kept]

    @cached_property
    def per_epoch(self) -> int:
        """Steps of an epoch."""
        return math.ceil(len(self.chosen) / self.batch_size)

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.per_epoch * self.fidelity.epochs

    @property
    def last(self) -> int:
        """Steps to run."""
        return max(1, round(self.fidelity.portion * self.steps))

    def epoch(self, number: int) -> list[np.ndarray]:
        """Batches of rows of the train split."""
        rng = np.random.default_rng([self.seed, 1 + number])
        rows = self.chosen
        if self.labels is not None:
            rows = rows[balanced_rows([self.labels[i] for i in rows], rng)]
        lengths = [self.lengths[i] for i in rows]
        return [rows[batch] for batch in bucketed_epoch(lengths, self.batch_size, rng)]

    def rate(self, step: int) -> float:
        """Factor of the learning rate in a step, from 0."""
        return cosine_rate(step, self.steps)


def cosine_rate(step: int, steps: int) -> float:
    """Factor of the learning rate: linear warm-up, then a cosine to zero."""
    rise = (step + 1) / max(1.0, WARM_UP * steps)
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / max(1, steps))))
    return min(1.0, rise) * fall
