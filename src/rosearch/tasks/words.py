"""A text as words and the gaps between them, so that a word can change and nothing else does.

Of a pair of texts only the second one is segmented: attacks on pairs leave the first one alone, as
TextFooler does for natural language inference (Jin et al. 2020, section 4.1, on the hypothesis).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from itertools import chain, islice

from rosearch.types import Text


def _marks() -> str:
    """Combining marks (accents, vowel signs, viramas, harakat) as ranges of a character class."""
    codes = (*range(0x300, 0x1F000), *range(0xE0100, 0xE01F0))
    marks = (code for code in codes if unicodedata.category(chr(code)).startswith("M"))
    runs: list[list[int]] = []
    for code in marks:
        if not runs or runs[-1][1] != code - 1:
            runs.append([code, code])
        runs[-1][1] = code
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in runs)


MARKS = f"[{_marks()}]"
# Zero-width (non-)joiners stand within words of scripts that join their letters.
_JOINED = f"(?:{MARKS}|(?<=[\u0590-\U0010ffff])[\u200c\u200d](?=[^\\W_]))"
_RUN = f"[^\\W_]+(?:{_JOINED}+[^\\W_]*)*"
# Letters and digits with their marks, apostrophes or hyphens inside: "don't", "co-op", "80s".
WORD = re.compile(f"{_RUN}(?:['’-]{_RUN})*")  # noqa: RUF001
_PARTS = re.compile(f"({WORD.pattern})")
_GRAPHEME = re.compile(f"(?s:.)(?:{MARKS}|[\u200c\u200d])*")
VIRAMA = 9  # its canonical combining class: a consonant is joined to the next one


@dataclass(frozen=True)
class Words:
    """A segmented text: gap 0, word 0, gap 1, word 1, ..., last gap.

    Attributes:
        words: n words.
        gaps: n + 1 stretches of white space and punctuation, possibly empty.
        first: the first text of a pair, whose second text this is; None for a single text.
    """

    words: tuple[str, ...]
    gaps: tuple[str, ...]
    first: str | None = None

    @property
    def text(self) -> str:
        """The text, or the second one of a pair, character by character as it came."""
        pairs = zip(self.gaps, self.words, strict=False)
        return "".join(chain.from_iterable(pairs)) + self.gaps[-1]

    @property
    def example(self) -> Text:
        """What a classifier reads: the text, or the pair."""
        return self.text if self.first is None else (self.first, self.text)

    def replaced(self, i: int, word: str) -> Words:
        """Word i replaced, in the casing of the original word."""
        return self.with_word(i, like(self.words[i], word))

    def with_word(self, i: int, word: str) -> Words:
        """Word i replaced, in the casing given."""
        return Words((*self.words[:i], word, *self.words[i + 1 :]), self.gaps, self.first)

    def deleted(self, i: int) -> Words:
        """Word i taken out; the gaps around it become one."""
        joined = self.gaps[i] + self.gaps[i + 1].lstrip(" ")
        return Words(
            (*self.words[:i], *self.words[i + 1 :]),
            (*self.gaps[:i], joined, *self.gaps[i + 2 :]),
            self.first,
        )

    def changed(self, other: Words) -> tuple[int, ...]:
        """Positions whose word differs; both texts have the same number of words."""
        pairs = zip(self.words, other.words, strict=True)
        return tuple(i for i, (a, b) in enumerate(pairs) if a != b)


def segment(text: Text) -> Words:
    """Words and gaps of a text, or of the second text of a pair.

    `segment(t).example == t` for every t.
    """
    if not isinstance(text, str):
        first, second = text
        return replace(segment(second), first=first)
    parts = _PARTS.split(text)
    return Words(tuple(parts[1::2]), tuple(parts[::2]))


def beginning(text: Text, words: int | None) -> Text:
    """A text, or each of a pair, up to the end of its last word of so many; None is all of it."""
    if words is None:
        return text
    if not isinstance(text, str):
        first, second = text
        return _first_words(first, words), _first_words(second, words)
    return _first_words(text, words)


def _first_words(text: str, n: int) -> str:
    ends = [found.end() for found in islice(WORD.finditer(text), n + 1)]
    return text[: ends[-2]] if len(ends) > n else text


def like(original: str, word: str) -> str:
    """`word` in the casing of `original`: UPPER, Capitalised, or as it is."""
    if len(original) > 1 and original.isupper():
        return word.upper()
    if original[:1].isupper():
        return word[:1].upper() + word[1:]
    return word


def graphemes(word: str) -> list[str]:
    """What a reader takes for the letters of a word: with their marks, conjuncts as one.

    Unicode Standard Annex 29, rules GB9, GB9a and GB9c.
    """
    found: list[str] = []
    for one in _GRAPHEME.findall(word):
        before = found[-1].rstrip("\u200c\u200d") if found else ""
        if before and unicodedata.combining(before[-1]) == VIRAMA:
            found[-1] += one
        else:
            found.append(one)
    return found
