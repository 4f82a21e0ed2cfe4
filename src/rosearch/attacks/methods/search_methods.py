"""WordNet swaps under other search methods than the greedy one: stronger ones, and chance."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.constraints import MaxChanged
from rosearch.attacks.named_attack import Recipe
from rosearch.attacks.search.beam import Beam
from rosearch.attacks.search.genetic import Genetic
from rosearch.attacks.search.random_walk import RandomWalk

RANDOM = Recipe(
    name="random",
    description="random swaps of words for WordNet synonyms, with at most as many queries as the "
    "greedy search could ask: what chance alone does",
    paper="a sanity bar, not a published attack",
    wire=lambda resources, lexicons: Attack("random", resources.words(*lexicons), RandomWalk()),
    lexicons=("wordnet",),
)

BEAM = Recipe(
    name="beam",
    description="beam search of width 4 over all swaps of words for WordNet synonyms; strong and "
    "slow",
    paper="Ebrahimi et al. 2018 (HotFlip), section 4 (beam search over flips); WordNet candidates",
    wire=lambda resources, lexicons: Attack("beam", resources.words(*lexicons), Beam(width=4)),
    departures="every swap is asked about instead of being estimated from gradients; a swap is "
    "kept only if it brings its text nearer to the goal",
    lexicons=("wordnet",),
)

GENETIC = Recipe(
    name="genetic",
    description="genetic search, population 60, 20 generations, over swaps of at most 20 % of the "
    "words for WordNet synonyms; slow",
    paper="Alzantot et al. 2018, section 3.2",
    wire=lambda resources, lexicons: Attack(
        "genetic", resources.words(*lexicons), Genetic(), max_changed=MaxChanged(share=0.2)
    ),
    departures="WordNet synonyms, the first 8 of a word, instead of counter-fitted neighbours "
    "within distance 0.5; no language model chooses the 4 most fitting of them; stop words stay; "
    "a child with more changes than allowed keeps a random part of them; texts that occur twice "
    "in a generation are asked about once",
    lexicons=("wordnet",),
)
