"""What one word may become, as a student reads it.

Shapes: C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rosearch.attacks.certificates.joins import Joins, Part
from rosearch.attacks.certificates.seen import Apart, Place, read_apart
from rosearch.attacks.certificates.votes import StringVotes
from rosearch.encodings.reader_joins import JOINTS


@dataclass(frozen=True, eq=False)
class Options:
    """What a word and its substitutes are read as, and what neighbours may make of them.

    Attributes:
        most: (y, c), the most that one of them says for c rather than y, (C, C).
        size: most tokens that one of them has.
        capitals, words: fewest and most of them in one option, as a reader counts.
        single: options that are one word for the reader.
        heads, tails: one or two words that others begin or end with.
        first, last: most letters, each by itself, that one of those begins or ends with.
    """

    most: np.ndarray
    size: int
    capitals: tuple[int, int] = (0, 0)
    words: tuple[int, int] = (1, 1)
    single: Mapping[str, Part] = field(default_factory=dict)
    heads: Mapping[str, Part] = field(default_factory=dict)
    tails: Mapping[str, Part] = field(default_factory=dict)
    first: int = 0
    last: int = 0
    joins: Joins | None = None

    @cached_property
    def rests(self) -> frozenset[str]:
        """What makes a known word after one of `single`."""
        return frozenset() if self.joins is None else self.joins.rests(self.single)

    @cached_property
    def ordered_rests(self) -> list[str]:
        """The same, sorted."""
        return sorted(self.rests)

    @cached_property
    def tail_rests(self) -> frozenset[str]:
        """What makes a known word after one of `tails`."""
        return frozenset() if self.joins is None else self.joins.rests(self.tails)

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """Options that are one letter."""
        return tuple(w for w in self.single if len(w) == 1)


class Offered:
    """Options of words, each found once."""

    def __init__(self, votes: StringVotes) -> None:
        self.votes, self.joins = votes, votes.joins
        self.found: dict[tuple[str, Place, bool], Options] = {}

    def of(self, word: str, place: Place, latin: bool, others: Sequence[str]) -> Options:
        """Of a word that stays, or becomes one of the others.

        Args:
            latin: whether its text is in Latin letters.
            others: the same for each word, whatever the text.
        """
        key = word, place, latin
        if key not in self.found:
            self.found[key] = self._made(dict.fromkeys((word, *others)), place, latin)
        return self.found[key]

    def _made(self, written: Iterable[str], place: Place, latin: bool) -> Options:
        reader = self.votes.reader
        apart = [read_apart(w, place, reader, latin) for w in written]
        read = {a.read for a in apart}
        most, size = self.votes.differences(read), max(map(self.votes.size, read))
        if self.joins is None:
            return Options(most, size)
        rest = [a for a in apart if not _is_single(a)]
        return Options(
            most=most,
            size=size,
            capitals=(min(sum(a.capital) for a in apart), max(sum(a.capital) for a in apart)),
            words=(min(len(a.tokens) for a in apart), max(len(a.tokens) for a in apart)),
            single=_united((a.tokens[0], self._part(a, 0, 1)) for a in apart if _is_single(a)),
            heads=_united(pair for a in rest for pair in self._heads(a)),
            tails=_united(pair for a in rest for pair in self._tails(a)),
            first=max((_letters(a.tokens, a.gaps) for a in rest), default=0),
            last=max((_letters(a.tokens[::-1], a.gaps[::-1]) for a in rest), default=0),
            joins=self.joins,
        )

    def _part(self, a: Apart, start: int, end: int) -> Part:
        assert self.votes.reader is not None
        reader, tokens = self.votes.reader, a.tokens[start:end]
        names = a.names[start:end]
        score = sum(reader.alone(t, n)[1] for t, n in zip(tokens, names, strict=True))
        return Part(score, end - start, reader.known.sure.issuperset(tokens))

    def _heads(self, a: Apart) -> Iterator[tuple[str, Part]]:
        if a.tokens and not a.gaps[0]:
            yield a.tokens[0], self._part(a, 0, 1)
            if len(a.tokens) > 1 and a.gaps[1] in JOINTS:
                yield "".join(a.tokens[:2]), self._part(a, 0, 2)

    def _tails(self, a: Apart) -> Iterator[tuple[str, Part]]:
        n = len(a.tokens)
        if n and not a.gaps[-1]:
            yield a.tokens[-1], self._part(a, n - 1, n)
            if n > 1 and a.gaps[-2] in JOINTS:
                yield "".join(a.tokens[-2:]), self._part(a, n - 2, n)


def _is_single(a: Apart) -> bool:
    return len(a.tokens) == 1 and a.gaps == ("", "")


def _united(pairs: Iterable[tuple[str, Part]]) -> dict[str, Part]:
    """Of words that come in several ways, the one that is the easiest to join."""
    found: dict[str, Part] = {}
    for word, part in pairs:
        found[word] = found[word] | part if word in found else part
    return found


def _letters(tokens: Sequence[str], gaps: Sequence[str]) -> int:
    """How many letters, each by itself, stand at the beginning."""
    if gaps[0]:
        return 0
    n = 0
    while n < len(tokens) and len(tokens[n]) == 1 and (n == 0 or gaps[n] in JOINTS):
        n += 1
    return n
