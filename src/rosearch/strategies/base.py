"""What every strategy offers: it learns results, and proposes genotypes."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from rosearch.space.genotype import Genotype
from rosearch.types import Trial


class Proposal(NamedTuple):
    """A genotype and the hash of the one it was varied from, if any."""

    genotype: Genotype
    parent: str | None = None


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
