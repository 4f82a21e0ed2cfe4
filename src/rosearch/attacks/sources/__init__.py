"""Sources of substitutions: what a word may be replaced by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from rosearch.attacks.steps import Step
from rosearch.io.plugins import Registry
from rosearch.tasks.words import Words

# A word to its replacements, best first; pure and deterministic, lower case or as in the lexicon.
Lexicon: TypeAlias = Callable[[str], tuple[str, ...]]


@dataclass(frozen=True)
class NamedLexicon:
    """A lexicon that attacks, encodings and training may read.

    Attributes:
        description: for the documentation.
        make: the lexicon; called in the main process only, which looks all words up for workers.
        families: what its substitutions are known by; see `NamedAttack`.
        resources: the pinned resources that it reads.
        clusters: whether a word and its substitutions mean nearly the same, so that encodings may
            put them together.
        offered: whether a word may be replaced by them; otherwise attacks sort options out by it.
        given: what its file is given as, of a lexicon that is made of a task's teacher.
        version: of its rules; tables of its substitutions are kept on disk under it. Without one
            they are made anew every time.
    """

    name: str
    description: str
    make: Callable[[], Lexicon]
    families: tuple[str, ...]
    resources: tuple[str, ...] = ()
    clusters: bool = False
    offered: bool = True
    given: str = ""
    version: str = ""


LEXICONS: Registry[NamedLexicon] = Registry(
    "lexicon",
    {
        "wordnet": "rosearch.attacks.sources.wordnet:SYNONYMS",
        "wordnet_inflected": "rosearch.attacks.sources.wordnet:INFLECTED",
        "relatives": "rosearch.attacks.sources.wordnet:RELATIVES",
        "roget": "rosearch.attacks.sources.roget:ROGET",
        "webster": "rosearch.attacks.sources.webster:WEBSTER",
        "characters": "rosearch.attacks.sources.characters:CHARACTERS",
        "deepwordbug": "rosearch.attacks.sources.characters:DEEPWORDBUG",
        "textbugger": "rosearch.attacks.sources.characters:TEXTBUGGER",
        "first-letter": "rosearch.attacks.sources.edits:FIRST_LETTER",
        "two-edits": "rosearch.attacks.sources.edits:TWO_EDITS",
        "repeats": "rosearch.attacks.sources.edits:REPEATS",
        "phonetic": "rosearch.attacks.sources.edits:PHONETIC",
        "leet": "rosearch.attacks.sources.edits:LEET_SPEAK",
        "splits": "rosearch.attacks.sources.edits:SPLITS",
        "look-alikes": "rosearch.attacks.sources.edits:LOOK_ALIKES",
        "real-words": "rosearch.attacks.sources.edits:REAL_WORDS",
        "edits": "rosearch.attacks.sources.edits:EVERY_EDIT",
        "encoder": "rosearch.attacks.sources.encoder:ENCODER",
        "thesaurus": "rosearch.attacks.sources.thesaurus:THESAURUS",
        "antonyms": "rosearch.attacks.sources.wordnet:ANTONYMS",
    },
)


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
