"""WordNet swaps by beam search."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.beam import Beam

BEAM = NamedAttack(
    name="beam",
    description="beam search of width 4 over all swaps of words for WordNet synonyms; strong and "
    "slow",
    paper="Ebrahimi et al. 2018 (HotFlip), section 4 (beam search over flips); WordNet candidates",
    wire=lambda resources, lexicons: Attack("beam", resources.words(*lexicons), Beam(width=4)),
    departures="every swap is asked about instead of being estimated from gradients; a swap is "
    "kept only if it brings its text nearer to the goal",
    lexicons=("wordnet",),
    families=("wordnet",),
)
