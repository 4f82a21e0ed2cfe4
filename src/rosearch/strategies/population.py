"""Functions on finished trials: the ageing population, tournaments, the Pareto front."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import moocore
import numpy as np

from rosearch.types import Score, Trial


def fitness(trial: Trial) -> float:
    """Fitness of a trial; a failed one is worse than any other."""
    return float("-inf") if trial.score is None else trial.score.fitness


def standing(trial: Trial) -> tuple[float, ...]:
    """What orders candidates that came differently far: the rung, then the fitness, then age."""
    return (trial.rung, fitness(trial), -trial.candidate.index)


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


def objectives(score: Score) -> tuple[float, float, float]:
    """What the front weighs against each other, each to be maximised."""
    return (score.after_attack, score.clean, -float(score.params))


def points(trials: Sequence[Trial]) -> np.ndarray:
    """Objectives (n, 3) of n successful trials."""
    return np.array([objectives(t.score) for t in trials if t.score]).reshape(-1, 3)


def front(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that no other one beats in robustness, accuracy and parameters together.

    Only trials of the highest rung are compared, for the others were measured more cheaply. Of
    trials with equal objectives the first stays.
    """
    level = [t for t in last_rung(trials) if t.score is not None]
    if not level:
        return []
    kept = moocore.is_nondominated(points(level), maximise=True, keep_weakly=False)
    return [t for t, stays in zip(level, kept, strict=True) if stays]


def ranks_and_crowding(trials: Sequence[Trial]) -> tuple[np.ndarray, np.ndarray]:
    """Non-dominated rank (n,), 0 is the front, and crowding distance (n,) within the rank.

    Deb et al. 2002, section III; the ends of each objective have an infinite distance.
    """
    values = points(trials)
    if not len(values):
        return np.zeros(0, dtype=int), np.zeros(0)
    ranks: np.ndarray = moocore.pareto_rank(values, maximise=True)
    distance = np.zeros(len(values))
    for rank in np.unique(ranks):
        members = np.flatnonzero(ranks == rank)
        for column in values[members].T:
            order = np.argsort(column, kind="stable")
            spread = column[order[-1]] - column[order[0]] or 1.0
            distance[members[order[[0, -1]]]] = np.inf
            gaps = (column[order[2:]] - column[order[:-2]]) / spread
            distance[members[order[1:-1]]] += gaps
    return ranks, distance
