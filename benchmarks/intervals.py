"""Intervals of paired differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats


def half_width(differences: Sequence[float] | np.ndarray) -> float:
    """Half of the 95 % interval of Student's t of a mean; NaN for a single number."""
    n = len(differences)
    if n < 2:
        return float("nan")
    return float(stats.t.ppf(0.975, n - 1) * np.std(differences, ddof=1) / np.sqrt(n))
