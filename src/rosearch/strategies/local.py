"""Local search: mutate the front (White et al. 2021 find local search hard to beat)."""

from __future__ import annotations

import numpy as np

from rosearch.objectives import oriented, points
from rosearch.space.variation import Space, mutate, sample
from rosearch.strategies.base import Proposal, StrategyConfig
from rosearch.strategies.population import ranks_and_crowding
from rosearch.types import Trial

MOST = 100  # members of the front that are kept: the most crowded ones go first
FIRST = 8  # random candidates before the first mutation


class Local:
    """Each child is one mutation of a random member of the front, of the highest rung there is."""

    name = "local"

    def __init__(self, space: Space, config: StrategyConfig) -> None:
        self.space = space
        self.objectives = config.objectives
        self.fronts: dict[int, list[Trial]] = {}  # by rung

    def learn(self, trial: Trial) -> None:
        if trial.score is None:
            return
        front = self.fronts.setdefault(trial.rung, [])
        mine = np.array(oriented(trial.score, self.objectives))
        others = points(front, self.objectives)
        if ((others >= mine).all(1)).any():
            return
        kept = [t for t, o in zip(front, others, strict=True) if not (mine >= o).all()]
        kept.append(trial)
        if len(kept) > MOST:
            _, crowding = ranks_and_crowding(kept, self.objectives)
            kept.pop(int(crowding.argmin()))
        self.fronts[trial.rung] = kept

    def propose(self, index: int, rng: np.random.Generator) -> Proposal:
        if index < FIRST or not self.fronts:
            return Proposal(sample(self.space, rng))
        front = self.fronts[max(self.fronts)]
        parent = front[int(rng.integers(len(front)))].candidate.genotype
        return Proposal(mutate(parent, self.space, rng), parent.hash)
