"""FGSM on token embeddings. See `rosearch.attacks.white_box.Ball`."""

from __future__ import annotations

from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.white_box import Ball, EmbeddingAttack

# The radii leave ordinary students a third to two thirds of their accuracy on `mr` (validation,
# n = 150: 0.42 of 0.81 and 0.29 of 0.84 by FGSM, 0.54 and 0.38 by PGD): there, models differ most.
FGSM_BALL = Ball("linf", radius=0.05, steps=1, step=0.05, random_start=False)

FGSM = NamedAttack(
    name="fgsm",
    description="one signed gradient step on the token embeddings; no token moves by more than "
    f"{FGSM_BALL.radius:g} of the embedding scale; vectors, not a text",
    paper="Goodfellow et al. 2015, section 4; on word embeddings as Miyato et al. 2017",
    wire=lambda resources, lexicons: EmbeddingAttack("fgsm", FGSM_BALL),
    departures="the radius is relative to the victim's embedding scale",
    white_box=True,
    families=("embeddings",),
)
