"""Limits of what an attack on words may do to one text."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rosearch.attacks.attack import AnyAttack, Attack
from rosearch.attacks.constraints import MaxChanged
from rosearch.attacks.sources import Source
from rosearch.attacks.steps import Step
from rosearch.tasks.words import Words


@dataclass(frozen=True)
class Limits:
    """What an attack may spend on a text.

    Attributes:
        changed: share of the words that may change; one may, always.
        candidates: substitutions of a word that are tried, the best ones.
        queries_per_word: query budget, times the words of the text.
    """

    changed: float
    candidates: int
    queries_per_word: int


def capped(attack: AnyAttack, limits: Limits | None) -> AnyAttack:
    """The same attack under limits; None leaves it as it is.

    Raises:
        ValueError: it is no attack on words.
    """
    if limits is None:
        return attack
    if not isinstance(attack, Attack):
        raise ValueError(f"{attack.name} changes no words, so these limits mean nothing to it")
    return replace(
        attack,
        source=FirstOptions(attack.source, limits.candidates),
        max_changed=MaxChanged(limits.changed),
        queries_per_word=limits.queries_per_word,
    )


@dataclass(frozen=True)
class FirstOptions:
    """The first, which are the best, substitutions of another source."""

    source: Source
    most: int

    def offers(self, text: Words, position: int) -> bool:
        return self.source.offers(text, position)

    def options(self, text: Words, position: int) -> Step[tuple[str, ...]]:
        found = yield from self.source.options(text, position)
        return found[: self.most]
