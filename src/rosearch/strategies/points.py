"""The points of a front that a user would ship, chosen by what the search believes of students."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

import numpy as np

from rosearch.objectives import ACCURACY, ROBUSTNESS
from rosearch.strategies.posterior import FITNESS, WIDTH, Belief, Posterior
from rosearch.types import Trial

BALANCED, ACCURATE, ROBUST = "balanced", "accurate", "robust"
POINTS = (BALANCED, ACCURATE, ROBUST)  # in the order in which finalists are chosen
KEPT = 0.5  # of the balanced one's robustness, by an accurate one: or it might have hardly any
OPTIMISM = 1.0  # standard deviations: who might be a point is still in the race


@dataclass(frozen=True)
class Finalist:
    """A student to evaluate on the test split, and which points it is; it may be none."""

    trial: Trial
    points: tuple[str, ...] = ()


def ranked(point: str, p: Posterior, optimism: float = 0.0) -> list[int]:
    """Students that qualify for a point, the best first, as places in `p.trials`.

    `balanced` is the fittest, the fitness charging those that are less accurate than it asks, of
    those above the floor that are clearly more robust than what is expected of the reference, if
    any is: where robustness costs accuracy, the fittest may have none. `accurate` is the most
    accurate that keeps `KEPT` of the balanced one's robustness and is clearly more robust than the
    reference, too; `robust` the most robust above the floor. Means decide, and only students that
    no other one is believed to beat in all objectives.

    Args:
        optimism: standard deviations that count in a student's favour; with any, those that are
            believed to be beaten may come, too.
    """
    standard = p.standard
    accuracy, robustness = p.beliefs[ACCURACY.name], p.beliefs[ROBUSTNESS.name]
    allowed = p.front | (optimism > 0)
    shippable = _shifted(accuracy, optimism) >= standard.floor
    safer = _shifted(robustness, optimism or -WIDTH) > p.reference
    if point == BALANCED:
        value, every = p.beliefs[FITNESS], np.ones_like(allowed)
        wanted = (shippable & safer, shippable, every)
        qualified = next(w for w in wanted if (allowed & w).any())
    elif point == ACCURATE:
        value = accuracy
        enough = KEPT * robustness.mean[ranked(BALANCED, p)[0]]
        qualified = safer & (_shifted(robustness, optimism) >= enough)
    else:
        value, qualified = robustness, shippable
    worth = _shifted(value, optimism)
    found = np.flatnonzero(allowed & qualified)
    return sorted(map(int, found), key=lambda i: (-round(float(worth[i]), 6), i))


def _shifted(belief: Belief, deviations: float) -> np.ndarray:
    found: np.ndarray = belief.mean + deviations * belief.own
    return found


def choose(p: Posterior, n: int) -> list[Finalist]:
    """Up to `n` finalists: the points in their order, then the fittest of the front, then more."""
    names: dict[int, list[str]] = {}
    for point in POINTS:
        first = next(iter(ranked(point, p)), None)
        if first is not None and (first in names or len(names) < n):
            names.setdefault(first, []).append(point)
    fit = p.beliefs[FITNESS].mean.round(6)
    rest = sorted(range(len(fit)), key=lambda i: (not p.front[i], -fit[i], i))
    for i in rest:
        if len(names) < n:
            names.setdefault(i, [])
    return [Finalist(p.trials[i], tuple(points)) for i, points in names.items()]


def contenders(p: Posterior, n: int) -> list[Trial]:
    """Up to `n` students that might be points: the likeliest of each point in turns."""
    lists = [ranked(point, p, OPTIMISM) for point in POINTS]
    in_turns: Iterator[int | None] = chain.from_iterable(zip_longest(*lists))
    places = dict.fromkeys(i for i in in_turns if i is not None)
    return [p.trials[i] for i in list(places)[:n]]
