"""Greedy misspellings."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy

CHARACTERS = NamedAttack(
    name="characters",
    description="greedy single-letter edits: swap, keyboard substitution, deletion, insertion",
    paper="Gao et al. 2018 (DeepWordBug); Pruthi et al. 2019",
    wire=lambda resources, lexicons: Attack("characters", resources.words(*lexicons), Greedy()),
    lexicons=("characters",),
    families=("inner-letters",),
)
