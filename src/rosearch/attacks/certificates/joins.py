"""Which neighbours a reader may take for one word that was split, whatever else stands in a text.

A reader joins two or three neighbours if that makes a known word which is likelier than they are,
and any number of letters that stand by themselves. What is found here is all that it may join; of
two joins that share a word it takes one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from rosearch.encodings.reader import Reader
from rosearch.encodings.reader_joins import FREQUENT, GLUE, RESPELT, SPACED, UNREAD

MOST_JOINED = 3  # words, but for letters


@dataclass(frozen=True)
class Part:
    """One or two words that may become a part of another.

    Attributes:
        score: sum of their log probabilities.
        words: how many they are.
        sure: whether all are known for words of their own.
    """

    score: float
    words: int
    sure: bool

    def __add__(self, other: Part) -> Part:
        return Part(self.score + other.score, self.words + other.words, self.sure and other.sure)

    def __or__(self, other: Part) -> Part:
        """Whichever of two is the easier to join."""
        return Part(
            min(self.score, other.score),
            min(self.words, other.words),
            self.sure and other.sure,
        )


class Joins:
    """The known words of a reader by their beginnings, and whether it would join to them."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.prior = reader.prior
        joins = "splits" in reader.steps
        self.known = sorted(w for w in reader.prior if w.isalpha()) if joins else []

    def starting(self, start: str) -> Iterator[str]:
        """Known words that go on after `start`."""
        for i in range(bisect_left(self.known, start), len(self.known)):
            word = self.known[i]
            if not word.startswith(start):
                return
            if word != start:
                yield word

    def rests(self, starts: Iterable[str]) -> frozenset[str]:
        """What makes a known word after one of several beginnings."""
        return frozenset(w[len(s) :] for s in starts for w in self.starting(s))

    def joined(self, parts: Part, word: str, gaps: Iterable[str]) -> bool:
        """Whether parts may be read as a known word, given the gaps between them."""
        glued = [gap in GLUE for gap in gaps]
        if len(word) == parts.words or parts.words > MOST_JOINED:
            return False
        if parts.sure and not any(glued):
            return False
        cost = (RESPELT if all(glued) else SPACED) * (parts.words - 1)
        return self.prior[word] - cost - parts.score > 0

    def pairs(
        self, a: Mapping[str, Part], b: Mapping[str, Part], rests: frozenset[str], gap: str
    ) -> Iterator[str]:
        """Known words of one of `a` and one of `b`, over a gap.

        Args:
            rests: `rests(a)`.
        """
        for rest in rests & b.keys():
            for start, part in a.items():
                word = start + rest
                if word in self.prior and word.isalpha():
                    apart = f"{start} {rest}" in self.reader.known.apart
                    if not apart and self.joined(part + b[rest], word, (gap,)):
                        yield word

    def triples(
        self,
        a: Mapping[str, Part],
        b: Mapping[str, Part],
        c: Mapping[str, Part],
        rests: list[str],
        gaps: tuple[str, str],
    ) -> Iterator[str]:
        """The same of three, over two gaps.

        Args:
            rests: `rests(a)`, sorted.
        """
        for middle, part in b.items():
            for i in range(bisect_left(rests, middle), len(rests)):
                rest = rests[i]
                if not rest.startswith(middle):
                    break
                end = rest[len(middle) :]
                if end in c:
                    yield from self._of_three(a, part + c[end], rest, gaps)

    def _of_three(
        self, a: Mapping[str, Part], others: Part, rest: str, gaps: tuple[str, str]
    ) -> Iterator[str]:
        for start, part in a.items():
            word = start + rest
            if word in self.prior and word.isalpha() and self.joined(part + others, word, gaps):
                yield word

    def spelt_out(self, letters: str) -> str | None:
        """What letters that stand by themselves may be read as."""
        read, score = self.reader.alone(letters, False)
        gain = score - RESPELT - len(letters) * FREQUENT
        return read if score > UNREAD and gain > 0 else None


@lru_cache(maxsize=2)
def joins_of(reader: Reader | None) -> Joins | None:
    """What a reader may join; to look at all known words takes a second."""
    return None if reader is None else Joins(reader)
