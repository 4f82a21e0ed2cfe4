"""WordNet swaps by chance."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.random_walk import RandomWalk

RANDOM = NamedAttack(
    name="random",
    description="random swaps of words for WordNet synonyms, with at most as many queries as the "
    "greedy search could ask: what chance alone does",
    paper="a sanity bar, not a published attack",
    wire=lambda resources, lexicons: Attack("random", resources.words(*lexicons), RandomWalk()),
    lexicons=("wordnet",),
    families=("wordnet",),
)
