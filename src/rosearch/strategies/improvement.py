"""Expected hypervolume improvement (Emmerich et al. 2006), where some objectives are known exactly.

Robustness and accuracy of a student are uncertain before it is trained, its parameters are not.
For two uncertain objectives and a known one, which is the default of a search, the volume is cut
into slabs along the known one, in each of which the improvement is an area whose expectation has a
closed form (Emmerich et al. 2011). Other numbers of objectives go through a partition of all that
is not dominated yet into boxes, in each of which the expectation is a product (Yang et al. 2019):
right for any number, and slower.

Shapes: K members of the front, M new points, U uncertain and E exact objectives, B boxes.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from rosearch.strategies.boxes import undominated_boxes


def expected_improvement(
    front: np.ndarray,
    reference: np.ndarray,
    means: np.ndarray,
    deviations: np.ndarray,
    exact: np.ndarray,
) -> np.ndarray:
    """Expected hypervolume (M,) that each point adds to a front; all objectives are maximised.

    Args:
        front: (K, U + E); the last objectives are those that are known exactly.
        reference: (U + E,); what is not above it adds nothing.
        means, deviations: (M, U) of the first objectives, taken as independent and normal.
        exact: (M, E) last objectives; (M,) of one.
    """
    exact = exact.reshape(len(means), len(reference) - means.shape[1])
    front = front[(front > reference).all(1)]
    if means.shape[1] == 2 and exact.shape[1] == 1:
        return _by_slabs(front, reference, means, deviations, exact[:, 0])
    return _by_boxes(front, reference, means, deviations, exact)


def _by_slabs(
    front: np.ndarray,
    reference: np.ndarray,
    means: np.ndarray,
    deviations: np.ndarray,
    exact: np.ndarray,
) -> np.ndarray:
    """Of two uncertain objectives and an exact one (M,)."""
    levels = np.unique(np.append(front[:, 2], reference[2]))  # ascending
    total = np.zeros(len(means))
    for low, high in zip(levels, [*levels[1:], np.inf], strict=True):
        thick = np.clip(exact, low, high) - low  # how much of the slab lies below the point
        if (thick > 0).any():
            # Within the slab those members count that reach above it.
            area = _expected_area(front[front[:, 2] > low, :2], reference[:2], means, deviations)
            total += thick * area
    return total


def _by_boxes(
    front: np.ndarray,
    reference: np.ndarray,
    means: np.ndarray,
    deviations: np.ndarray,
    exact: np.ndarray,
) -> np.ndarray:
    """Of a box from a to b, a point x adds the product of (x - a)+ - (x - b)+ over its sides."""
    lows, highs = undominated_boxes(front, reference)
    sides = []
    for k, (low, high) in enumerate(zip(lows.T, highs.T, strict=True)):
        levels, places = np.unique(np.append(low, high), return_inverse=True)  # many share one
        finite = levels[np.isfinite(levels)]
        beyond = np.zeros((len(means), len(levels)))  # nothing is beyond an infinite level
        if k < means.shape[1]:
            beyond[:, : len(finite)] = _excess(finite, means[:, k, None], deviations[:, k, None])
        else:
            known = exact[:, k - means.shape[1], None]
            beyond[:, : len(finite)] = np.maximum(0.0, known - finite[None, :])
        sides.append((beyond, places[: len(low)], places[len(low) :]))
    total = np.zeros(len(means))
    for m in range(len(means)):  # one at a time: boxes are many
        total[m] = np.prod([beyond[m, a] - beyond[m, b] for beyond, a, b in sides], axis=0).sum()
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
