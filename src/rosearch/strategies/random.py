"""Random search: the baseline that every strategy has to beat (Li and Talwalkar 2019)."""

from __future__ import annotations

import numpy as np

from rosearch.space.variation import Space, sample
from rosearch.strategies.base import Proposal, StrategyConfig
from rosearch.types import Trial


class Random:
    """Draws every gene with equal chances of its allowed values, and learns nothing."""

    name = "random"

    def __init__(self, space: Space, config: StrategyConfig) -> None:
        self.space = space

    def learn(self, trial: Trial) -> None:
        """Nothing: the next draw does not depend on it."""

    def propose(self, index: int, rng: np.random.Generator) -> Proposal:
        return Proposal(sample(self.space, rng))
