"""NSGA-II on the objectives of the run (Deb et al. 2002), one candidate at a time."""

from __future__ import annotations

import numpy as np

from rosearch.space.variation import Space, crossover, mutate, sample
from rosearch.strategies.base import Proposal, StrategyConfig
from rosearch.strategies.population import knows, ranks_and_crowding, tournament
from rosearch.types import Trial


class Nsga2:
    """Non-dominated rank, then crowding distance, decide who lives and who becomes a parent.

    Departures: steady state, one child at a time, so that workers never wait for a generation
    (Durillo et al. 2009 study this variant); trials are ranked within their rung, and a higher rung
    beats a lower one, since results of different rungs can't be compared. Who learned something
    beats who always says the same (constrained domination, section VI).
    """

    name = "nsga2"

    def __init__(self, space: Space, config: StrategyConfig) -> None:
        self.space = space
        self.config = config
        self.living: dict[str, Trial] = {}
        self._known_keys: dict[str, tuple[float, ...]] | None = None  # of the living as they are

    def learn(self, trial: Trial) -> None:
        key = trial.candidate.id
        self._known_keys = None
        if trial.score is None:
            self.living.pop(key, None)
            return
        if trial.rung and key not in self.living:
            return  # it was crowded out before it came this far
        self.living[key] = trial
        if len(self.living) > self.config.population:
            order = self._keys()
            del self.living[min(self.living, key=order.__getitem__)]
            self._known_keys = None

    def propose(self, index: int, rng: np.random.Generator) -> Proposal:
        if index < self.config.population or len(self.living) < 2:
            return Proposal(sample(self.space, rng))
        order = self._keys()
        population = list(self.living.values())

        def parent() -> Trial:
            return tournament(population, 2, rng, lambda t: order[t.candidate.id])

        first = parent().candidate.genotype
        if rng.random() < self.config.crossover:
            second = parent().candidate.genotype
            return Proposal(crossover(first, second, self.space, rng), first.hash)
        return Proposal(mutate(first, self.space, rng), first.hash)

    def _keys(self) -> dict[str, tuple[float, ...]]:
        """What orders the living, the best having the largest: learned, rung, rank, ..."""
        if self._known_keys is not None:
            return self._known_keys
        trials = list(self.living.values())
        found: dict[str, tuple[float, ...]] = {}
        for rung in {t.rung for t in trials}:
            level = [t for t in trials if t.rung == rung]
            ranks, crowding = ranks_and_crowding(level, self.config.objectives)
            for t, rank, distance in zip(level, ranks, crowding, strict=True):
                order = (-int(rank), float(distance), -t.candidate.index)
                found[t.candidate.id] = (knows(t), rung, *order)
        self._known_keys = found
        return found
