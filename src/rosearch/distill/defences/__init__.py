"""Robust distillation: the student matches the teacher's clean output on perturbed inputs.

Input noise (synonyms, misspellings) and a method on embeddings (FGSM, PGD, FreeLB) compose. Each is
a file of its own behind the seam `RobustMethod`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rosearch.attacks.embedding import scale_of
from rosearch.attacks.white_box import Ball
from rosearch.config import DistillConfig
from rosearch.distill.defences.characters import CharacterNoise
from rosearch.distill.defences.embeddings import AtWorstPoint, Region
from rosearch.distill.defences.fgsm import FGSM_RADIUS, fgsm_ball
from rosearch.distill.defences.first_order import FirstOrderSubstitution
from rosearch.distill.defences.freelb import FreeLB
from rosearch.distill.defences.method import Composed, Noise, Plain, RobustMethod
from rosearch.distill.defences.pgd import PGD_RADIUS, pgd_ball
from rosearch.distill.defences.substitution import RandomSubstitution

if TYPE_CHECKING:
    from rosearch.distill.data import EncodedTrain  # which holds what these methods read

__all__ = ["RobustMethod", "robust_method"]

SUBSTITUTIONS: dict[str, Callable[[Tensor, Tensor, float], Noise]] = {
    "random": RandomSubstitution,
    "first-order": FirstOrderSubstitution,
}


def robust_method(config: DistillConfig, data: EncodedTrain, model: Any) -> RobustMethod:
    """How the gradients of every step of a training are made.

    It depends on the student's device and shape, never on its weights: a training that goes on from
    a checkpoint gets the same method.

    Raises:
        ValueError: character noise for an encoding that was prepared without misspellings.
    """
    device = model.get_input_embeddings().weight.device
    noises: list[Noise] = []
    if config.substitution and data.substitutes is not None:
        table = torch.from_numpy(data.substitutes.ids).to(device)
        count = torch.from_numpy(data.substitutes.count).to(device)
        choice = SUBSTITUTIONS[config.substitution_choice]
        noises.append(choice(table, count, config.substitution))
    if config.characters:
        if data.misspellings is None:
            raise ValueError("character noise needs an encoding that was prepared for it")
        pad_id = data.vocabulary.pad_id
        noises.append(CharacterNoise(data.misspellings, config.characters, pad_id))
    method: RobustMethod = Plain()
    if config.adversarial != "none":
        method = _on_embeddings(config, data, model, device)
    elif not noises:
        return method
    return Composed(tuple(noises), method, config.clean_weight)


def _on_embeddings(
    config: DistillConfig, data: EncodedTrain, model: Any, device: torch.device
) -> RobustMethod:
    ball = ball_of(config)
    # The scale at the start of training: a checkpoint's would differ from it.
    dims = model.get_input_embeddings().weight.shape[1]
    scale = scale_of(torch.from_numpy(data.embedding[:, :dims]))
    region = Region(ball.scaled(scale), special_tokens(data).to(device))
    return FreeLB(region) if config.adversarial == "freelb" else AtWorstPoint(region)


def ball_of(config: DistillConfig) -> Ball:
    """The ball of an adversarial method, in units of the embedding scale."""
    radius = config.adversarial_radius
    if config.adversarial == "fgsm":
        return fgsm_ball(FGSM_RADIUS if radius is None else radius)
    return pgd_ball(PGD_RADIUS if radius is None else radius, config.adversarial_steps)


def special_tokens(data: EncodedTrain) -> Tensor:
    """Ids of the tokens that a tokenizer puts around texts."""
    backend = data.tokenizer().backend_tokenizer
    return torch.tensor(sorted({*backend.encode("").ids, *backend.encode("", "").ids}))
