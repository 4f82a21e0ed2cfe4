"""Objectives that match what a student computes inside with the teacher's layers.

Shapes: B batch, T tokens, E embedding dimension.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from rosearch.config import DistillConfig
from rosearch.distill.batch import Batch
from rosearch.distill.data import EncodedTrain
from rosearch.distill.match_loss import Matching, check_matches, teacher_rows
from rosearch.distill.match_schemes import SCHEMES
from rosearch.distill.objective import Objective, Prediction
from rosearch.models.device import autocast
from rosearch.space.genotype import Genotype
from rosearch.student.model import StudentForSequenceClassification
from rosearch.student.states import student_states
from rosearch.teacher.outputs import TeacherOutputs


class Guidance(NamedTuple):
    """What layers are matched by, and with."""

    matching: Matching
    outputs: TeacherOutputs


def guidance(
    g: Genotype,
    data: EncodedTrain,
    config: DistillConfig,
    outputs: TeacherOutputs | None,
    seed: int,
) -> Guidance | None:
    """The learned maps between student and teacher, if any are wanted.

    Raises:
        UserError: the student can't be matched.
    """
    if config.matching == "none":
        return None
    if outputs is None:
        raise ValueError(f"matching {config.matching!r} needs the teacher's layers")
    matches = SCHEMES[config.matching](g, outputs.layers)
    check_matches(matches, g, data, outputs)
    return Guidance(Matching(matches, g, outputs, seed), outputs)


class Guided:
    """What the student computes inside against the teacher's layers, with its logits or alone.

    Args:
        prediction: None leaves the logits out: the first stage of TinyBERT and others.
    """

    def __init__(
        self,
        config: DistillConfig,
        matching: Matching,
        outputs: TeacherOutputs,
        prediction: Prediction | None,
    ) -> None:
        self.config = config
        self.matching = matching
        self.outputs = outputs
        self.prediction = prediction

    def losses(
        self,
        model: StudentForSequenceClassification,
        batch: Batch,
        vectors: Tensor | None = None,
    ) -> Tensor:
        vectors = model.input.embed(batch.ids) if vectors is None else vectors
        rows = teacher_rows(self.matching.matches, self.outputs, batch.index)
        with autocast(self.config.precision, vectors.device.type):
            states = student_states(model, vectors, batch.mask)
            inside = self.matching(states, batch.mask, rows)
        inside = self.config.matching_weight * inside.float()
        if self.prediction is None:
            return inside
        return inside + self.prediction.of_logits(states.logits.float(), batch)


def objectives(config: DistillConfig, guides: Guidance | None) -> tuple[Objective, Objective]:
    """The objective, and that of the first `matching_share` of the steps.

    Where layers are matched first they are left alone afterwards, as in TinyBERT (Jiao et al.
    2020, section 3.2); else they are matched throughout, as in PKD.
    """
    prediction = Prediction(config)
    if guides is None:
        return prediction, prediction
    if config.matching_share:
        return prediction, Guided(config, *guides, None)
    together = Guided(config, *guides, prediction)
    return together, together
