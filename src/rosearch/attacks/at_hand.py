"""Attacks on texts that were written a moment ago: with what is on this machine, nothing kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from rosearch.attacks.attack_resources import MODELS, PACKAGES, AttackResources
from rosearch.attacks.lexicon import Table, build_table, cached_table, vocabulary_of
from rosearch.attacks.methods import ATTACKS, lexicons_of, models_of
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.sources import LEXICONS, Lexicon
from rosearch.io import resources
from rosearch.types import Text


def attacks_at_hand(given: Mapping[str, Path]) -> tuple[NamedAttack, ...]:
    """Attacks on words that need no download, no lexicon of one's own and no package to install.

    Args:
        given: files of lexicons that are made of a task's teacher; see `NamedLexicon.given`.
    """
    return tuple(named for named in ATTACKS.values() if _at_hand(named, given))


def lexicons_at_hand(given: Mapping[str, Path]) -> tuple[str, ...]:
    """Lexicons of words that mean nearly the same, of which the same holds."""
    names = [name for name, lexicon in LEXICONS.items() if lexicon.clusters]
    return tuple(name for name in names if _readable(name, given))


def resources_at_hand(
    attack: str, texts: Sequence[Text], given: Mapping[str, Path]
) -> AttackResources:
    """What one of `attacks_at_hand` reads on texts."""
    models = {name: resources.fetch(MODELS[name]) for name in models_of(attack)}
    return AttackResources(tables_at_hand(lexicons_of(attack), texts, given), models)


def tables_at_hand(
    lexicons: Iterable[str], texts: Sequence[Text], given: Mapping[str, Path]
) -> dict[str, Table]:
    """Substitutions of the words of texts, by lexicon."""
    words = vocabulary_of(texts)
    return {
        name: cached_table(name, words, resources.cache_dir(), given)
        if LEXICONS[name].given
        else build_table(_made(name), words)
        for name in lexicons
    }


@cache
def _made(lexicon: str) -> Lexicon:
    return LEXICONS[lexicon].make()


def _at_hand(named: NamedAttack, given: Mapping[str, Path]) -> bool:
    if named.white_box or (named.own_lexicon and not named.lexicons):
        return False
    models = all(model in MODELS and _model_there(model) for model in named.models)
    return models and all(_readable(name, given) for name in named.lexicons)


def _readable(lexicon: str, given: Mapping[str, Path]) -> bool:
    """Whether a lexicon can be read without a download."""
    found = LEXICONS[lexicon]
    made = not found.given or found.given in given
    return made and all(map(resources.is_cached, found.resources))


def _model_there(model: str) -> bool:
    package = PACKAGES.get(model)
    installed = package is None or find_spec(package[0]) is not None
    return installed and resources.is_cached(MODELS[model])
