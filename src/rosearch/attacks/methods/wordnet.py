"""The plain greedy attack with WordNet synonyms: that of the search."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy

WORDNET = NamedAttack(
    name="wordnet",
    description="greedy swap of words for WordNet synonyms, in TextFooler's order of importance",
    paper="Jin et al. 2020 (TextFooler); Ren et al. 2019 (WordNet candidates)",
    wire=lambda resources, lexicons: Attack("wordnet", resources.words(*lexicons), Greedy()),
    lexicons=("wordnet",),
    families=("wordnet",),
)
