"""White-box attacks on token embeddings: FGSM and PGD. See `rosearch.attacks.white_box.Ball`."""

from __future__ import annotations

from rosearch.attacks.named_attack import Recipe
from rosearch.attacks.white_box import Ball, EmbeddingAttack

# The radii leave ordinary students a third to two thirds of their accuracy on `mr` (validation,
# n = 150: 0.42 of 0.81 and 0.29 of 0.84 by FGSM, 0.54 and 0.38 by PGD): there, models differ most.
FGSM_BALL = Ball("linf", radius=0.05, steps=1, step=0.05, random_start=False)
PGD_STEPS = 10
PGD_RADIUS = 0.1
# Madry et al. choose steps that can reach the boundary and move along it: 2.5 radii in all.
PGD_BALL = Ball("l2", PGD_RADIUS, PGD_STEPS, step=2.5 * PGD_RADIUS / PGD_STEPS, random_start=True)

FGSM = Recipe(
    name="fgsm",
    description="one signed gradient step on the token embeddings; no token moves by more than "
    f"{FGSM_BALL.radius:g} of the embedding scale; vectors, not a text",
    paper="Goodfellow et al. 2015, section 4; on word embeddings as Miyato et al. 2017",
    wire=lambda resources, lexicons: EmbeddingAttack("fgsm", FGSM_BALL),
    departures="the radius is relative to the victim's embedding scale",
    white_box=True,
)

PGD = Recipe(
    name="pgd",
    description=f"{PGD_STEPS} gradient steps on the token embeddings in an L2 ball of "
    f"{PGD_RADIUS:g} of the embedding scale around the text; vectors, not a text",
    paper="Madry et al. 2018, section 2.1; on word embeddings as Zhu et al. 2020 (FreeLB)",
    wire=lambda resources, lexicons: EmbeddingAttack("pgd", PGD_BALL),
    departures="the radius is relative to the victim's embedding scale; every point met counts, "
    "not only the last; one random start",
    white_box=True,
)
