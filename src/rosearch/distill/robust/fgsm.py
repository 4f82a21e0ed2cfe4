"""FGSM: one signed gradient step on the embeddings (Goodfellow et al. 2015, section 4)."""

from __future__ import annotations

from rosearch.attacks.white_box import Ball


def fgsm_ball(radius: float) -> Ball:
    """No token's vector moves by more than `radius` of the embedding scale.

    Departures: on word embeddings, as Miyato et al. (2017); in units of the embedding scale.
    """
    return Ball("linf", radius, steps=1, step=radius, random_start=False)
