"""Named attacks, and suites of them.

An attack is asked for as `NAME`, as `NAME:FILE` to give it a lexicon of one's own, or as a suite
`A+B+...`: a text survives a suite if it survives every attack in it.

To add an attack, add a file here that wires the four parts, and a line to `ATTACKS`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rosearch.attacks.attack import AnyAttack
from rosearch.attacks.attack_resources import AttackResources, check_packages, gather_resources
from rosearch.attacks.goals import UNTARGETED, Goal
from rosearch.attacks.language import misfits
from rosearch.attacks.lexicon import FILE, families_of_lexicons
from rosearch.attacks.named_attack import NamedAttack
from rosearch.errors import UserError
from rosearch.io.plugins import Registry
from rosearch.types import Text

ATTACKS: Registry[NamedAttack] = Registry(
    "attack",
    {
        "wordnet": "rosearch.attacks.methods.swaps:WORDNET",
        "relatives": "rosearch.attacks.methods.swaps:RELATIVES",
        "roget": "rosearch.attacks.methods.swaps:ROGET",
        "webster": "rosearch.attacks.methods.swaps:WEBSTER",
        "thesaurus": "rosearch.attacks.methods.swaps:THESAURUS",
        "characters": "rosearch.attacks.methods.edits:CHARACTERS",
        "first-letter": "rosearch.attacks.methods.edits:FIRST_LETTER",
        "two-edits": "rosearch.attacks.methods.edits:TWO_EDITS",
        "repeats": "rosearch.attacks.methods.edits:REPEATS",
        "phonetic": "rosearch.attacks.methods.edits:PHONETIC",
        "leet": "rosearch.attacks.methods.edits:LEET",
        "splits": "rosearch.attacks.methods.edits:SPLITS",
        "joins": "rosearch.attacks.methods.edits:JOINS",
        "look-alikes": "rosearch.attacks.methods.edits:LOOK_ALIKES",
        "disguises": "rosearch.attacks.methods.edits:DISGUISES",
        "real-words": "rosearch.attacks.methods.edits:REAL_WORDS",
        "encoder": "rosearch.attacks.methods.swaps:ENCODER",
        "neighbours": "rosearch.attacks.methods.neighbours:NEIGHBOURS",
        "textfooler": "rosearch.attacks.methods.textfooler:TEXTFOOLER",
        "pwws": "rosearch.attacks.methods.pwws:PWWS",
        "deepwordbug": "rosearch.attacks.methods.deepwordbug:DEEPWORDBUG",
        "textbugger": "rosearch.attacks.methods.textbugger:TEXTBUGGER",
        "random": "rosearch.attacks.methods.random:RANDOM",
        "beam": "rosearch.attacks.methods.beam:BEAM",
        "genetic": "rosearch.attacks.methods.genetic:GENETIC",
        "bae": "rosearch.attacks.methods.bae:BAE",
        "bert-attack": "rosearch.attacks.methods.bert_attack:BERT_ATTACK",
        "worst-edit": "rosearch.attacks.methods.adaptive:WORST_EDIT",
        "worst-frame": "rosearch.attacks.methods.adaptive:WORST_FRAME",
        "worst-vote": "rosearch.attacks.methods.adaptive:WORST_VOTE",
        "fgsm": "rosearch.attacks.methods.fgsm:FGSM",
        "pgd": "rosearch.attacks.methods.pgd:PGD",
    },
    "`rosearch attack --list` describes them",
)


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
        named, argument = _parsed(attack)
        if argument is None and not named.lexicons and named.own_lexicon:
            raise UserError(f"attack {attack!r} needs a lexicon: {attack}:FILE.json")
        if argument is not None and not named.own_lexicon:
            raise UserError(f"attack {attack!r}: {named.name} reads no lexicon of your own")
        if argument is not None and not Path(argument).is_file():
            raise UserError(f"attack {attack!r}: no such file")
        check_packages(named.models)


def describe(attack: str) -> str:
    """An attack in words, with its source."""
    named, _ = _parsed(attack)
    return f"{named.description} ({named.paper})"


def lexicons_of(suite: str) -> tuple[str, ...]:
    """Names of the lexicons that the attacks of a suite read."""
    found: dict[str, None] = {}
    for attack in members(suite):
        named, argument = _parsed(attack)
        if argument is None or named.adds_lexicon:
            found.update(dict.fromkeys(named.lexicons))
        if argument is not None:
            found[FILE + argument] = None
    return tuple(found)


def families_of(attack: str) -> frozenset[str] | None:
    """What one attack changes texts by; None if it does not state it. See `NamedAttack.families`.

    Those of the lexicons and models that it reads count even where it leaves them out. With a
    lexicon of the user's instead of its own ones, the file takes their place.
    """
    named, argument = _parsed(attack)
    if named.families is None:
        return None
    replaced = argument is not None and not named.adds_lexicon
    stated = frozenset(named.families)
    if replaced:
        stated -= families_of_lexicons(named.lexicons)
    if named.white_box:
        stated |= {"embeddings"}
    if "masked_lm" in named.models:
        stated |= {"masked-lm"}
    return stated | families_of_lexicons(lexicons_of(attack))


def models_of(suite: str) -> tuple[str, ...]:
    """What the attacks of a suite need models for, besides the victim."""
    needed = [model for attack in members(suite) for model in _parsed(attack)[0].models]
    return tuple(dict.fromkeys(needed))


def resources_for(
    suites: Iterable[str], texts: Sequence[Text], folders: Mapping[str, Path] | None = None
) -> AttackResources:
    """What attacks and suites read on these texts; stderr gets why they do not fit, if so.

    Args:
        folders: what a model is for -> its folder, where it is not the default one.

    Raises:
        UserError: no such attack, a lexicon that can't be read, or a model that is not given.
    """
    suites = tuple(suites)
    for suite in suites:
        check_attack(suite)
    found = gather_resources(
        [name for suite in suites for name in lexicons_of(suite)],
        texts,
        [name for suite in suites for name in models_of(suite)],
        folders,
    )
    for line in misfits(found.lexicons, texts):
        print(f"warning: {line}", file=sys.stderr)
    return found


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


def _parsed(attack: str) -> tuple[NamedAttack, str | None]:
    name, colon, argument = attack.partition(":")
    return ATTACKS[name], argument if colon else None
