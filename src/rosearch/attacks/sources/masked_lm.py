"""A masked language model as a source: words that fit the text around a position.

The model reads the text as it stands, changed words included, and is asked through the engine, so
that the positions of all texts under attack share its batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rosearch.attacks.steps import Request, Step
from rosearch.tasks.words import Words

# A position of a text: the items that `Guesses` answers.
Blank = tuple[Words, int]
# What is to be said of words from a fitted head. Measured; see docs/architecture.md.
FITTED = (
    "; without --masked-lm a head fitted to the task's train texts gives the words: they fit the "
    "place, but most swaps change what the text says, so read the result as the worst case under "
    "free choice of words, not as robustness to paraphrase"
)


@dataclass(frozen=True)
class Guesses:
    """A masked language model as the engine asks it; plain data, loaded where it is asked.

    Attributes:
        folder: of a masked language model.
        masked: whether the word is hidden from the model.
        top: the most guesses for a position.
        top_pieces: of a word of several pieces that is not hidden, the guesses per piece.
    """

    folder: Path
    masked: bool = True
    top: int = 50
    top_pieces: int = 8

    def __call__(self, items: Sequence[Blank]) -> list[tuple[str, ...]]:
        """Words for each position, best first; none where the text leaves no position."""
        from rosearch.attacks.sources.masked_lm_model import loaded

        return loaded(self.folder).guesses(items, self)


@dataclass(frozen=True)
class MaskedLMSource:
    """Guesses of a masked language model, without the word itself and its antonyms.

    Attributes:
        antonyms: word -> words that are never offered for it. A masked language model finds "bad"
            as fitting as "good" (Li et al. 2020, section 3.2, filter antonyms for sentiment).
    """

    guesses: Guesses
    antonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def offers(self, text: Words, position: int) -> bool:
        return any(c.isalpha() for c in text.words[position])

    def options(self, text: Words, position: int) -> Step[tuple[str, ...]]:
        (found,) = yield Request([(text, position)], self.guesses)
        word = text.words[position].lower()
        refused = {word, *self.antonyms.get(word, ())}
        return tuple(w for w in found if w.lower() not in refused)
