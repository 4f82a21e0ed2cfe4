"""WordNet swaps by genetic search."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.constraints import MaxChanged
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.genetic import Genetic

GENETIC = NamedAttack(
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
    families=("wordnet",),
)
