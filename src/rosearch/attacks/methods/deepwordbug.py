"""DeepWordBug."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.search.order import by_unknown

MOST_EDITS = 30  # Gao et al. 2018, section 4: the bound of their experiments

DEEPWORDBUG = NamedAttack(
    name="deepwordbug",
    description="greedy edits of one random letter: swap, substitution, deletion, insertion; at "
    "most 30 edits a text",
    paper="Gao et al. 2018 (DeepWordBug), sections 3.1 and 3.2",
    wire=lambda resources, lexicons: Attack(
        "deepwordbug",
        resources.words(*lexicons),
        Greedy(order=by_unknown),
        constraints=(resources.constraint("edit-distance", most=MOST_EDITS),),
    ),
    departures="all four edits of a word are tried and the best is kept, as TextAttack does; the "
    "paper uses one kind at a time. Words are ranked by replacing them with an unknown one (the "
    "paper's Replace-1 score, with TextFooler's class-change term); its temporal scores of heads "
    "and tails, made for recurrent models, are left out. Stop words stay",
    lexicons=("deepwordbug",),
    families=("inner-letters", "outer-letters", "first-letter"),
)
