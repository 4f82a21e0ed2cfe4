"""Greedy swaps for words of a thesaurus that nothing else here reads."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy

THESAURUS = NamedAttack(
    name="thesaurus",
    description="greedy swap of words for those of the Moby Thesaurus that list each other; no "
    "encoding and no training knows it",
    paper="Jin et al. 2020 (TextFooler), section 3.1, swap likewise; the lexicon is Ward 1996",
    wire=lambda resources, lexicons: Attack("thesaurus", resources.words(*lexicons), Greedy()),
    lexicons=("thesaurus",),
    families=("moby",),
)
