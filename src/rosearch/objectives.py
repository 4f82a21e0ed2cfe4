"""What a run optimises: objectives by name, and functions on the values of several of them.

To add an objective, register it: `OBJECTIVES.register(Objective("depth", measure=...))`.

Shapes: N trials, K objectives. Arrays of values are oriented so that more is better: what is
minimised has the opposite sign there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import moocore
import numpy as np

from rosearch.errors import UserError
from rosearch.io.plugins import Registry
from rosearch.space.cost import Sizes, flops, params
from rosearch.space.genotype import Genotype
from rosearch.types import Metric, Score, Trial

REFERENCE_MARGIN = 1.05  # times the largest cost of any student: from where volume is counted
FEWEST, MOST = 2, 5  # objectives of a run

# Of the values (N,) of an objective and the accuracy that chance reaches: where volume begins.
Reference: TypeAlias = Callable[[np.ndarray, float], float]


@dataclass(frozen=True)
class Objective:
    """One thing that a search optimises.

    Attributes:
        read: its value in a score; by default the measurement of its name.
        maximise: its direction.
        worst, ideal: the least and the most that a student can reach; None where nothing tells, as
            for the size of the largest.
        reference: from where volume is counted; by default `worst`, or else a little beyond the
            worst value of the students that are compared.
        exact: tells it from the genotype, without training; None where it has to be measured.
        expensive: whether training decides it, so that each rung measures it anew.
        title: what it is called in reports.
        measure: `measure(model, genotype, context)`, called by each evaluation with the trained
            student (PyTorch) and the `rosearch.evaluation.context.Context`; what it returns is kept
            as the measurement of this name.
    """

    name: str
    read: Callable[[Score], float] | None = None
    maximise: bool = False
    worst: float | None = None
    ideal: float | None = None
    reference: Reference | None = None
    exact: Callable[[Genotype, Sizes], float] | None = None
    expensive: bool = False
    title: str = ""
    measure: Callable[..., float] | None = None

    @property
    def sign(self) -> float:
        """What its values are multiplied with so that more is better."""
        return 1.0 if self.maximise else -1.0

    @property
    def label(self) -> str:
        """Its name in reports."""
        return self.title or self.name.replace("_", " ")

    @property
    def is_share(self) -> bool:
        """Whether its values are fractions in [0, 1]."""
        return {self.worst, self.ideal} == {0.0, 1.0}

    def value(self, score: Score) -> float:
        """Its value in a score."""
        return score.measurements[self.name] if self.read is None else self.read(score)

    def show(self, value: float) -> str:
        """A value as text: shares with three digits, costs with thousands apart."""
        if self.is_share:
            return f"{value:.3f}"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _after_attack(score: Score) -> float:
    return score.robustness


def _clean(score: Score) -> float:
    return score.accuracy


def _chance(values: np.ndarray, chance_accuracy: float) -> float:
    return chance_accuracy


ROBUSTNESS = Objective(
    "robustness", _after_attack, maximise=True, worst=0.0, ideal=1.0,
    expensive=True, title="after-attack accuracy",
)  # fmt: skip
ACCURACY = Objective(
    "accuracy", _clean, maximise=True, worst=0.0, ideal=1.0, reference=_chance,
    expensive=True, title="clean accuracy",
)  # fmt: skip
PARAMS = Objective("params", ideal=0.0, exact=params, title="parameters")
FLOPS = Objective("flops", ideal=0.0, exact=flops, title="FLOPs")
LATENCY = Objective("latency_ms", ideal=0.0, title="latency in ms")

DEFAULT = (ROBUSTNESS, ACCURACY, PARAMS)


def further(objectives: Iterable[Objective]) -> tuple[Objective, ...]:
    """Those beside the default ones, which every table shows anyway."""
    names = {o.name for o in DEFAULT}
    return tuple(o for o in objectives if o.name not in names)


def titled(objectives: Iterable[Objective], metric: Metric) -> tuple[Objective, ...]:
    """The objectives, those that are accuracies called by their metric."""
    if metric == "accuracy":
        return tuple(objectives)
    named = (ROBUSTNESS.name, ACCURACY.name)
    return tuple(
        replace(o, title=f"balanced {o.title}") if o.name in named else o for o in objectives
    )


OBJECTIVES: Registry[Objective] = Registry(
    "objective",
    {
        "robustness": "rosearch.objectives:ROBUSTNESS",
        "accuracy": "rosearch.objectives:ACCURACY",
        "params": "rosearch.objectives:PARAMS",
        "flops": "rosearch.objectives:FLOPS",
        "latency_ms": "rosearch.objectives:LATENCY",
    },
)


def under_suite(suite: str) -> Objective:
    """After-attack accuracy under one of several attack suites."""
    read = partial(_after_suite, suite)
    return Objective(
        suite, read, maximise=True, worst=0.0, ideal=1.0, expensive=True, title=f"after {suite}"
    )


def _after_suite(suite: str, score: Score) -> float:
    """The first rung may have a suite of its own, which then stands for this one: trials are
    compared within their rung only."""
    counts = score.attacks.get(suite)
    return score.robustness if counts is None else counts.after(score.metric)


def find_objectives(names: Sequence[str], suites: Iterable[str] = ()) -> tuple[Objective, ...]:
    """The objectives of a run, each by its name or by that of an attack suite of its search.

    Raises:
        UserError: an unknown name, one that stands twice, or too few or too many.
    """
    known = {name: OBJECTIVES[name] for name in OBJECTIVES}
    known = {**{suite: under_suite(suite) for suite in suites}, **known}
    for name in names:
        if name not in known:
            raise UserError(f"no objective {name!r}; there are {', '.join(known)}")
    if not FEWEST <= len(names) <= MOST or len(set(names)) < len(names):
        raise UserError(
            f"expected {FEWEST} to {MOST} different objectives, found {list(names)}; there are "
            f"{', '.join(known)}"
        )
    return tuple(known[name] for name in names)


def oriented(score: Score, objectives: Sequence[Objective] = DEFAULT) -> tuple[float, ...]:
    """The values of a score, each to be maximised."""
    return tuple(o.sign * o.value(score) for o in objectives)


def points(trials: Iterable[Trial], objectives: Sequence[Objective] = DEFAULT) -> np.ndarray:
    """Oriented values (N, K) of the N successful trials."""
    found = [oriented(t.score, objectives) for t in trials if t.score is not None]
    return np.array(found, dtype=float).reshape(-1, len(objectives))


def reference_point(
    values: np.ndarray, objectives: Sequence[Objective], chance_accuracy: float
) -> np.ndarray:
    """Oriented values (K,) from which the volume of students with `values` (N, K) is counted."""
    found = []
    for column, o in zip(values.T, objectives, strict=True):
        least = float(column.min())
        if o.reference is not None:
            found.append(o.sign * o.reference(o.sign * column, chance_accuracy))
        elif o.worst is not None:
            found.append(o.sign * o.worst)
        else:
            found.append(beyond(least))
    return np.array(found)


def beyond(worst: float) -> float:
    """A little worse than an oriented value, so that who reaches it adds some volume, too."""
    return worst * (REFERENCE_MARGIN if worst < 0 else 2 - REFERENCE_MARGIN)


def is_nondominated(values: np.ndarray) -> np.ndarray:
    """Which of the oriented values (N, K) no other one beats; of equal ones the first."""
    kept: np.ndarray = moocore.is_nondominated(values, maximise=True, keep_weakly=False)
    return kept


def nondominated_ranks(values: np.ndarray) -> np.ndarray:
    """Rank (N,) of oriented values (N, K): 0 is the front, 1 the front without it, ..."""
    if not len(values):
        return np.zeros(0, dtype=int)
    ranks: np.ndarray = moocore.pareto_rank(values, maximise=True)
    return ranks


def crowding(values: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Crowding distance (N,) of oriented values (N, K) within their rank.

    Deb et al. 2002, section III; the ends of each objective have an infinite distance.
    """
    distance = np.zeros(len(values))
    for rank in np.unique(ranks):
        members = np.flatnonzero(ranks == rank)
        for column in values[members].T:
            order = np.argsort(column, kind="stable")
            spread = column[order[-1]] - column[order[0]] or 1.0
            distance[members[order[[0, -1]]]] = np.inf
            gaps = (column[order[2:]] - column[order[:-2]]) / spread
            distance[members[order[1:-1]]] += gaps
    return distance


def contributions(values: np.ndarray, ranks: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Volume (N,) that each of the oriented values (N, K) alone of its rank dominates.

    Beume et al. 2007, section 2.2.
    """
    alone = np.zeros(len(values))
    for rank in np.unique(ranks):
        members = ranks == rank
        alone[members] = moocore.hv_contributions(values[members], ref=reference, maximise=True)
    return alone


def hypervolume(values: np.ndarray, reference: np.ndarray) -> float:
    """Volume that oriented values (N, K) dominate, from the reference (K,) on."""
    return float(moocore.hypervolume(values, ref=reference, maximise=True)) if len(values) else 0.0
