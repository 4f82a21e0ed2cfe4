"""Length-bucketed batches and padding. Shapes: B batch, T tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

POOL = 50  # batches that are sorted by length together


def bucketed_epoch(
    lengths: Sequence[int], batch_size: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """One epoch of index batches in random order, each of similar lengths.

    Examples are shuffled, cut into pools of `POOL` batches, sorted by length within a pool: nearly
    no padding, and nearly the randomness of a plain shuffle.
    """
    order = rng.permutation(len(lengths))
    sizes = np.asarray(lengths)
    batches = []
    for start in range(0, len(order), POOL * batch_size):
        pool = order[start : start + POOL * batch_size]
        pool = pool[np.argsort(sizes[pool], kind="stable")]
        batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    for i in rng.permutation(len(batches)):
        yield batches[int(i)]


def sorted_batches(lengths: Sequence[int], token_budget: int, slack: int) -> Iterator[list[int]]:
    """Indices in batches of similar length: at most `slack` padding a row, a budget of tokens."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if batch and (
            lengths[i] * (len(batch) + 1) > token_budget or lengths[i] - lengths[batch[0]] > slack
        ):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def padded(encoded: Sequence[Sequence[int] | np.ndarray], pad_id: int) -> tuple[Tensor, Tensor]:
    """Token ids (B, T) padded on the right, and the mask (B, T), 1 at real tokens."""
    longest = max(len(ids) for ids in encoded)
    array = np.full((len(encoded), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(encoded), longest), dtype=np.int64)
    for row, ids in enumerate(encoded):
        array[row, : len(ids)] = ids
        mask[row, : len(ids)] = 1
    return torch.from_numpy(array), torch.from_numpy(mask)
