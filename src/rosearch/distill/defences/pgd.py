"""PGD: projected gradient ascent on the embeddings (Madry et al. 2018, section 2.1)."""

from __future__ import annotations

from rosearch.attacks.white_box import Ball
from rosearch.config import DistillConfig
from rosearch.distill.defences.base import EmbeddingDefence

# On `mr`, a student trained at 0.4 says the same of every text.
PGD_RADIUS = 0.1
REACH = 2.5  # radii that all steps make together: enough to reach the boundary and move along it


def l2_ball(config: DistillConfig) -> Ball:
    """All vectors of a text together move by at most the radius.

    Departures: the L2 ball over a whole text, as Miyato et al. (2017) and FreeLB have it; in units
    of the embedding scale.
    """
    radius = PGD_RADIUS if config.adversarial_radius is None else config.adversarial_radius
    steps = config.adversarial_steps
    return Ball("l2", radius, steps, REACH * radius / steps, random_start=True)


class Pgd(EmbeddingDefence):
    """A training step at the point where the ascent ends."""

    name = "pgd"
    setting = "adversarial"

    def ball(self, config: DistillConfig) -> Ball:
        return l2_ball(config)


PGD = Pgd()
