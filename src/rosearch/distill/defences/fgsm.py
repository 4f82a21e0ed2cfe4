"""FGSM: one signed gradient step on the embeddings (Goodfellow et al. 2015, section 4)."""

from __future__ import annotations

from rosearch.attacks.white_box import Ball
from rosearch.config import DistillConfig
from rosearch.distill.defences.base import EmbeddingDefence

# On `mr`, 0.05 costs a student some 0.03 of its clean accuracy more, and 0.2 all of it.
FGSM_RADIUS = 0.02


class Fgsm(EmbeddingDefence):
    """No token's vector moves by more than the radius, in units of the embedding scale.

    Departures: on word embeddings, as Miyato et al. (2017); in units of the embedding scale.
    """

    name = "fgsm"
    setting = "adversarial"

    def ball(self, config: DistillConfig) -> Ball:
        radius = FGSM_RADIUS if config.adversarial_radius is None else config.adversarial_radius
        return Ball("linf", radius, steps=1, step=radius, random_start=False)


FGSM = Fgsm()
