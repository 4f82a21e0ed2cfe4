"""Attacks: goal, transformation, constraints, search method; one lock-step engine runs them.

What an attack of one's own is made of is here; the rest stands in the modules.
"""

from rosearch.attacks.attack import Attack
from rosearch.attacks.constraints import CONSTRAINTS, MaxChanged, NamedConstraint, Verdict
from rosearch.attacks.methods import ATTACKS
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.sources import LEXICONS, NamedLexicon, WordSource
from rosearch.attacks.white_box import Ball, EmbeddingAttack

__all__ = [
    "ATTACKS",
    "CONSTRAINTS",
    "LEXICONS",
    "Attack",
    "Ball",
    "EmbeddingAttack",
    "Greedy",
    "MaxChanged",
    "NamedAttack",
    "NamedConstraint",
    "NamedLexicon",
    "Verdict",
    "WordSource",
]
