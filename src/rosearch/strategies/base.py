"""What every strategy offers: it learns results, and proposes genotypes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from rosearch.objectives import DEFAULT, Objective
from rosearch.space.genotype import Genotype
from rosearch.space.variation import Space
from rosearch.types import Trial


class Proposal(NamedTuple):
    """A genotype and the hash of the one it was varied from, if any."""

    genotype: Genotype
    parent: str | None = None


@dataclass(frozen=True)
class StrategyConfig:
    """Settings of the strategies; each reads those that concern it.

    Attributes:
        population: living trials that may become parents; as many first candidates are random.
        tournament: trials drawn for each tournament.
        crossover: share of children that have two parents.
        chance_accuracy: clean accuracy that shows that a student learned something.
        floor: clean accuracy below which nobody would ship a student.
        objectives: what the run optimises.
    """

    population: int = 12
    tournament: int = 4
    crossover: float = 0.2
    chance_accuracy: float = 0.0
    objectives: Sequence[Objective] = DEFAULT
    floor: float = 0.0


class Strategy(Protocol):
    """Where new candidates come from.

    A strategy is deterministic: what it proposes depends on what it learned, in that order, and on
    its arguments. `propose` changes nothing, for it is asked again where a proposal is not new. It
    keeps no more than it needs: a run may have any number of candidates.
    """

    def learn(self, trial: Trial) -> None:
        """Learn a result. Each candidate comes once a rung, the lowest rung first."""
        ...

    def propose(self, index: int, rng: np.random.Generator) -> Proposal:
        """A genotype for candidate number `index`."""
        ...


class NamedStrategy(Protocol):
    """What `STRATEGIES` holds: a class with a name, or a function that has one."""

    @property
    def name(self) -> str: ...

    def __call__(self, space: Space, config: StrategyConfig, /) -> Strategy:
        """A strategy that has learned nothing yet."""
        ...
