"""Named attacks, and suites of them.

An attack is asked for as `NAME`, as `NAME:FILE` to give it a lexicon of one's own, or as a suite
`A+B+...`: a text survives a suite if it survives every attack in it.

To add an attack, add a file here that wires the four parts, and its recipe to `ATTACKS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rosearch.attacks.attack import AnyAttack
from rosearch.attacks.attack_resources import AttackResources, check_packages, gather_resources
from rosearch.attacks.goals import UNTARGETED, Goal
from rosearch.attacks.lexicon import FILE
from rosearch.attacks.methods.character_bugs import DEEPWORDBUG, TEXTBUGGER
from rosearch.attacks.methods.embeddings import FGSM, PGD
from rosearch.attacks.methods.greedy_words import CHARACTERS, NEIGHBOURS, RELATIVES, WORDNET
from rosearch.attacks.methods.masked_words import BAE, BERT_ATTACK
from rosearch.attacks.methods.pwws import PWWS
from rosearch.attacks.methods.search_methods import BEAM, GENETIC, RANDOM
from rosearch.attacks.methods.textfooler import TEXTFOOLER
from rosearch.attacks.named_attack import Recipe
from rosearch.errors import UserError
from rosearch.types import Text

ATTACKS: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        WORDNET, RELATIVES, CHARACTERS, NEIGHBOURS,
        TEXTFOOLER, PWWS,
        DEEPWORDBUG, TEXTBUGGER,
        RANDOM, BEAM, GENETIC,
        BAE, BERT_ATTACK,
        FGSM, PGD,
    )
}  # fmt: skip


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


def describe(attack: str) -> str:
    """An attack in words, with its source."""
    recipe, _ = _parsed(attack)
    return f"{recipe.description} ({recipe.paper})"


def lexicons_of(suite: str) -> tuple[str, ...]:
    """Names of the lexicons that the attacks of a suite read."""
    found: dict[str, None] = {}
    for attack in members(suite):
        recipe, argument = _parsed(attack)
        if argument is None or recipe.adds_lexicon:
            found.update(dict.fromkeys(recipe.lexicons))
        if argument is not None:
            found[FILE + argument] = None
    return tuple(found)


def models_of(suite: str) -> tuple[str, ...]:
    """What the attacks of a suite need models for, besides the victim."""
    needed = [model for attack in members(suite) for model in _parsed(attack)[0].models]
    return tuple(dict.fromkeys(needed))


def resources_for(
    suites: Iterable[str], texts: Sequence[Text], folders: Mapping[str, Path] | None = None
) -> AttackResources:
    """What attacks and suites read on these texts.

    Args:
        folders: what a model is for -> its folder, where it is not the default one.

    Raises:
        UserError: no such attack, a lexicon that can't be read, or a model that is not given.
    """
    suites = tuple(suites)
    for suite in suites:
        check_attack(suite)
    return gather_resources(
        [name for suite in suites for name in lexicons_of(suite)],
        texts,
        [name for suite in suites for name in models_of(suite)],
        folders,
    )


def load_attacks(
    suite: str,
    resources: AttackResources,
    goal: Goal = UNTARGETED,
    max_queries: int | None = None,
    exact: bool = True,
) -> tuple[AnyAttack, ...]:
    """The attacks of a suite, ready to run on the texts of their resources; each has its full name.

    Args:
        exact: see `AttackResources.exact`.
    """
    resources = replace(resources, exact=exact)
    return tuple(
        _parsed(attack)[0].wire(resources, lexicons_of(attack)).limited(attack, goal, max_queries)
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
