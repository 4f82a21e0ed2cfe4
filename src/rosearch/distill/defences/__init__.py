"""Training-time defences: the student matches the teacher's clean output on perturbed inputs.

One file for each: input noise (synonyms, misspellings) and a method on embeddings (FGSM, PGD,
FreeLB). `compose` makes the method of a training of those that the settings ask for.
"""

from __future__ import annotations

from rosearch.config import DistillConfig
from rosearch.distill.defences.base import (
    Defence,
    EmbeddingDefence,
    StepDefence,
    TokenDefence,
    TrainTexts,
)
from rosearch.errors import UserError
from rosearch.io.plugins import Registry

__all__ = [
    "DEFENCES", "Defence", "EmbeddingDefence", "StepDefence", "TokenDefence", "TrainTexts",
    "asked_defences",
]  # fmt: skip

HERE = "rosearch.distill.defences"
# In the order in which noises are applied.
DEFENCES: Registry[Defence] = Registry(
    "defence",
    {
        "random": f"{HERE}.substitution:RANDOM",
        "first-order": f"{HERE}.first_order:FIRST_ORDER",
        "characters": f"{HERE}.characters:CHARACTERS",
        "fgsm": f"{HERE}.fgsm:FGSM",
        "pgd": f"{HERE}.pgd:PGD",
        "freelb": f"{HERE}.freelb:FREELB",
    },
)


def asked_defences(config: DistillConfig) -> list[Defence]:
    """The defences that the settings turn on, in the order of the registry.

    Raises:
        UserError: an unknown one, one that another setting turns on, or several ways to step.
    """
    for name in config.defences:
        setting = DEFENCES[name].setting
        if setting != "defences":
            raise UserError(
                f"config: distill.defences: {name} is turned on by distill.{setting}; set that"
            )
    found = [defence for defence in DEFENCES.values() if defence.asked(config)]
    steps = [defence.name for defence in found if isinstance(defence, StepDefence)]
    if len(steps) > 1:
        raise UserError(
            f"config: distill: {' and '.join(steps)} each say how a step is made; choose one"
        )
    return found
