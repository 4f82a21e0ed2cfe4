"""Adversarial distillation on token embeddings: the student matches the teacher's clean output at
the worst point of a ball around the text.

As ARD (Goldblum et al. 2020, section 4), with embeddings for pixels. Departure: the ascent climbs
the very loss that training minimises, as RSLAD does (Zi et al. 2021, section 3.2); ARD climbs the
cross-entropy to the label.

Shapes: B batch, T tokens, E embedding dimension.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rosearch.attacks.embedding import ascend, movable_tokens, scale_of, start
from rosearch.attacks.white_box import Ball
from rosearch.distill.batch import Batch
from rosearch.distill.data import EncodedTrain
from rosearch.distill.defences.steps import without_dropout
from rosearch.distill.objective import Objective
from rosearch.student.model import StudentForSequenceClassification


@dataclass(frozen=True, eq=False)
class Region:
    """Where the embeddings of a batch may move.

    Attributes:
        ball: in absolute units, see `Ball.scaled`.
        special: ids of tokens that never move; padding doesn't either.
    """

    ball: Ball
    special: Tensor

    def movable(self, batch: Batch) -> Tensor:
        """(B, T, 1) of 0 and 1. Tokens of both texts of a pair move, unlike in attacks."""
        return movable_tokens(batch.ids, batch.mask, self.special)

    def first(self, vectors: Tensor, movable: Tensor) -> Tensor:
        """Where the ascent begins, (B, T, E)."""
        return start(2 * torch.rand_like(vectors) - 1, movable, self.ball)


@dataclass(frozen=True, eq=False)
class AtWorstPoint:
    """One step at the point where projected gradient ascent ends: FGSM and PGD.

    The ascent is without dropout and asks for the gradient of the embeddings alone; the step at
    its end is an ordinary training pass.
    """

    region: Region

    def backward(
        self, model: StudentForSequenceClassification, batch: Batch, objective: Objective
    ) -> Tensor:
        vectors = model.token_vectors(batch.ids)  # (B, T, E)
        delta = self.perturbation(model, batch, objective, vectors.detach())
        loss = objective.losses(model, batch, vectors + delta).mean()
        loss.backward()
        return loss.detach()

    def perturbation(
        self,
        model: StudentForSequenceClassification,
        batch: Batch,
        objective: Objective,
        vectors: Tensor,
    ) -> Tensor:
        """The perturbation (B, T, E) of embeddings (B, T, E) that has no gradient."""
        movable = self.region.movable(batch)
        delta = self.region.first(vectors, movable)
        with without_dropout(model):
            return ascend(
                lambda moved: objective.losses(model, batch, moved),
                vectors,
                movable,
                self.region.ball,
                delta,
            )


def region_of(ball: Ball, data: EncodedTrain, model: StudentForSequenceClassification) -> Region:
    """The region of a ball in units of the embedding scale."""
    weight = model.table.weight
    # The scale at the start of training: a checkpoint's would differ from it. Votes start at 0.
    begun = data.embedding[:, : weight.shape[1]]
    scale = 0.0 if model.votes is not None else scale_of(torch.from_numpy(begun))
    return Region(ball.scaled(scale), special_tokens(data).to(weight.device))


def special_tokens(data: EncodedTrain) -> Tensor:
    """Ids of the tokens that a tokenizer puts around texts."""
    backend = data.tokenizer().backend_tokenizer
    return torch.tensor(sorted({*backend.encode("").ids, *backend.encode("", "").ids}))
