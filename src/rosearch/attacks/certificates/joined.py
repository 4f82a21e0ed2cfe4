"""Which words of a text a reader may join, whatever each of them becomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from rosearch.attacks.certificates.joins import Joins
from rosearch.attacks.certificates.options import Offered, Options
from rosearch.attacks.certificates.seen import Seen
from rosearch.encodings.reader import names_count
from rosearch.encodings.reader_joins import JOINTS

MOST_SPELT = 20_000  # ways to spell out letters that are looked at


def may_join(offered: Offered, text: Seen, names: bool, latin: bool) -> bool:
    """Whether a reader may join any of what words become, or take other words for names.

    Args:
        names: whether capitals are names.
        latin: whether the text is in Latin letters.
    """
    if offered.joins is None:
        return False
    key = text.words, names, latin
    if key not in offered.joined:
        pairs = zip(text.words.words, text.placed(names), strict=True)
        options = [offered.of(w, place, latin) for w, place in pairs]
        joined = Joined(offered.joins, text.words.gaps, options)
        offered.joined[key] = names_may_change(options, names) or joined.possible()
    return offered.joined[key]


def names_may_change(options: Sequence[Options], names: bool) -> bool:
    """Whether capitals may become names, or no longer be."""
    capitals = [sum(o.capitals[k] for o in options) for k in (0, 1)]
    words = [sum(o.words[k] for o in options) for k in (0, 1)]
    if names:
        return capitals[1] > 0 and not names_count(capitals[1], words[0])
    return names_count(capitals[0], words[1])


class Joined:
    """Words of a text that a reader may join, whatever each becomes.

    Args:
        gaps: of the text.
    """

    def __init__(self, joins: Joins, gaps: Sequence[str], options: Sequence[Options]) -> None:
        self.joins, self.gaps, self.options = joins, gaps, options
        self.over = [gap in JOINTS for gap in self.gaps]  # whether words may be joined over it
        self.over[:1] = self.over[-1:] = [False]

    def possible(self) -> bool:
        """Whether any words may be joined."""
        return self.in_parts() or any(True for _ in self.blocks())

    def blocks(self) -> Iterator[tuple[int, int, list[str]]]:
        """First word, end and readings of words that may be joined; no readings where
        there are too many to look at."""
        o, over = self.options, self.over
        for i in range(len(o) - 1):
            if not over[i + 1]:
                continue
            a, b = o[i], o[i + 1]
            gap = self.gaps[i + 1]
            if found := set(self.joins.pairs(a.single, b.single, a.rests, gap)):
                yield i, i + 2, sorted(found)
            if i + 2 < len(o) and over[i + 2]:
                gaps, ends = (gap, self.gaps[i + 2]), o[i + 2].single
                several = self.joins.triples(a.single, b.single, ends, a.ordered_rests, gaps)
                if found := set(several):
                    yield i, i + 3, sorted(found)
                yield from self._letters(i)

    def _letters(self, start: int) -> Iterator[tuple[int, int, list[str]]]:
        """What three letters or more may be spelt out to, from a word on."""
        end, ways = start, 1
        while end < len(self.options) and self.options[end].letters:
            if end > start and not self.over[end]:
                break
            ways *= len(self.options[end].letters)
            end += 1
            if end - start > 2:
                if ways > MOST_SPELT:
                    yield start, end, []
                    return
                letters = product(*(o.letters for o in self.options[start:end]))
                if found := {r for r in map(self.joins.spelt_out, map("".join, letters)) if r}:
                    yield start, end, sorted(found)

    # Options of several words, of which neighbours may take one

    def in_parts(self) -> bool:
        """Whether a neighbour may be joined with a part of an option, which nothing is told of."""
        return any(
            self.over[i + 1] and (self._torn(i) or self._spelt(i))
            for i in range(len(self.options) - 1)
        )

    def _torn(self, i: int) -> bool:
        """Whether a part of word i or i + 1 may be joined with the other, or both with a third."""
        a, b = self.options[i], self.options[i + 1]
        pairs, gap = self.joins.pairs, self.gaps[i + 1]
        if any(pairs(a.tails, b.single, a.tail_rests, gap)) or any(
            pairs(a.tails, b.heads, a.tail_rests, gap)
        ):
            return True
        if b.heads and any(pairs(a.single, b.heads, a.rests, gap)):
            return True
        if i + 2 == len(self.options) or not self.over[i + 2]:
            return False
        c, triples, gaps = self.options[i + 2], self.joins.triples, (gap, self.gaps[i + 2])
        tail_rests = sorted(a.tail_rests)
        return (
            any(triples(a.tails, b.single, c.single, tail_rests, gaps))
            or any(triples(a.tails, b.single, c.heads, tail_rests, gaps))
            or bool(c.heads and any(triples(a.single, b.single, c.heads, a.ordered_rests, gaps)))
        )

    def _spelt(self, i: int) -> bool:
        """Whether letters may be spelt out of parts of words i and i + 1."""
        a, b = self.options[i], self.options[i + 1]
        before, after = self._reach(i, -1), self._reach(i + 1, 1)
        return (a.last > 0 and after > 0 and a.last + after > 2) or (
            b.first > 0 and before > 0 and b.first + before > 2
        )

    def _reach(self, i: int, step: int) -> int:
        """How many letters may stand one after another from word i on, to one side."""
        n = 0
        while 0 <= i < len(self.options):
            one = self.options[i]
            longest = max(one.first if step > 0 else one.last, bool(one.letters))
            n += longest
            i += step
            gap = i if step > 0 else i + 1
            if not longest or not 0 < gap < len(self.gaps) - 1 or not self.over[gap]:
                break
        return n
