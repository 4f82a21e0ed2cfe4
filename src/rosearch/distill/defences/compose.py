"""From settings to the method of a training: noises one after the other, then one way to step."""

from __future__ import annotations

from rosearch.config import DistillConfig
from rosearch.distill.data import EncodedTrain
from rosearch.distill.defences import asked_defences
from rosearch.distill.defences.base import StepDefence, TokenDefence
from rosearch.distill.defences.framed import FramedSteps
from rosearch.distill.defences.steps import Composed, Noise, Plain, RobustMethod
from rosearch.distill.defences.substitution import Substitution
from rosearch.distill.defences.worst_case import WORST_CASE, WorstSubstitution
from rosearch.distill.votes import CLEAN_WEIGHT
from rosearch.student.model import StudentForSequenceClassification


def robust_method(
    config: DistillConfig, data: EncodedTrain, model: StudentForSequenceClassification
) -> RobustMethod:
    """How the gradients of every step of a training are made.

    It depends on the student's device and shape, never on its weights: a training that goes on from
    a checkpoint gets the same method.

    Raises:
        ValueError: a defence whose table the encoding was prepared without.
    """
    worst = WORST_CASE.noise(config, data, model)
    noises: list[Noise] = [] if worst is None else [worst]
    method: RobustMethod | None = None
    for defence in asked_defences(config):
        if isinstance(defence, Substitution) and worst is not None:
            continue  # words are replaced once
        if isinstance(defence, TokenDefence):
            noise = defence.noise(config, data, model)
            noises += [] if noise is None else [noise]
        elif isinstance(defence, StepDefence):
            method = defence.method(config, data, model)
    if method is None and not noises:
        return Plain()
    weight = config.clean_weight or (0.0 if worst is None else CLEAN_WEIGHT)
    alone = noises == [worst] and method is None and model.reach is not None
    if alone and isinstance(worst, WorstSubstitution):
        return FramedSteps(worst, weight)
    return Composed(tuple(noises), method or Plain(), weight)
