"""Greedy swaps for words of the same group in Roget's Thesaurus."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy

ROGET = NamedAttack(
    name="roget",
    description="greedy swap of words for those of their groups in Roget's Thesaurus of 1911",
    paper="Jin et al. 2020 (TextFooler), section 3.1, swap likewise; the lexicon is Roget 1911",
    wire=lambda resources, lexicons: Attack("roget", resources.words(*lexicons), Greedy()),
    lexicons=("roget",),
    families=("roget",),
)
