"""The uniform random sample: candidates drawn without any selection, to compare the evolved with.

What "uniform" means here, and what it does not:

- Every gene is drawn with equal chances of its allowed values (`rosearch.space.variation.sample`),
  so *descriptions* are drawn, not networks: a network that more descriptions stand for is likelier.
  Drawn twice, a network counts once.
- A draw beyond the limits on parameters, FLOPs or latency is shrunk until it meets them, and drawn
  anew only if that is impossible. So near the limits small widths and embeddings are more frequent,
  most of all together with costly operations: genes are nearly, not exactly, independent.
"""

from __future__ import annotations

import numpy as np

from rosearch.space.genotype import Genotype
from rosearch.space.variation import Space, sample
from rosearch.strategies.scheduler import candidate_seed
from rosearch.types import Candidate

STREAM = 1  # keeps the random numbers apart from those of the evolution, which has the same seed
TRIES = 200


def uniform_sample(space: Space, n: int, seed: int) -> list[Candidate]:
    """`n` different random candidates; fewer only where the space has hardly more.

    Candidate k depends on `seed` and on the candidates before it only: a smaller sample is the
    start of a larger one. Training seeds are those of the evolution, so a network that the
    evolution evaluated, too, has the same score there.

    Raises:
        UserError: no genotype within the limits was found.
    """
    found: dict[str, Genotype] = {}
    while len(found) < n:
        rng = np.random.default_rng([seed, len(found), STREAM])
        drawn = (sample(space, rng) for _ in range(TRIES))
        new = next((g for g in drawn if g.hash not in found), None)
        if new is None:
            break
        found[new.hash] = new
    return [
        Candidate(index, genotype, candidate_seed(seed, genotype.hash))
        for index, genotype in enumerate(found.values())
    ]
