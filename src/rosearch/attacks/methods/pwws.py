"""Probability-weighted word saliency."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.saliency import WeightedSaliency

PWWS = NamedAttack(
    name="pwws",
    description="swap of words for WordNet synonyms, in the order of weighted saliency",
    paper="Ren et al. 2019 (PWWS), section 3",
    departures="no swap of named entities; stop words stay; synonyms of every part of speech that "
    "a word can have; only words that have synonyms are ranked (the same order)",
    wire=lambda resources, lexicons: Attack("pwws", resources.words(*lexicons), WeightedSaliency()),
    lexicons=("wordnet_inflected",),
    own_lexicon=True,
    families=("wordnet",),
)
