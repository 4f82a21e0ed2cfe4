"""Sources of substitutions: what a word may be replaced by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from rosearch.attacks.steps import Step
from rosearch.tasks.words import Words

# A word to its replacements, best first; pure and deterministic, lower case or as in the lexicon.
Lexicon: TypeAlias = Callable[[str], tuple[str, ...]]


class Source(Protocol):
    """Substitutions of a word within its text. Must be deterministic and keep no state."""

    def offers(self, text: Words, position: int) -> bool:
        """Whether the word at `position` may have substitutions; asks no model."""
        ...

    def options(self, text: Words, position: int) -> Step[tuple[str, ...]]:
        """Substitutions of the word at `position`, best first."""
        ...


class WordSource:
    """A lexicon as a source: the text around a word plays no part."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon

    def offers(self, text: Words, position: int) -> bool:
        return bool(self.lexicon(text.words[position]))

    def options(self, text: Words, position: int) -> Step[tuple[str, ...]]:
        return self.lexicon(text.words[position])
        yield  # asks nothing, yet is a generator like every other source


def single_word(word: str) -> bool:
    """Whether a lemma is one word, hyphens and apostrophes allowed."""
    return word.replace("'", "").replace("-", "").isalpha()
