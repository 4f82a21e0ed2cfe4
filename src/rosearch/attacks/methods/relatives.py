"""Greedy swaps for WordNet words that are no synonyms."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy

RELATIVES = NamedAttack(
    name="relatives",
    description="greedy swap of words for WordNet hypernyms and similar words, never synonyms",
    paper="Zang et al. 2020 discuss wider candidates; the lexicon is ours",
    wire=lambda resources, lexicons: Attack("relatives", resources.words(*lexicons), Greedy()),
    lexicons=("relatives",),
    families=("wordnet",),
)
