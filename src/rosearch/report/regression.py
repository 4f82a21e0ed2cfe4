"""Numerical parts of the statistics: which columns a model can hold, its fit, its worth on unseen
candidates. Shapes: N candidates, P columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rosearch.errors import require
from rosearch.report.features import Column

DETERMINED = 0.9  # R2 of a column on those before it: a variance inflation factor of 10
LEVERAGE = 0.999
FOLDS = 5
REPEATS, ROWS = 10, 4000  # of the cross-validation: fewer repeats where there are many rows


@dataclass(frozen=True)
class Estimate:
    """An effect on the after-attack accuracy, which is a share in [0, 1].

    Attributes:
        low, high: 95 % interval, of this effect alone (not corrected for the number of effects).
        p: two-sided p-value of no effect, not corrected.
    """

    effect: float
    low: float
    high: float
    p: float


def design(columns: Sequence[Column], n: int) -> np.ndarray:
    """(N, 1 + P): an intercept and the columns, centred and scaled for the sake of the numerics."""
    values = [np.ones(n)] + [(c.values - c.values.mean()) / c.values.std() for c in columns]
    return np.stack(values, axis=1)


def determined_by(column: Column, others: Sequence[Column]) -> str | None:
    """Label of the nearest of the columns if together they nearly determine this one."""
    if not others:
        return None
    x = design(others, len(column.values))
    target = (column.values - column.values.mean()) / column.values.std()
    coefficients = np.linalg.lstsq(x, target, rcond=None)[0]
    if 1 - ((target - x @ coefficients) ** 2).mean() <= DETERMINED:
        return None
    return others[int(np.abs(x[:, 1:].T @ target).argmax())].label


def sole_witnesses(columns: Sequence[Column], n: int) -> np.ndarray:
    """Which candidates (N,) determine an effect alone: errors of such a fit cannot be told.

    A leverage of 1 makes the fit pass through that candidate, and HC3 divide by zero.
    """
    x = design(columns, n)
    return np.asarray((x * np.linalg.pinv(x).T).sum(axis=1) > LEVERAGE)


def ordinary_least_squares(
    y: np.ndarray, columns: Sequence[Column]
) -> tuple[dict[str, Estimate], float]:
    """Effects of the columns by label, in the columns' own units, and R2.

    Ordinary least squares with errors robust to heteroscedasticity, in the small-sample form HC3
    (MacKinnon and White 1985; Long and Ervin 2000), and Student's t with N - P - 1 degrees of
    freedom. After-attack accuracies are counts of few texts, whose variance depends on their mean.
    """
    models = require("statsmodels.regression.linear_model", "report")
    fitted = models.OLS(y, design(columns, len(y))).fit(cov_type="HC3", use_t=True)
    intervals = fitted.conf_int()
    found = {}
    for k, column in enumerate(columns, start=1):
        scale = float(column.values.std())
        low, high = (float(bound) / scale for bound in intervals[k])
        effect = float(fitted.params[k]) / scale
        found[column.label] = Estimate(effect, low, high, float(fitted.pvalues[k]))
    return found, float(fitted.rsquared)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that keep the chance of any false finding below their level (Holm 1979)."""
    if not p_values:
        return []
    multitest = require("statsmodels.stats.multitest", "report")
    return [float(p) for p in multitest.multipletests(p_values, method="holm")[1]]


def cross_validated(
    y: np.ndarray,
    columns: Sequence[Column],
    groups: Mapping[str, Sequence[int]],
    rng: np.random.Generator,
) -> tuple[float, dict[str, float]]:
    """R2 on unseen candidates, and what permuting a group of columns there takes from it.

    Least squares on four fifths of the candidates, told on the last fifth, in all five ways and
    repeated; permutation importance (Breiman 2001; Fisher et al. 2019) of a group of columns is the
    mean loss of R2 when its rows are shuffled among the unseen candidates. It is another opinion
    on what matters to unseen candidates, not on linearity: the model is the same.

    Args:
        groups: name -> places in `columns`; they are shuffled together.
    """
    n, x = len(y), design(columns, len(y))
    repeats = max(1, min(REPEATS, ROWS // n))
    total, missed = 0.0, 0.0
    lost = dict.fromkeys(groups, 0.0)
    for _ in range(repeats):
        for unseen in np.array_split(rng.permutation(n), FOLDS):
            seen = np.setdiff1d(np.arange(n), unseen)
            coefficients = np.linalg.lstsq(x[seen], y[seen], rcond=None)[0]
            wrong = ((y[unseen] - x[unseen] @ coefficients) ** 2).sum()
            total += ((y[unseen] - y[seen].mean()) ** 2).sum()
            missed += wrong
            for name, places in groups.items():
                shuffled, own = x[unseen], [1 + place for place in places]
                shuffled[:, own] = shuffled[rng.permutation(len(unseen))][:, own]
                lost[name] += ((y[unseen] - shuffled @ coefficients) ** 2).sum() - wrong
    return float(1 - missed / total), {name: float(loss / total) for name, loss in lost.items()}
