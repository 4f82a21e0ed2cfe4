"""Functions on finished trials: the ageing population, tournaments, the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rosearch.types import Score, Trial


def fitness(trial: Trial) -> float:
    """Fitness of a trial; a failed one is worse than any other."""
    return float("-inf") if trial.score is None else trial.score.fitness


def living(told: Sequence[Trial], size: int) -> list[Trial]:
    """The ageing population: the `size` youngest successful trials (Real et al. 2019).

    Age is the order of proposal, so the oldest die however fit they are.
    """
    return [t for t in told if t.score is not None][-size:]


def tournament(population: Sequence[Trial], size: int, rng: np.random.Generator) -> Trial:
    """The fittest of `size` trials drawn with replacement (Goldberg and Deb 1991)."""
    drawn = rng.integers(len(population), size=size)
    return max((population[int(i)] for i in drawn), key=lambda t: (fitness(t), -t.candidate.index))


def objectives(score: Score) -> tuple[float, float, float]:
    """What the front weighs against each other, each to be maximised."""
    return (score.after_attack, score.clean, -float(score.params))


def front(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that no other one beats in robustness, accuracy and parameters together.

    Of trials with equal objectives the first stays.
    """
    scored = [(t, objectives(t.score)) for t in trials if t.score is not None]
    if not scored:
        return []
    values = np.array([mine for _, mine in scored])
    # Best first, the earlier of equals first: only a point that is kept can beat a later one.
    order = np.lexsort((np.arange(len(values)), *-values.T[::-1]))
    kept: list[int] = []
    for i in order:
        if not (values[kept] >= values[i]).all(axis=1).any():
            kept.append(int(i))
    return [scored[i][0] for i in sorted(kept)]
