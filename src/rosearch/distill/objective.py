"""What a student is trained for: the loss of each example. Shapes: B batch, T tokens, C classes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from torch import Tensor

from rosearch.config import DistillConfig
from rosearch.distill.batch import Batch
from rosearch.distill.losses import hard_label, logit_mse, soft_and_hard
from rosearch.models.device import autocast
from rosearch.student.model import StudentForSequenceClassification


class Objective(Protocol):
    """Runs a student and rates what it says."""

    def losses(
        self,
        model: StudentForSequenceClassification,
        batch: Batch,
        vectors: Tensor | None = None,
    ) -> Tensor:
        """Losses (B,) of a batch, float32, to be averaged.

        Args:
            vectors: token vectors (B, T, E) to read in place of the embeddings of `batch.ids`.
        """
        ...


@contextmanager
def read_vectors(
    model: StudentForSequenceClassification,
    batch: Batch,
    vectors: Tensor | None,
    precision: str,
) -> Iterator[Tensor]:
    """The token vectors (B, T, E) that a student reads; within it, it computes in `precision`."""
    vectors = model.token_vectors(batch.ids) if vectors is None else vectors
    with autocast(precision, vectors.device.type):
        yield vectors


class Prediction:
    """The student's logits against the teacher's and the labels."""

    def __init__(self, config: DistillConfig) -> None:
        self.config = config

    def losses(
        self,
        model: StudentForSequenceClassification,
        batch: Batch,
        vectors: Tensor | None = None,
    ) -> Tensor:
        mask = batch.mask.bool()
        with read_vectors(model, batch, vectors, self.config.precision) as read:
            return self.of_logits(model.logits(read, mask).float(), batch)

    def of_logits(self, logits: Tensor, batch: Batch) -> Tensor:
        """Losses (B,) of logits (B, C)."""
        c = self.config
        if c.loss == "mse":
            hard = hard_label(logits, batch.labels)
            return c.soft_weight * logit_mse(logits, batch.targets) + (1 - c.soft_weight) * hard
        return soft_and_hard(logits, batch.targets, batch.labels, c.temperature, c.soft_weight)
