"""Gradient ascent on token embeddings, as functions on tensors.

FGSM (Goodfellow et al. 2015) and PGD (Madry et al. 2018), on word embeddings as in Miyato et al.
(2017) and FreeLB (Zhu et al. 2020). Shapes: B texts, T tokens, E embedding dimension, V rows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rosearch.attacks.white_box import Ball, Norm

# Components this small beside the largest one of a text are rounding noise: their sign says nothing
# and would differ between batches.
SILENT = 1e-5


def scale_of(table: Tensor) -> float:
    """Embedding scale: root mean square distance of the rows of a table (V, E) from their mean."""
    centred = table.detach().float() - table.detach().float().mean(0)
    return float(centred.square().sum(1).mean().sqrt())


def movable_tokens(ids: Tensor, mask: Tensor, special: Tensor) -> Tensor:
    """Which tokens may move, (B, T, 1) of 0 and 1: neither padding nor special tokens.

    Args:
        ids, mask: (B, T).
        special: ids of special tokens.
    """
    return (mask.bool() & ~torch.isin(ids, special)).float()[..., None]


def start(noise: Tensor, movable: Tensor, ball: Ball) -> Tensor:
    """A starting point (B, T, E) in the ball: its centre, or a random point.

    Args:
        noise: (B, T, E), uniform in [-1, 1].
        movable: (B, T, 1).

    The L2 start is FreeLB's: components uniform in +-radius / sqrt(components), which is 0.58 of
    the radius away from the centre in the mean.
    """
    if not ball.random_start:
        return torch.zeros_like(noise)
    if ball.norm == "linf":
        return noise * movable * component_radius(ball, noise.shape[-1])
    components = movable.sum(dim=(1, 2), keepdim=True).clamp_min(1) * noise.shape[-1]
    return noise * movable * ball.radius / components.sqrt()


def climbed(delta: Tensor, gradient: Tensor, movable: Tensor, ball: Ball) -> Tensor:
    """One step up the loss, back into the ball, only movable tokens: (B, T, E)."""
    length = ball.step / delta.shape[-1] ** 0.5 if ball.norm == "linf" else ball.step
    moved = delta + length * direction(gradient * movable, ball.norm)
    return projected(moved * movable, ball)


def direction(gradient: Tensor, norm: Norm) -> Tensor:
    """Steepest direction of unit length, per text: (B, T, E). Where the gradient is 0, it is 0."""
    if norm == "linf":
        largest = gradient.abs().amax(dim=(1, 2), keepdim=True)
        return gradient.sign() * (gradient.abs() > SILENT * largest)
    return gradient / norms(gradient).clamp_min(torch.finfo(gradient.dtype).tiny)


def projected(delta: Tensor, ball: Ball) -> Tensor:
    """The nearest point of the ball, per text: (B, T, E)."""
    if ball.norm == "linf":
        most = component_radius(ball, delta.shape[-1])
        return delta.clamp(-most, most)
    shrink = ball.radius / norms(delta).clamp_min(torch.finfo(delta.dtype).tiny)
    return delta * shrink.clamp_max(1.0)


def component_radius(ball: Ball, dim: int) -> float:
    """How far a component may move under `linf`: a token of E such moves has norm `radius`."""
    return ball.radius / dim**0.5


def norms(delta: Tensor) -> Tensor:
    """L2 norm over all vectors of each text: (B, 1, 1)."""
    return delta.flatten(1).norm(dim=1)[:, None, None]


def ascend(
    loss: Callable[[Tensor], Tensor], vectors: Tensor, movable: Tensor, ball: Ball, delta: Tensor
) -> Tensor:
    """Projected gradient ascent from `delta`: the perturbation (B, T, E) after the last step.

    Args:
        loss: embeddings (B, T, E) to the losses (B,) of the texts.
        vectors: embeddings of the texts (B, T, E), without gradient.
        ball: in absolute units, see `Ball.scaled`.
    """
    for _ in range(ball.steps):
        delta = delta.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(vectors + delta).sum(), delta)
        delta = climbed(delta.detach(), gradient, movable, ball)
    return delta.detach()
