"""One word that is written in several: with a space, a hyphen, a dot inside, or letter by letter.

This file needs nothing but the standard library, so that it can travel with a saved student.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

UNREAD = -30.0  # log probability of a word for which nothing known is found
FREQUENT = -7.0  # log probability from which on a single letter is a word
RESPELT = 2.0  # what letters that are repeated, spaced or signs cost: few write so by mistake
SPACED = 5.0  # what a space costs that is too many, or lacks
GLUE = frozenset("-._*~")  # joints that part no words, unlike spaces
JOINTS = GLUE | {" "}

Join = tuple[float, int, int, str]  # gain, first word, end, reading


class Known(NamedTuple):
    """What a reader knows: words with their log probability, those that are hardly ever a piece of
    another one, stretches that stay as they are, and the length of the longest word."""

    prior: Mapping[str, float]
    sure: frozenset[str]
    apart: frozenset[str]
    longest: int


class Joins:
    """What of a text is one word written in several.

    Args:
        lower: words of the text, lower case.
        gaps: what stands before, between and after them.
        names: which words are names.
        alone: what a word by itself is read as, and how likely that is, if it is a name or not.
    """

    def __init__(
        self,
        known: Known,
        lower: Sequence[str],
        gaps: Sequence[str],
        names: Sequence[bool],
        alone: Callable[[str, bool], tuple[str, float]],
    ) -> None:
        self.known, self.alone = known, alone
        self.lower, self.gaps, self.names = lower, gaps, names

    def found(self) -> dict[int, tuple[int, str]]:
        """First word -> end and reading."""
        found: dict[int, tuple[int, str]] = {}
        free, sure, gaps = 0, self.known.sure, self.gaps
        for i, word in enumerate(self.lower):
            if i < free or (word in sure and gaps[i + 1] not in GLUE):
                continue
            best = max(self._joins(i, free), default=(0.0, 0, 0, ""))
            if best[0] > 0:
                _, start, free, new = best
                found[start] = free, new
        return found

    def _joins(self, i: int, free: int) -> Iterator[Join]:
        """Each way to join word i with its neighbours, none before word `free`."""
        lower, gaps, prior = self.lower, self.gaps, self.known.prior
        for start, end in ((i - 2, i + 1), (i - 1, i + 1), (i - 1, i + 2), (i, i + 2), (i, i + 3)):
            if start < free or end > len(lower):
                continue
            new = "".join(lower[start:end])
            if new not in prior or len(new) == end - start or not new.isalpha():
                continue
            if self._may_join(start, end):
                glued = GLUE.issuperset(gaps[start + 1 : end])
                cost = (RESPELT if glued else SPACED) * (end - start - 1)
                apart = sum(self.alone(lower[k], self.names[k])[1] for k in range(start, end))
                yield prior[new] - cost - apart, start, end, new
        if len(lower[i]) == 1:
            yield from self._spelt_out(i, free)

    def _spelt_out(self, i: int, free: int) -> Iterator[Join]:
        """The same of a word that is written letter by letter."""
        lower, gaps = self.lower, self.gaps
        end = i
        while end < len(lower) and len(lower[end]) == 1 and end - i < self.known.longest:
            end += 1
            if gaps[end] not in JOINTS:
                break
        for start in range(max(free, i - 2), i + 1):
            word = "".join(lower[start:end])
            if len(word) == end - start > 2 and self._may_join(start, end):
                new, score = self.alone(word, False)
                if score > UNREAD:
                    yield score - RESPELT - (end - start) * FREQUENT, start, end, new

    def _may_join(self, start: int, end: int) -> bool:
        if not JOINTS.issuperset(self.gaps[start + 1 : end]):
            return False
        return " ".join(self.lower[start:end]) not in self.known.apart
