"""What one training step reads. Shapes: B batch, T tokens, C classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Examples of one step.

    Attributes:
        ids: (B, T) int64 token ids, padded on the right.
        mask: (B, T) int64, 1 at real tokens.
        labels: (B,) int64.
        targets: (B, C) float32, logits of the teacher on the clean texts.
        index: (B,) rows of the train split.
    """

    ids: Tensor
    mask: Tensor
    labels: Tensor
    targets: Tensor
    index: np.ndarray

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        if device.type == "cpu":
            return self
        ids, mask = self.ids.to(device), self.mask.to(device)
        return Batch(ids, mask, self.labels.to(device), self.targets.to(device), self.index)
