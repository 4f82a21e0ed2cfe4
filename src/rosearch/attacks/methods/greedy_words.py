"""Greedy swaps from one lexicon: the plain attacks of the search and of its held-out tests."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import Recipe
from rosearch.attacks.search.greedy import Greedy

WORDNET = Recipe(
    name="wordnet",
    description="greedy swap of words for WordNet synonyms, in TextFooler's order of importance",
    paper="Jin et al. 2020 (TextFooler); Ren et al. 2019 (WordNet candidates)",
    wire=lambda resources, lexicons: Attack("wordnet", resources.words(*lexicons), Greedy()),
    lexicons=("wordnet",),
)

RELATIVES = Recipe(
    name="relatives",
    description="greedy swap of words for WordNet hypernyms and similar words, never synonyms",
    paper="Zang et al. 2020 discuss wider candidates; the lexicon is ours",
    wire=lambda resources, lexicons: Attack("relatives", resources.words(*lexicons), Greedy()),
    lexicons=("relatives",),
)

CHARACTERS = Recipe(
    name="characters",
    description="greedy single-letter edits: swap, keyboard substitution, deletion, insertion",
    paper="Gao et al. 2018 (DeepWordBug); Pruthi et al. 2019",
    wire=lambda resources, lexicons: Attack("characters", resources.words(*lexicons), Greedy()),
    lexicons=("characters",),
)

NEIGHBOURS = Recipe(
    name="neighbours",
    description="greedy swap of words for those of your own lexicon",
    paper="Jin et al. 2020 (TextFooler), with any table of nearest words",
    wire=lambda resources, lexicons: Attack("neighbours", resources.words(*lexicons), Greedy()),
    own_lexicon=True,
)
