"""The one loop that trains a teacher or a masked language model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from rosearch.io.progress import stage

WARM_UP = 0.1
WEIGHT_DECAY = 0.01
LONGEST_GRADIENT = 1.0


def train(
    model: nn.Module,
    batches: Sequence[np.ndarray],
    loss_of: Callable[[np.ndarray], Tensor],
    learning_rate: float,
    title: str,
) -> None:
    """Train the weights that want gradients, in place: AdamW, linear warm-up and decay.

    After Devlin et al. (2019), appendix A.3.

    Args:
        batches: indices of the examples of each step.
        loss_of: the mean loss of a batch.
        title: of the progress bar.
    """
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=learning_rate, weight_decay=WEIGHT_DECAY, fused=True)
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: linear_rate(s, len(batches)))
    model.train()
    with stage(title, len(batches)) as advance:
        for batch in batches:
            loss = loss_of(batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, LONGEST_GRADIENT)
            optimiser.step()
            optimiser.zero_grad()
            rate.step()
            advance(1, f"loss {loss.item():.3f}")
    model.eval()


def linear_rate(step: int, steps: int) -> float:
    """Factor of the learning rate: linear warm-up over the first tenth, linear decay to zero."""
    rise = (step + 1) / max(1.0, WARM_UP * steps)
    fall = (steps - step) / max(1.0, (1 - WARM_UP) * steps)
    return max(0.0, min(1.0, rise, fall))
