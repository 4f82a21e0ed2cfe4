"""FreeLB: every step of the ascent trains, too (Zhu et al. 2020, algorithm 1).

Shapes: B batch, T tokens, E embedding dimension.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rosearch.attacks.white_box import Ball
from rosearch.config import DistillConfig
from rosearch.distill.defences.base import EmbeddingDefence
from rosearch.distill.defences.pgd import l2_ball

if TYPE_CHECKING:
    from torch import Tensor

    from rosearch.distill.batch import Batch
    from rosearch.distill.data import EncodedTrain
    from rosearch.distill.defences.embeddings import Region
    from rosearch.distill.defences.steps import RobustMethod
    from rosearch.distill.objective import Objective
    from rosearch.student.model import StudentForSequenceClassification


@dataclass(frozen=True, eq=False)
class AllPoints:
    """The mean gradient over the points of an ascent of K steps, in K passes.

    The same units are dropped in all of them (section 3.3). Departures: the student matches the
    teacher's clean output; lengths are in units of the embedding scale.
    """

    region: Region

    def backward(
        self, model: StudentForSequenceClassification, batch: Batch, objective: Objective
    ) -> Tensor:
        import torch

        from rosearch.attacks.embedding import climbed
        from rosearch.distill.defences.steps import same_dropout

        vectors = model.token_vectors(batch.ids)  # (B, T, E)
        movable = self.region.movable(batch)
        ball = self.region.ball
        delta = self.region.first(vectors.detach(), movable)
        collected = torch.zeros_like(delta)
        total = torch.zeros((), device=delta.device)
        for _ in range(ball.steps):
            delta = delta.detach().requires_grad_()
            with same_dropout(delta.device):
                losses = objective.losses(model, batch, vectors.detach() + delta)
            loss = losses.mean() / ball.steps
            loss.backward()
            assert delta.grad is not None
            # The gradient by the perturbation is that by the embeddings: the large table gets it
            # once, after the last step.
            collected += delta.grad
            total += loss.detach()
            delta = climbed(delta.detach(), delta.grad, movable, ball)
        if vectors.requires_grad:  # not if the embedding is frozen
            vectors.backward(collected)
        return total


class FreeLB(EmbeddingDefence):
    """In the ball of PGD."""

    name = "freelb"
    setting = "adversarial"

    def ball(self, config: DistillConfig) -> Ball:
        return l2_ball(config)

    def method(
        self, config: DistillConfig, data: EncodedTrain, model: StudentForSequenceClassification
    ) -> RobustMethod:
        from rosearch.distill.defences.embeddings import region_of

        return AllPoints(region_of(self.ball(config), data, model))


FREELB = FreeLB()
