"""Greedy swaps for words whose definitions the teacher's sentence encoder puts close by."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy

DEFINITIONS = NamedAttack(
    name="definitions",
    description="greedy swap of words for those whose WordNet definitions the teacher's sentence "
    "encoder puts close by, without those of which the fine-tuned teacher says something else",
    paper="Jin et al. 2020 (TextFooler), with a lexicon of ours",
    wire=lambda resources, lexicons: Attack("definitions", resources.words(*lexicons), Greedy()),
    lexicons=("definitions",),
    families=("wordnet", "encoder"),
)
