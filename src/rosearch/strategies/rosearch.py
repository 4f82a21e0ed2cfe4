"""Tournament evolution with ageing, behind ask / tell.

The proposal of candidate k depends only on the run's seed, on the proposals before it, and on the
results of candidates 0 .. k - lag (told in order). So the same seed gives the same run with any
number of workers, and a run is resumed by asking again: nothing but the results is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rosearch.errors import UserError
from rosearch.space.genotype import Genotype
from rosearch.space.vary import Space, crossover, mutate, repair, sample
from rosearch.strategies.population import living, tournament
from rosearch.types import Candidate, Trial

TRIES = 200


@dataclass(frozen=True)
class EvolutionConfig:
    """Settings of the evolution.

    Attributes:
        population: living trials that may become parents.
        tournament: trials drawn for each tournament.
        crossover: share of children that have two parents.
        lag: candidates that may be under way at once; more workers than this stay idle.
    """

    population: int = 12
    tournament: int = 4
    crossover: float = 0.2
    lag: int = 4


class Evolution:
    """Proposes candidates: first the seeds, then random ones, then children of tournaments."""

    def __init__(
        self, space: Space, seeds: Sequence[Genotype], config: EvolutionConfig, seed: int
    ) -> None:
        self.space = space
        self.seeds = _distinct([r for g in seeds if (r := repair(g, space)) is not None])
        self.config = config
        self.seed = seed
        self.asked: list[Candidate] = []
        self.hashes: set[str] = set()
        self.told: list[Trial] = []

    @property
    def ready(self) -> bool:
        """Whether the next candidate may be asked for already."""
        return len(self.asked) - len(self.told) < self.config.lag

    def ask(self) -> Candidate:
        """The next candidate; its genotype was never proposed before."""
        if not self.ready:
            raise RuntimeError("ask came before the results that it depends on were told")
        index = len(self.asked)
        rng = np.random.default_rng([self.seed, index])
        genotype, parent = self._propose(index, rng)
        candidate = Candidate(index, genotype, candidate_seed(self.seed, genotype.hash), parent)
        self.asked.append(candidate)
        self.hashes.add(genotype.hash)
        return candidate

    def tell(self, trial: Trial) -> None:
        """Learn a result; results come in the order of the proposals."""
        expected = len(self.told)
        if trial.candidate.index != expected:
            raise RuntimeError(f"expected the result of {expected}, got {trial.candidate.index}")
        self.told.append(trial)

    def _propose(self, index: int, rng: np.random.Generator) -> tuple[Genotype, str | None]:
        if index < len(self.seeds):
            return self.seeds[index], None
        # With more workers fewer results would be known here: use just those that always are.
        known = self.told[: max(0, index - self.config.lag + 1)]
        population = living(known, self.config.population)
        for _ in range(TRIES):
            child, parent = self._child(index, population, rng)
            if child.hash not in self.hashes:
                return child, parent
        raise UserError(f"the space is exhausted: no new genotype found after {index} candidates")

    def _child(
        self, index: int, population: list[Trial], rng: np.random.Generator
    ) -> tuple[Genotype, str | None]:
        if index < self.config.population or len(population) < 2:
            return sample(self.space, rng), None
        first = tournament(population, self.config.tournament, rng).candidate.genotype
        if rng.random() < self.config.crossover:
            second = tournament(population, self.config.tournament, rng).candidate.genotype
            return crossover(first, second, self.space, rng), first.hash
        return mutate(first, self.space, rng), first.hash


def candidate_seed(run_seed: int, genotype_hash: str) -> int:
    """Training seed of a candidate: depends on the run and the network, not on the order."""
    digest = hashlib.sha256(f"{run_seed}:{genotype_hash}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % (2**31)


def _distinct(genotypes: Sequence[Genotype]) -> list[Genotype]:
    return list({g.hash: g for g in genotypes}.values())
