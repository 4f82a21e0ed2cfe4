"""Rungs: cheap evaluations first, dearer ones for those that stood out (multi-objective halving).

Successive halving (Jamieson and Talwalkar 2016) in the asynchronous form of ASHA (Li et al. 2020),
with non-dominated sorting in place of a single loss (Schmucker et al. 2021). Departures: results of
a rung are compared within a window of the most recent ones, which bounds time and memory, and what
may be promoted depends on told results only, in their order, so that any number of workers gives
the same run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from rosearch.objectives import (
    DEFAULT,
    Objective,
    contributions,
    nondominated_ranks,
    points,
    reference_point,
)
from rosearch.strategies.population import able, knows
from rosearch.types import Candidate, Trial

WINDOW = 200  # results of a rung that are compared


def expected_evaluations(candidates: int, rungs: int, keep: float) -> tuple[int, ...]:
    """How many candidates will be evaluated on each rung, if none fails."""
    counts = [candidates]
    while len(counts) < rungs:
        counts.append(int(counts[-1] / keep))
    return tuple(counts)


def increments(shares: Sequence[float]) -> tuple[float, ...]:
    """Share of the full training that each rung adds to the one before it."""
    return tuple(high - low for low, high in pairwise((0.0, *shares)))


class Rungs:
    """Decides which candidate is evaluated further.

    Args:
        rungs: how many there are.
        keep: of the results of a rung the best 1 / keep move on.
        chance_accuracy: from where volume is counted, see `best_first`.
        objectives: what results are compared by.
    """

    def __init__(
        self,
        rungs: int,
        keep: float = 3.0,
        window: int = WINDOW,
        chance_accuracy: float = 0.0,
        objectives: Sequence[Objective] = DEFAULT,
    ) -> None:
        self.keep = keep
        self.chance_accuracy = chance_accuracy
        self.objectives = objectives
        self.results: list[deque[Trial]] = [deque(maxlen=window) for _ in range(rungs - 1)]
        self.seen = [0] * (rungs - 1)
        self.promoted = [0] * (rungs - 1)
        self.moved: list[set[str]] = [set() for _ in range(rungs - 1)]

    def learn(self, trial: Trial) -> None:
        """A result; those of the last rung and failures promote nobody."""
        if trial.rung < len(self.results) and trial.score is not None:
            self.results[trial.rung].append(trial)
            self.seen[trial.rung] += 1
            self.moved[trial.rung] &= {t.candidate.id for t in self.results[trial.rung]}

    def promising(self) -> set[str]:
        """Candidates that have a fair chance to move on: about twice as many as will."""
        found: set[str] = set()
        for results, moved in zip(self.results, self.moved, strict=True):
            best = self._best_first(results)[: 1 + int(2 * len(results) / self.keep)]
            found |= {t.candidate.id for t in best} - moved
        return found

    def promote(self) -> tuple[Candidate, int] | None:
        """The candidate to evaluate next and on which rung, the highest first; None if nobody is
        good enough."""
        for rung in reversed(range(len(self.results))):
            if self.promoted[rung] < int(self.seen[rung] / self.keep):
                results = self.results[rung]
                for trial in self._best_first(results)[: max(1, int(len(results) / self.keep))]:
                    if trial.candidate.id not in self.moved[rung]:
                        self.moved[rung].add(trial.candidate.id)
                        self.promoted[rung] += 1
                        return trial.candidate, rung + 1
        return None

    def _best_first(self, results: Sequence[Trial]) -> list[Trial]:
        return best_first(results, self.chance_accuracy, self.objectives)


def best_first(
    trials: Sequence[Trial],
    chance_accuracy: float = 0.0,
    objectives: Sequence[Objective] = DEFAULT,
) -> list[Trial]:
    """The `able` trials of one rung by non-dominated rank, then hypervolume contribution, then age.

    Crowding distance, the usual second, sends the ends of the front first: the most accurate
    student with no robustness, the most robust one that hardly knows anything. A contribution is
    the volume that a student alone of its rank dominates (Beume et al. 2007, section 2.2), from the
    `reference_point` of the objectives on: no robustness, a clean accuracy of `chance_accuracy` and
    the largest student.

    Early in training many students always say the same. Where all do, the more accurate come first.
    """
    found = able(trials)
    if not any(map(knows, found)):
        return sorted(found, key=lambda t: (-accuracy(t), t.candidate.index))
    ranks, alone = ranks_and_contributions(found, chance_accuracy, objectives)
    order = sorted(
        range(len(found)),
        key=lambda i: (int(ranks[i]), -float(alone[i]), found[i].candidate.index),
    )
    return [found[i] for i in order]


def ranks_and_contributions(
    trials: Sequence[Trial], chance_accuracy: float, objectives: Sequence[Objective] = DEFAULT
) -> tuple[np.ndarray, np.ndarray]:
    """Non-dominated rank (n,), and hypervolume contribution (n,) within the rank."""
    values = points(trials, objectives)
    ranks = nondominated_ranks(values)
    if not len(values):
        return ranks, np.zeros(0)
    return ranks, contributions(values, ranks, reference_point(values, objectives, chance_accuracy))


def accuracy(trial: Trial) -> float:
    """Clean accuracy of a successful trial, in the metric of the run."""
    return trial.score.accuracy if trial.score is not None else 0.0
