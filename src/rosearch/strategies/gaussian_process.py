"""Gaussian process regression on results of several rungs (Rasmussen and Williams 2006, chapter 2).

Shapes: N results, M new points, F features.

Results of different rungs are related by a model of coregionalisation (Bonilla et al. 2008): the
covariance of two results is that of their features times `share` if their rungs differ. So cheap
rungs say as much about the last one as the data show that they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

# What is tried; the largest marginal likelihood decides. Lengths are in units of sqrt(F).
LENGTHS = (0.5, 1.0, 2.0)
NOISES = (0.05, 0.2, 0.6)  # variance that features do not tell, the signal's being 1
SHARES = (0.2, 0.5, 0.8)
SIGNALS = (0.5, 1.0, 2.0)  # variance of the signal, that of all results being 1
LINEAR = 0.2  # share of the signal that adds up over features


@dataclass(frozen=True)
class Settings:
    """Hyperparameters of a process; a signal of None is the likeliest one, in closed form."""

    length: float = 1.0
    noise: float = 0.2
    share: float = 0.5
    signal: float | None = None


GRID = tuple(Settings(*values) for values in product(LENGTHS, NOISES, SHARES))
WITH_ERRORS = tuple(Settings(*s) for s in product(LENGTHS, NOISES, SHARES, SIGNALS))


class GaussianProcess:
    """A process that knows some results.

    Args:
        features: (N, F).
        rungs: (N,) int.
        values: (N,) of one objective.
        settings: hyperparameters; None takes the likeliest of `GRID`, or of `WITH_ERRORS`.
        students: (N,) int, whose results these are.
        errors: (N,) standard errors of the values, where they are known.
    """

    def __init__(
        self,
        features: np.ndarray,
        rungs: np.ndarray,
        values: np.ndarray,
        settings: Settings | None = None,
        *,
        students: np.ndarray | None = None,
        errors: np.ndarray | None = None,
    ) -> None:
        self.rungs, self.students = rungs, students
        self.centre, self.scale = features.mean(0), features.std(0)
        self.scale[self.scale < 1e-9] = 1.0
        self.known = self._standard(features)
        # Each rung has a mean and a spread of its own: training on changes both.
        self.moments = {int(r): _moments(values, rungs == r) for r in np.unique(rungs)}
        mean, spread = np.array([self.moments[int(r)] for r in rungs]).T
        targets = (values - mean) / spread
        noise = None if errors is None else (errors / spread) ** 2
        grid = GRID if errors is None else WITH_ERRORS
        choices = grid if settings is None else (settings,)
        if len(self.moments) == 1:  # the share does nothing
            choices = tuple(s for s in choices if s.share == choices[0].share)
        fits = [_fit(self._covariance(s), s, targets, noise) for s in choices]
        self.settings, self.factor, self.weights, self.signal = max(fits, key=lambda f: f[-1])[:-1]

    def predict(
        self, features: np.ndarray, rung: int, students: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean (M,) and standard deviation (M,) of the objective itself, without noise.

        Args:
            students: (M,) int, which of the known ones these are; by default they are new.
        """
        new = self._standard(features)
        s = self.settings
        cross = _kernel(new, self.known, s.length)
        if students is not None:
            cross = cross + s.noise * self._same(students)
        cross = cross * np.where(self.rungs == rung, 1.0, s.share)
        half = solve_triangular(self.factor, cross.T, lower=True)
        prior = 1 - LINEAR + LINEAR * (new**2).mean(1)
        if students is not None:
            prior = prior + s.noise
        variance = np.maximum(prior - (half**2).sum(0), 1e-6) * self.signal
        nearest = min(self.moments, key=lambda known: abs(known - rung))
        mean, spread = self.moments[nearest]
        return mean + spread * (cross @ self.weights), spread * np.sqrt(variance)

    def _standard(self, features: np.ndarray) -> np.ndarray:
        standard: np.ndarray = (features - self.centre) / self.scale
        return standard

    def _covariance(self, s: Settings) -> np.ndarray:
        same = self.rungs[:, None] == self.rungs[None, :]
        found = _kernel(self.known, self.known, s.length)
        if self.students is not None:
            found = found + s.noise * self._same(self.students)
        return found * np.where(same, 1.0, s.share)

    def _same(self, students: np.ndarray) -> np.ndarray:
        """Which of some students (M,) a known result is of: (M, N)."""
        same: np.ndarray = students[:, None] == self.students
        return same


def _kernel(a: np.ndarray, b: np.ndarray, length: float) -> np.ndarray:
    """Squared-exponential and linear covariance (len(a), len(b)) of standardised features."""
    inner = a @ b.T / a.shape[1]
    squares = (a**2).mean(1)[:, None] + (b**2).mean(1)[None, :] - 2 * inner
    found: np.ndarray = (1 - LINEAR) * np.exp(-0.5 * squares / length**2) + LINEAR * inner
    return found


def _moments(values: np.ndarray, chosen: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation; few values, or equal ones, have a spread that does no harm."""
    spread = float(values[chosen].std())
    return float(values[chosen].mean()), spread if spread > 1e-3 else 0.05


def _fit(
    covariance: np.ndarray, s: Settings, targets: np.ndarray, noise: np.ndarray | None
) -> tuple[Settings, np.ndarray, np.ndarray, float, float]:
    """Settings, Cholesky factor, weights, variance of the signal, log marginal likelihood."""
    n = len(targets)
    unexplained = np.full(n, s.noise) if noise is None else noise / (s.signal or 1.0)
    factor, _ = cho_factor(covariance + np.diag(unexplained), lower=True)
    factor = np.tril(factor)
    weights = cho_solve((factor, True), targets)
    square = float(targets @ weights) / n
    signal = s.signal or max(1e-6, square)
    likelihood = -0.5 * n * (np.log(signal) + square / signal)
    return s, factor, weights, signal, likelihood - float(np.log(np.diag(factor)).sum())
