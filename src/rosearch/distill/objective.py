"""What a student is trained for: the loss of each example. Shapes: B batch, T tokens."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from rosearch.config import DistillConfig
from rosearch.distill.batch import Batch
from rosearch.distill.losses import distillation
from rosearch.student.model import StudentForSequenceClassification
from rosearch.teacher.fit import autocast


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
        vectors = model.input.embed(batch.ids) if vectors is None else vectors
        with autocast(self.config.precision, vectors.device.type):
            logits = model.logits(vectors, batch.mask.bool())
        c = self.config
        return distillation(
            logits.float(), batch.targets, batch.labels, c.temperature, c.soft_weight
        )
