"""Expected hypervolume improvement (Emmerich et al. 2006), where one objective is known exactly.

Robustness and accuracy of a student are uncertain before it is trained, its parameters are not. So
the volume is cut into slabs along the parameters, in each of which the improvement is an area whose
expectation has a closed form (Emmerich et al. 2011).

Shapes: K members of the front, M new points.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr


def expected_improvement(
    front: np.ndarray,
    reference: np.ndarray,
    means: np.ndarray,
    deviations: np.ndarray,
    exact: np.ndarray,
) -> np.ndarray:
    """Expected hypervolume (M,) that each point adds to a front; all objectives are maximised.

    Args:
        front: (K, 3); the third objective is the one that is known exactly.
        reference: (3,); what is not above it adds nothing.
        means, deviations: (M, 2) of the first two objectives, taken as independent and normal.
        exact: (M,) third objective.
    """
    front = front[(front > reference).all(1)]
    levels = np.unique(np.append(front[:, 2], reference[2]))  # ascending
    total = np.zeros(len(means))
    for low, high in zip(levels, [*levels[1:], np.inf], strict=True):
        thick = np.clip(exact, low, high) - low  # how much of the slab lies below the point
        if (thick > 0).any():
            # Within the slab those members count that reach above it.
            area = _expected_area(front[front[:, 2] > low, :2], reference[:2], means, deviations)
            total += thick * area
    return total


def _expected_area(
    front: np.ndarray, reference: np.ndarray, means: np.ndarray, deviations: np.ndarray
) -> np.ndarray:
    """Expected area (M,) that each point adds to a front (K, 2).

    The area that is not dominated yet is cut into strips along the first objective. Of a strip from
    a to b, above the height c, a point at (x, y) adds (min(x, b) - a)+ times (y - c)+.
    """
    starts, heights = _stairs(front, reference)
    beyond = _excess(starts, means[:, :1], deviations[:, :1])  # (M, strips): E (x - a)+
    widths = beyond - np.append(beyond[:, 1:], np.zeros((len(means), 1)), axis=1)
    above = _excess(heights, means[:, 1:], deviations[:, 1:])
    area: np.ndarray = (widths * above).sum(1)
    return area


def _stairs(front: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each strip starts in the first objective, and how high it is dominated in the second.

    The last strip has no end and nothing in it is dominated.
    """
    ordered = front[np.argsort(front[:, 0], kind="stable")]
    starts = np.append(reference[0], ordered[:, 0])
    # Who is further in the first objective dominates the strips before it up to its second.
    highest = np.maximum.accumulate(ordered[::-1, 1])[::-1]
    return starts, np.append(np.maximum(highest, reference[1]), reference[1])


def _excess(levels: np.ndarray, means: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """E (X - level)+ of normal X: (M, levels)."""
    z = (means - levels[None, :]) / deviations
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    found: np.ndarray = deviations * (z * ndtr(z) + density)
    return found
