"""What a front leaves undominated, as disjoint boxes, for any number of objectives.

The decomposition of Lacour, Klamroth and Fonseca 2017 ("A box decomposition algorithm to compute
the hypervolume indicator"): the region that points dominate is told by its local upper bounds, each
with the points that define it, and is cut into one box for each of them. The region that points do
NOT dominate is what the negated local upper bounds dominate (Yang et al. 2019, section 3.2).

Shapes: N points, K objectives, B bounds or boxes.
"""

from __future__ import annotations

import numpy as np


def undominated_boxes(front: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corners (B, K) of disjoint boxes: all above `reference` that is undominated.

    Args:
        front: (N, K) above the reference; all objectives are maximised.
        reference: (K,).
    """
    bounds, _ = _local_upper_bounds(-front, -reference)
    corners, defining = _local_upper_bounds(-bounds, np.full(len(reference), np.inf))
    return _boxes(corners, defining)


def _local_upper_bounds(points: np.ndarray, top: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds (B, K) below which, up to `top`, none of the points (N, K) lies; all are minimised.

    Returns:
        The bounds, and the points (B, K, K) that define them: the k-th one in objective k.
    """
    bounds = top[None, :].copy()
    defining = np.where(np.eye(len(top), dtype=bool), top, -np.inf)[None]
    used = 1  # rows; those after them are room for more
    for point in points:
        split = np.flatnonzero((point < bounds[:used]).all(1))  # the point takes room from them
        parts, parts_defining = _parts(point, bounds[split], defining[split])
        bounds = _replaced(bounds, used, split, parts)
        defining = _replaced(defining, used, split, parts_defining)
        used += len(parts) - len(split)
    return bounds[:used], defining[:used]


def _parts(
    point: np.ndarray, bounds: np.ndarray, defining: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What is left of bounds that a point splits: each moved to the point in one objective."""
    made, made_defining = [], []
    for j in range(len(point)):
        others = np.delete(defining[:, :, j], j, axis=1).max(1, initial=-np.inf)
        stays = point[j] >= others  # or else another point bounds it already
        moved, moved_defining = bounds[stays], defining[stays]
        moved[:, j], moved_defining[:, j] = point[j], point
        made.append(moved)
        made_defining.append(moved_defining)
    return np.concatenate(made), np.concatenate(made_defining)


def _replaced(rows: np.ndarray, used: int, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The rows, of which the first `used` count, with `new` ones for those at the places `old`.

    In place if there is room, since all of them are many and those that change are few.
    """
    if len(new) < len(old):
        return np.concatenate([np.delete(rows[:used], old, axis=0), new])
    after = used + len(new) - len(old)
    if after > len(rows):
        rows = np.concatenate([rows, np.empty((after, *rows.shape[1:]))])
    rows[np.append(old, np.arange(used, after))] = new
    return rows


def _boxes(bounds: np.ndarray, defining: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corners (B, K) of the region above the points of unlimited bounds."""
    lows, highs = np.empty_like(bounds), bounds.copy()
    lows[:, 0], highs[:, 0] = defining[:, 0, 0], np.inf
    for j in range(1, bounds.shape[1]):
        lows[:, j] = defining[:, :j, j].max(1)
    kept = (lows < highs).all(1)
    return lows[kept], highs[kept]
