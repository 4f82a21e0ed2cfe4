"""Greedy swaps, an attack for each lexicon: all that tells them apart is what they read."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy


def greedy(name: str, description: str, paper: str, family: str = "") -> NamedAttack:
    """The greedy attack that reads the lexicon of its own name.

    Args:
        family: what its substitutions are known by; by default the name, too.
    """
    return NamedAttack(
        name=name,
        description=description,
        paper=paper,
        wire=lambda resources, lexicons: Attack(name, resources.words(*lexicons), Greedy()),
        lexicons=(name,),
        families=(family or name,),
    )


LIKEWISE = "Jin et al. 2020 (TextFooler), section 3.1, swap likewise; the lexicon is"
WORDNET = greedy(
    "wordnet",
    "greedy swap of words for WordNet synonyms, in TextFooler's order of importance",
    "Jin et al. 2020 (TextFooler); Ren et al. 2019 (WordNet candidates)",
)
RELATIVES = greedy(
    "relatives",
    "greedy swap of words for WordNet hypernyms and similar words, never synonyms",
    "Zang et al. 2020 discuss wider candidates; the lexicon is ours",
    "wordnet",
)
ROGET = greedy(
    "roget",
    "greedy swap of words for those of their groups in Roget's Thesaurus of 1911",
    f"{LIKEWISE} Roget 1911",
)
WEBSTER = greedy(
    "webster",
    "greedy swap of words for those that explain them in Webster's dictionary of 1913",
    f"{LIKEWISE} Webster 1913",
)
THESAURUS = greedy(
    "thesaurus",
    "greedy swap of words for those of the Moby Thesaurus that list each other; no encoding and no "
    "training knows it",
    f"{LIKEWISE} Ward 1996",
    "moby",
)
ENCODER = greedy(
    "encoder",
    "greedy swap of words for their nearest words by the teacher's sentence encoder, without those "
    "of which the fine-tuned teacher says something else",
    "Jin et al. 2020 (TextFooler), with a lexicon of ours",
)
