"""Functions on finished trials: the ageing population, tournaments, the Pareto front."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from rosearch.objectives import (
    DEFAULT,
    Objective,
    crowding,
    is_nondominated,
    nondominated_ranks,
    points,
)
from rosearch.types import Trial


def fitness(trial: Trial) -> float:
    """Fitness of a trial; a failed one is worse than any other."""
    return float("-inf") if trial.score is None else trial.score.fitness


def standing(trial: Trial) -> tuple[float, ...]:
    """What orders candidates that came differently far: whether they learned anything, the rung,
    the fitness, then age."""
    return (knows(trial), trial.rung, fitness(trial), -trial.candidate.index)


def knows(trial: Trial) -> bool:
    """Whether it succeeded, and clearly knows more than who always says the same."""
    return trial.score is not None and trial.score.learned


def able(trials: Sequence[Trial]) -> list[Trial]:
    """The successful trials of students that learned something; all successful ones if none did.

    Who always says the same is the most robust of all, and has nothing to offer.
    """
    return [t for t in trials if knows(t)] or [t for t in trials if t.score is not None]


def tournament(
    population: Sequence[Trial],
    size: int,
    rng: np.random.Generator,
    key: Callable[[Trial], tuple[float, ...]] = standing,
) -> Trial:
    """The best of `size` trials drawn with replacement (Goldberg and Deb 1991)."""
    drawn = rng.integers(len(population), size=size)
    return max((population[int(i)] for i in drawn), key=key)


def furthest(trials: Iterable[Trial]) -> list[Trial]:
    """Of each candidate the trial on its highest rung, in the order of proposal."""
    found: dict[str, Trial] = {}
    for trial in trials:
        old = found.get(trial.candidate.id)
        if old is None or trial.rung > old.rung:
            found[trial.candidate.id] = trial
    return sorted(found.values(), key=lambda t: t.candidate.index)


def last_rung(trials: Sequence[Trial]) -> list[Trial]:
    """The trials, failed ones included, of the highest rung that any trial succeeded on."""
    top = max((t.rung for t in trials if t.score is not None), default=0)
    return [t for t in trials if t.rung == top]


def front(trials: Sequence[Trial], objectives: Sequence[Objective] = DEFAULT) -> list[Trial]:
    """The trials that no other one beats in all objectives together.

    Only trials of the highest rung are compared, for the others were measured more cheaply, and
    only `able` ones. Of trials with equal objectives the first stays.
    """
    level = able(last_rung(trials))
    if not level:
        return []
    kept = is_nondominated(points(level, objectives))
    return [t for t, stays in zip(level, kept, strict=True) if stays]


def ranks_and_crowding(
    trials: Sequence[Trial], objectives: Sequence[Objective] = DEFAULT
) -> tuple[np.ndarray, np.ndarray]:
    """Non-dominated rank (n,) of n successful trials, and crowding distance (n,) within it."""
    values = points(trials, objectives)
    ranks = nondominated_ranks(values)
    return ranks, crowding(values, ranks)
