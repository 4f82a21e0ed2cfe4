"""PGD on token embeddings. See `rosearch.attacks.white_box.Ball`."""

from __future__ import annotations

from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.white_box import Ball, EmbeddingAttack

PGD_STEPS = 10
PGD_RADIUS = 0.1
# Madry et al. choose steps that can reach the boundary and move along it: 2.5 radii in all.
PGD_BALL = Ball("l2", PGD_RADIUS, PGD_STEPS, step=2.5 * PGD_RADIUS / PGD_STEPS, random_start=True)

PGD = NamedAttack(
    name="pgd",
    description=f"{PGD_STEPS} gradient steps on the token embeddings in an L2 ball of "
    f"{PGD_RADIUS:g} of the embedding scale around the text; vectors, not a text",
    paper="Madry et al. 2018, section 2.1; on word embeddings as Zhu et al. 2020 (FreeLB)",
    wire=lambda resources, lexicons: EmbeddingAttack("pgd", PGD_BALL),
    departures="the radius is relative to the victim's embedding scale; every point met counts, "
    "not only the last; one random start",
    white_box=True,
    families=("embeddings",),
)
