"""Objectives that match what a student computes inside with the teacher's layers.

Shapes: B batch, T tokens, E embedding dimension.
"""

from __future__ import annotations

from torch import Tensor

from rosearch.config import DistillConfig
from rosearch.distill.batch import Batch
from rosearch.distill.data import EncodedTrain
from rosearch.distill.match_loss import MatchLoss, check_matches, teacher_rows
from rosearch.distill.match_schemes import SCHEMES
from rosearch.distill.objective import Objective, Prediction, read_vectors
from rosearch.space.genotype import Genotype
from rosearch.student.model import StudentForSequenceClassification
from rosearch.student.states import student_states
from rosearch.teacher.outputs import TeacherOutputs


def match_loss(
    g: Genotype,
    data: EncodedTrain,
    config: DistillConfig,
    outputs: TeacherOutputs | None,
    seed: int,
) -> MatchLoss | None:
    """The loss between student and teacher layers, with its learned maps, if any is wanted.

    Raises:
        UserError: the student can't be matched.
    """
    if config.matching == "none" or not g.has_cell:
        return None
    if outputs is None:
        raise ValueError(f"matching {config.matching!r} needs the teacher's layers")
    matches = SCHEMES[config.matching](g, outputs.layers)
    check_matches(matches, g, data, outputs)
    return MatchLoss(matches, g, outputs, seed)


class LayerMatching:
    """What the student computes inside against the teacher's layers, with its logits or alone.

    Args:
        prediction: None leaves the logits out: the first stage of TinyBERT and others.
    """

    def __init__(
        self, config: DistillConfig, match: MatchLoss, prediction: Prediction | None
    ) -> None:
        self.config = config
        self.match = match
        self.prediction = prediction

    def losses(
        self,
        model: StudentForSequenceClassification,
        batch: Batch,
        vectors: Tensor | None = None,
    ) -> Tensor:
        rows = teacher_rows(self.match.matches, self.match.outputs, batch.index)
        with read_vectors(model, batch, vectors, self.config.precision) as read:
            states = student_states(model, read, batch.mask)
            inside = self.match(states, batch.mask, rows)
        inside = self.config.matching_weight * inside.float()
        if self.prediction is None:
            return inside
        return inside + self.prediction.of_logits(states.logits.float(), batch)


def objectives(config: DistillConfig, match: MatchLoss | None) -> tuple[Objective, Objective]:
    """The objective, and that of the first `matching_share` of the steps.

    Where layers are matched first they are left alone afterwards, as in TinyBERT (Jiao et al.
    2020, section 3.2); else they are matched throughout, as in PKD.
    """
    prediction = Prediction(config)
    if match is None:
        return prediction, prediction
    if config.matching_share:
        return prediction, LayerMatching(config, match, None)
    together = LayerMatching(config, match, prediction)
    return together, together
