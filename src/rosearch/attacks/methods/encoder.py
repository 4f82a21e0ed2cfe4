"""Greedy swaps for words that the teacher's sentence encoder puts close by."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy

ENCODER = NamedAttack(
    name="encoder",
    description="greedy swap of words for their nearest words by the teacher's sentence encoder, "
    "without those of which the fine-tuned teacher says something else",
    paper="Jin et al. 2020 (TextFooler), with a lexicon of ours",
    wire=lambda resources, lexicons: Attack("encoder", resources.words(*lexicons), Greedy()),
    lexicons=("encoder",),
    families=("encoder",),
)
