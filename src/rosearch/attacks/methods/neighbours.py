"""Greedy swaps from a lexicon of the user's."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy

NEIGHBOURS = NamedAttack(
    name="neighbours",
    description="greedy swap of words for those of your own lexicon",
    paper="Jin et al. 2020 (TextFooler), with any table of nearest words",
    wire=lambda resources, lexicons: Attack("neighbours", resources.words(*lexicons), Greedy()),
    own_lexicon=True,
    families=(),
)
