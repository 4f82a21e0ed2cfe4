"""Tournament evolution with ageing on the scalar fitness: the paper's way (arXiv 2106.03613)."""

from __future__ import annotations

import numpy as np

from rosearch.space.variation import Space, crossover, mutate, sample
from rosearch.strategies.base import Proposal, StrategyConfig
from rosearch.strategies.population import standing, tournament
from rosearch.types import Trial


class AgingEvolution:
    """The youngest candidates live, however fit the older ones are (Real et al. 2019).

    Of a candidate the result of its highest rung counts, and a higher rung beats a lower one: the
    candidate was better than most of those left behind there.
    """

    name = "aging_evolution"

    def __init__(self, space: Space, config: StrategyConfig) -> None:
        self.space = space
        self.config = config
        self.living: dict[str, Trial] = {}  # in the order of proposal

    def learn(self, trial: Trial) -> None:
        key = trial.candidate.id
        if trial.score is None:
            self.living.pop(key, None)
        elif trial.rung == 0 or key in self.living:
            self.living[key] = trial
        while len(self.living) > self.config.population:
            del self.living[next(iter(self.living))]

    def propose(self, index: int, rng: np.random.Generator) -> Proposal:
        c = self.config
        population = list(self.living.values())
        if index < c.population or len(population) < 2:
            return Proposal(sample(self.space, rng))
        first = tournament(population, c.tournament, rng, standing).candidate.genotype
        if rng.random() < c.crossover:
            second = tournament(population, c.tournament, rng, standing).candidate.genotype
            return Proposal(crossover(first, second, self.space, rng), first.hash)
        return Proposal(mutate(first, self.space, rng), first.hash)
