"""What robust methods share: the seam to training, and passes that only look for a gradient.

Shapes: B batch, T tokens, E embedding dimension.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from rosearch.distill.batch import Batch
from rosearch.distill.objective import Objective
from rosearch.student.model import StudentForSequenceClassification


class RobustMethod(Protocol):
    """How the gradients of one training step are made."""

    def backward(
        self, model: StudentForSequenceClassification, batch: Batch, objective: Objective
    ) -> Tensor:
        """Add the gradients of a step to those of the parameters.

        Randomness is torch's global generator; gradients of a student in training mode.

        Returns:
            The mean loss of what the student was trained on, a scalar without gradient.
        """
        ...


class Noise(Protocol):
    """A perturbation of what the student reads; the teacher's clean targets stay."""

    def __call__(
        self, model: StudentForSequenceClassification, batch: Batch, objective: Objective
    ) -> Batch:
        """The batch with other token ids, maybe more or fewer of them; the batch given stays."""
        ...


@dataclass(frozen=True)
class Plain:
    """The loss on the batch as it is: ordinary distillation."""

    def backward(
        self, model: StudentForSequenceClassification, batch: Batch, objective: Objective
    ) -> Tensor:
        loss = objective.losses(model, batch).mean()
        loss.backward()
        return loss.detach()


@dataclass(frozen=True)
class Weighed:
    """An objective times a factor."""

    objective: Objective
    weight: float

    def losses(
        self, model: StudentForSequenceClassification, batch: Batch, vectors: Tensor | None = None
    ) -> Tensor:
        return self.weight * self.objective.losses(model, batch, vectors)


@dataclass(frozen=True)
class Composed:
    """Noise on the tokens, one after the other, and then a method on what is left.

    Attributes:
        clean_weight: weight of the loss on the batch as it came, which costs a pass more; the
            perturbed batch has the rest. Goldblum et al. 2020 (ARD), section 4, weigh so.
    """

    noises: tuple[Noise, ...]
    method: RobustMethod
    clean_weight: float = 0.0

    def backward(
        self, model: StudentForSequenceClassification, batch: Batch, objective: Objective
    ) -> Tensor:
        noisy = batch
        for noise in self.noises:
            noisy = noise(model, noisy, objective)
        if not self.clean_weight:
            return self.method.backward(model, noisy, objective)
        clean = Plain().backward(model, batch, Weighed(objective, self.clean_weight))
        rest = Weighed(objective, 1 - self.clean_weight)
        return clean + self.method.backward(model, noisy, rest)


@contextmanager
def without_dropout(model: StudentForSequenceClassification) -> Iterator[None]:
    """Within it, passes that look for the worst input: the loss is a function of the input alone.

    Students have no other layers that behave differently in training.
    """
    training = model.training
    model.eval()
    try:
        # cuDNN has no backward pass for recurrent layers in evaluation mode.
        with torch.backends.cudnn.flags(enabled=False):
            yield
    finally:
        model.train(training)


def same_dropout(device: torch.device) -> AbstractContextManager[None]:
    """A context that leaves the generator as it was: passes within such ones drop the same units.

    Args:
        device: where the passes run.
    """
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
