"""Named attacks, and suites of them.

An attack is asked for as `NAME`, as `NAME:FILE` to give it a lexicon of one's own, or as a suite
`A+B+...`: a text survives a suite if it survives every attack in it.

To add an attack, add a file here that wires the four parts, and its recipe to `ATTACKS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from rosearch.attack.attack import Attack
from rosearch.attack.goals import UNTARGETED, Goal
from rosearch.attack.kit import Kit, check_packages, make_kit
from rosearch.attack.lexicon import FILE
from rosearch.attack.methods.greedy_words import CHARACTERS, NEIGHBOURS, RELATIVES, WORDNET
from rosearch.attack.methods.pwws import PWWS
from rosearch.attack.methods.textfooler import TEXTFOOLER
from rosearch.attack.recipe import Recipe
from rosearch.errors import UserError

ATTACKS: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (WORDNET, RELATIVES, CHARACTERS, NEIGHBOURS, TEXTFOOLER, PWWS)
}


def members(suite: str) -> tuple[str, ...]:
    """The attacks of a suite; a single attack is a suite of one.

    A plus sign parts attacks only where a name follows, so that file names may hold one.
    """
    names = "|".join(map(re.escape, ATTACKS))
    return tuple(re.split(rf"\+(?=(?:{names})(?:[:+]|$))", suite))


def check_attack(suite: str) -> None:
    """Refuse an attack or suite that `load_attacks` would refuse.

    Raises:
        UserError: no such attack, or its lexicon file or a package that it needs is missing.
    """
    for attack in members(suite):
        recipe, argument = _parsed(attack)
        if argument is None and not recipe.lexicons and recipe.own_lexicon:
            raise UserError(f"attack {attack!r} needs a lexicon: {attack}:FILE.json")
        if argument is not None and not recipe.own_lexicon:
            raise UserError(f"attack {attack!r}: {recipe.name} reads no lexicon of your own")
        if argument is not None and not Path(argument).is_file():
            raise UserError(f"attack {attack!r}: no such file")
        check_packages(recipe.models)


def lexicons_of(suite: str) -> tuple[str, ...]:
    """Names of the lexicons that the attacks of a suite read."""
    found: dict[str, None] = {}
    for attack in members(suite):
        recipe, argument = _parsed(attack)
        found.update(dict.fromkeys(recipe.lexicons if argument is None else (FILE + argument,)))
    return tuple(found)


def models_of(suite: str) -> tuple[str, ...]:
    """What the attacks of a suite need models for, besides the victim."""
    needed = [model for attack in members(suite) for model in _parsed(attack)[0].models]
    return tuple(dict.fromkeys(needed))


def kit_for(suites: Iterable[str], texts: Sequence[str]) -> Kit:
    """The kit that attacks and suites need on these texts.

    Raises:
        UserError: no such attack, or a lexicon that can't be read.
    """
    suites = tuple(suites)
    for suite in suites:
        check_attack(suite)
    return make_kit(
        [name for suite in suites for name in lexicons_of(suite)],
        texts,
        [name for suite in suites for name in models_of(suite)],
    )


def load_attacks(
    suite: str,
    kit: Kit,
    goal: Goal = UNTARGETED,
    max_queries: int | None = None,
    exact: bool = True,
) -> tuple[Attack, ...]:
    """The attacks of a suite, ready to run on the texts of the kit; each has its full name.

    Args:
        exact: see `Kit.exact`.
    """
    kit = replace(kit, exact=exact)
    return tuple(
        replace(
            _parsed(attack)[0].wire(kit, lexicons_of(attack)),
            name=attack,
            goal=goal,
            max_queries=max_queries,
        )
        for attack in members(suite)
    )


def _parsed(attack: str) -> tuple[Recipe, str | None]:
    name, colon, argument = attack.partition(":")
    if name not in ATTACKS:
        raise UserError(
            f"no attack {name!r}; the attacks are {', '.join(ATTACKS)}; `rosearch attack --list` "
            "describes them"
        )
    return ATTACKS[name], argument if colon else None
