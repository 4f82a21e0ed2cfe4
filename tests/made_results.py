"""Attacked texts, made up."""

from __future__ import annotations

from rosearch.attacks.result import AttackResult, Status


def made_result(
    index: int,
    status: Status = "survived",
    original: str = "a good film",
    perturbed: str = "a nice film",
) -> AttackResult:
    """Its second word changed, if any."""
    return AttackResult(
        index=index,
        label=index % 2,
        attack="wordnet",
        status=status,
        original=original,
        perturbed=perturbed,
        changed=(1,),
        replacements=("nice",),
        path=(1,),
        before=(0.1, 0.9),
        after=(0.7, 0.3),
        queries=30,
        exhausted=False,
    )
