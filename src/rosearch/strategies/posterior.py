"""What a search knows of its students when it ends: a model over all results and rungs.

A measurement is a student's value and an error: of 24 students the one that measures best has been
lucky, too. So each quantity gets a Gaussian process whose results have the errors that the numbers
of texts tell, and a student is judged by its mean there (Rasmussen and Williams 2006, section 2.2).
Results of the race after the search are averaged in, weighed by their errors. All who run a round
of it are attacked on the same texts and trained as long; what they have in common against what was
expected of them is due to that, and is taken out.

As all students are measured on the same texts, they share a part of their errors: who compares them
does without it, an interval does not.

Shapes: S students of the last rung, N results of all rungs, F features.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from rosearch.config import FitnessConfig
from rosearch.objectives import ACCURACY, DEFAULT, ROBUSTNESS, Objective, is_nondominated, points
from rosearch.space.genotype import Genotype
from rosearch.space.presets import REFERENCE, preset
from rosearch.space.variation import Space
from rosearch.space.vector import vector
from rosearch.strategies.gaussian_process import GaussianProcess
from rosearch.strategies.population import able, fitness, last_rung
from rosearch.types import Score, Stratum, Trial, interval, recalls

FITNESS = "fitness"
MOST = 400  # results that the model knows: its time grows with the cube of them
SHARED = 0.4  # of the variance: correlation over texts, 0.3 after an attack and 0.5 before, on mr
WIDTH = 1.959963984540054  # standard deviations to either side of a 95 % interval


@dataclass(frozen=True)
class Standard:
    """What students are held to.

    Attributes:
        fitness: its weights, and the shares of the others' accuracies that are asked for.
        teacher_accuracy, reference_accuracy: clean, on the validation split, in the metric of the
            run.
    """

    fitness: FitnessConfig
    teacher_accuracy: float
    reference_accuracy: float

    @property
    def min_accuracy(self) -> float:
        """Accuracy below which the fitness charges."""
        return self.fitness.min_accuracy * self.reference_accuracy

    @property
    def floor(self) -> float:
        """Accuracy below which nobody would ship a student."""
        return self.fitness.floor * self.teacher_accuracy


class Belief(NamedTuple):
    """What is known of one quantity of S students: as measured, and the normal posterior (S,).

    Attributes:
        own: standard deviation without what students share.
        most: what the quantity can be, 0 being the least; None where nothing tells.
    """

    measured: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    own: np.ndarray
    most: float | None = None

    def interval(self, i: int) -> tuple[float, float]:
        """95 % interval of a student."""
        half = WIDTH * float(self.deviation[i])
        low, high = float(self.mean[i]) - half, float(self.mean[i]) + half
        return (low, high) if self.most is None else (max(0.0, low), min(self.most, high))


@dataclass(frozen=True)
class Posterior:
    """Beliefs about students.

    Attributes:
        trials: of the S students, on the last rung, in the order of proposal.
        beliefs: by quantity: `fitness`, `accuracy` and `robustness`.
        front: (S,) bool, whether no other one is believed to be better in all objectives.
        reference: after-attack accuracy that is expected of the reference student.
        standard: what they are held to.
    """

    trials: tuple[Trial, ...]
    beliefs: Mapping[str, Belief]
    front: np.ndarray
    reference: float
    standard: Standard


class Quantity(NamedTuple):
    """What is modelled: its value in a score, and the standard error of that value.

    Attributes:
        attacked: whether other attacked texts tell more of it; what does not depend on them is new
            with another seed only.
        most: see `Belief`.
    """

    read: Callable[[Score], float]
    error: Callable[[Score, Standard], float]
    attacked: bool
    most: float | None = None


def _accuracy_error(score: Score, standard: Standard) -> float:
    plain = [Stratum(score.clean * score.n_clean, score.n_clean)]
    balanced = score.metric == "balanced" and score.classes
    return _error(recalls(score.classes) if balanced else plain)


def _robustness_error(score: Score, standard: Standard) -> float:
    return max(_error(counts.strata(score.metric)) for counts in score.attacks.values())


def _fitness_error(score: Score, standard: Standard) -> float:
    """By the slopes of the fitness, see `rosearch.evaluation.fitness`."""
    w, expected = standard.fitness, max(standard.teacher_accuracy, 0.1)
    charged = w.shortfall if score.accuracy < standard.min_accuracy else 0.0
    kept = w.robustness * _robustness_error(score, standard) / max(score.accuracy, 0.1)
    clean = (w.accuracy + charged) * _accuracy_error(score, standard) / expected
    return math.hypot(kept, clean)


def _error(strata: Sequence[Stratum]) -> float:
    found = interval(strata)
    return (found.high - found.low) / (2 * WIDTH)


QUANTITIES = {
    FITNESS: Quantity(lambda s: s.fitness, _fitness_error, attacked=True),
    ACCURACY.name: Quantity(lambda s: s.accuracy, _accuracy_error, attacked=False, most=1.0),
    ROBUSTNESS.name: Quantity(lambda s: s.robustness, _robustness_error, attacked=True, most=1.0),
}


def posterior(
    trials: Sequence[Trial],
    raced: Sequence[Trial],
    space: Space,
    standard: Standard,
    objectives: Sequence[Objective] = DEFAULT,
) -> Posterior:
    """What results tell of the `able` students of the last rung, of which there is at least one.

    Args:
        raced: results of the race after the search, their rung being its round.
        objectives: what the front is of.
    """
    scored = [t for t in trials if t.score is not None]
    level = able(last_rung(scored))
    if len(level) > MOST:
        level = sorted(sorted(level, key=fitness)[-MOST:], key=lambda t: t.candidate.index)
    lower = [t for t in scored if t.rung < level[0].rung]
    lower = lower[max(0, len(lower) + len(level) - MOST) :]
    with threadpool_limits(limits=1, user_api="blas"):  # matrices are small
        model = _Model(level, lower, raced, space, standard)
        beliefs = {name: model.belief(quantity) for name, quantity in QUANTITIES.items()}
        expected = model.expected(preset(REFERENCE), QUANTITIES[ROBUSTNESS.name])
    values = points(level, objectives)
    for k, objective in enumerate(objectives):
        if objective.name in beliefs:
            values[:, k] = objective.sign * beliefs[objective.name].mean
    front = is_nondominated(values.round(6))
    return Posterior(tuple(level), beliefs, front, expected, standard)


class _Model:
    """The results, and a process for each quantity."""

    def __init__(
        self,
        level: Sequence[Trial],
        lower: Sequence[Trial],
        raced: Sequence[Trial],
        space: Space,
        standard: Standard,
    ) -> None:
        self.level, self.space, self.standard = level, space, standard
        self.trials = [*level, *lower]
        places: dict[str, int] = {}
        for trial in self.trials:
            places.setdefault(trial.candidate.id, len(places))
        self.students = np.array([places[t.candidate.id] for t in self.trials])
        self.features = np.array([vector(t.candidate.genotype, space) for t in self.trials])
        self.rungs = np.array([t.rung for t in self.trials])
        rounds = sorted({t.rung for t in raced})
        self.rounds = [[t for t in raced if t.rung == r and t.score is not None] for r in rounds]

    def belief(self, q: Quantity) -> Belief:
        """Of a quantity of the students."""
        values, errors = self._results(q)
        measured, n = values[: len(self.level)].copy(), len(self.level)
        for results in self.rounds:
            self._average_in(q, results, values, errors)
        mean, own = self._known(self._process(values, errors))
        deviation = np.hypot(own, math.sqrt(SHARED) * errors[:n]).round(9)
        return Belief(measured, mean, deviation, own, q.most)

    def expected(self, genotype: Genotype, q: Quantity) -> float:
        """Of a quantity of a student that is none of them."""
        process = self._process(*self._results(q))
        features = vector(genotype, self.space)[None]
        return float(process.predict(features, self.level[0].rung)[0][0])

    def _results(self, q: Quantity) -> tuple[np.ndarray, np.ndarray]:
        """Values (N,) and standard errors (N,)."""
        scores = [t.score for t in self.trials if t.score is not None]
        errors = [max(1e-6, q.error(s, self.standard)) for s in scores]
        return np.array([q.read(s) for s in scores]), np.array(errors)

    def _process(self, values: np.ndarray, errors: np.ndarray) -> GaussianProcess:
        own, students = math.sqrt(1 - SHARED) * errors, self.students
        return GaussianProcess(self.features, self.rungs, values, students=students, errors=own)

    def _known(self, process: GaussianProcess) -> tuple[np.ndarray, np.ndarray]:
        n = len(self.level)
        mean, deviation = process.predict(
            self.features[:n], self.level[0].rung, students=self.students[:n]
        )
        # Rounded: the last digits depend on the machine's linear algebra, choices must not.
        return mean.round(9), deviation.round(9)

    def _average_in(
        self, q: Quantity, results: Sequence[Trial], values: np.ndarray, errors: np.ndarray
    ) -> None:
        """Take a round's results into the values and errors of the last rung."""
        place = {t.candidate.id: i for i, t in enumerate(self.level)}
        found = [
            (i, q.read(t.score), max(1e-6, q.error(t.score, self.standard)))
            for t in results
            if t.score is not None
            and (i := place.get(t.candidate.id)) is not None
            and (q.attacked or t.candidate.seed != self.level[i].candidate.seed)
        ]
        if not found:
            return
        mean, _ = self._known(self._process(values, errors))
        more = [value - mean[i] for i, value, _ in found]
        common = sum(more) / (len(more) + 1)  # nearer to zero than the mean: they are few
        for i, value, error in found:
            weights = np.array([errors[i], error]) ** -2.0
            values[i] = weights @ [values[i], value - common] / weights.sum()
            errors[i] = weights.sum() ** -0.5
