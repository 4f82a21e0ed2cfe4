"""PGD: projected gradient ascent on the embeddings (Madry et al. 2018, section 2.1)."""

from __future__ import annotations

from rosearch.attacks.white_box import Ball

# On `mr`, a student trained at 0.4 says the same of every text.
PGD_RADIUS = 0.1
REACH = 2.5  # radii that all steps make together: enough to reach the boundary and move along it


def pgd_ball(radius: float, steps: int) -> Ball:
    """All vectors of a text together move by at most `radius` of the embedding scale.

    Departures: the L2 ball over a whole text, as Miyato et al. (2017) and FreeLB have it; in units
    of the embedding scale.
    """
    return Ball("l2", radius, steps, REACH * radius / steps, random_start=True)
