"""Steps of students whose cell reads the frame of a text only: text and worst substitutes at once.

Shapes: B batch, T tokens, E embedding dimension, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rosearch.distill.batch import Batch
from rosearch.distill.defences.steps import Composed, Plain
from rosearch.distill.defences.worst_case import WorstSubstitution
from rosearch.distill.objective import Objective, Prediction
from rosearch.models.device import autocast
from rosearch.student.model import StudentForSequenceClassification


@dataclass(frozen=True, eq=False)
class FramedSteps:
    """As `Composed`, but the cell runs once for the text and for its worst substitutes.

    Substitutes are words like those that they replace, so the frame stays (a word in 200 of the
    lexicons belongs to it, and counts as much as the word did). Both are read under the same
    dropout, and the worst is the worst under it.

    Attributes:
        clean_weight: of the loss on the text as it is.
    """

    noise: WorstSubstitution
    clean_weight: float

    def backward(
        self, model: StudentForSequenceClassification, batch: Batch, objective: Objective
    ) -> Tensor:
        if not isinstance(objective, Prediction):
            plain = Composed((self.noise,), Plain(), self.clean_weight)
            return plain.backward(model, batch, objective)
        votes, mask = model.votes, batch.mask.bool()
        assert votes is not None
        with autocast(objective.config.precision, model.device.type):
            states = model.states(model.input.embed(batch.ids), mask)
            weights, cells = model.weights_of(states), model.bounded(states, mask)
            worst = self.noise.replaced(model, batch, weights.detach())
            ids = torch.cat([batch.ids, worst.ids])  # (2B, T)
            columns = votes.columns(ids, model.row_of(ids))
            logits = votes(columns, mask.repeat(2, 1), weights.repeat(2, 1)) + cells.repeat(2, 1)
        clean, noisy = (objective.of_logits(x, batch).mean() for x in logits.float().chunk(2))
        loss = self.clean_weight * clean + (1 - self.clean_weight) * noisy
        loss.backward()
        return loss.detach()
