"""What one training step reads. Shapes: B batch, T tokens, C classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """Some examples of the train split, padded on the right.

    Attributes:
        ids: (B, T) int64 token ids.
        mask: (B, T) int64, 1 at real tokens.
        labels: (B,) int64 classes.
        targets: (B, C) float32 logits of the teacher on the clean texts.
        index: (B,) rows of the train split that the examples are.
    """

    ids: Tensor
    mask: Tensor
    labels: Tensor
    targets: Tensor
    index: np.ndarray
