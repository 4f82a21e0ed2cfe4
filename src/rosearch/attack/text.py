"""A text as words and the gaps between them, so that a word can change and nothing else does."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

# Letters and digits with apostrophes or hyphens inside: "don't", "co-op", "80s".
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")  # noqa: RUF001


@dataclass(frozen=True)
class Words:
    """A segmented text: gap 0, word 0, gap 1, word 1, ..., last gap.

    Attributes:
        words: n words.
        gaps: n + 1 stretches of white space and punctuation, possibly empty.
    """

    words: tuple[str, ...]
    gaps: tuple[str, ...]

    @property
    def text(self) -> str:
        """The text, character by character as it came."""
        parts = [self.gaps[0]]
        for word, gap in zip(self.words, self.gaps[1:], strict=True):
            parts += (word, gap)
        return "".join(parts)

    def replaced(self, i: int, word: str) -> Words:
        """Word i replaced, in the casing of the original word."""
        return self.with_word(i, like(self.words[i], word))

    def with_word(self, i: int, word: str) -> Words:
        """Word i replaced, in the casing given."""
        return replace(self, words=(*self.words[:i], word, *self.words[i + 1 :]))

    def deleted(self, i: int) -> Words:
        """Word i taken out; the gaps around it become one."""
        joined = self.gaps[i] + self.gaps[i + 1].lstrip(" ")
        return Words(
            (*self.words[:i], *self.words[i + 1 :]),
            (*self.gaps[:i], joined, *self.gaps[i + 2 :]),
        )

    def changed(self, other: Words) -> tuple[int, ...]:
        """Positions whose word differs; both texts have the same number of words."""
        pairs = zip(self.words, other.words, strict=True)
        return tuple(i for i, (a, b) in enumerate(pairs) if a != b)


def segment(text: str) -> Words:
    """Words and gaps of a text; `segment(t).text == t` for every t."""
    words, gaps, end = [], [], 0
    for match in WORD.finditer(text):
        gaps.append(text[end : match.start()])
        words.append(match.group())
        end = match.end()
    gaps.append(text[end:])
    return Words(tuple(words), tuple(gaps))


def like(original: str, word: str) -> str:
    """`word` in the casing of `original`: UPPER, Capitalised, or as it is."""
    if len(original) > 1 and original.isupper():
        return word.upper()
    if original[:1].isupper():
        return word[:1].upper() + word[1:]
    return word
