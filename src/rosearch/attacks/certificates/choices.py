"""Any choice of what each word becomes: the worst text that a student could be made to read.

Which neighbours are joined depends on what they become, so the worst text is found from left to
right: up to each word, the worst of all ways to read the words one by one or joined. No text is
read in a worse way; where nothing can be joined, one is read in just that way.

Shapes: W words, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np

from rosearch.attacks.certificates.joins import Joins
from rosearch.attacks.certificates.options import Offered, Options
from rosearch.attacks.certificates.seen import Seen, isolated, names_count, plain
from rosearch.attacks.certificates.votes import StringVotes
from rosearch.encodings.reader_joins import JOINTS
from rosearch.tasks.words import Words

MOST_SPELT = 20_000  # ways to spell out letters that are looked at

# A word as it is written to what may stand in its place.
Substitutes = Callable[[str], Sequence[str]]


class Choices:
    """What stays right whatever each word becomes.

    Args:
        likely: few of the substitutes, which tell quickly that most texts can be broken.
    """

    def __init__(
        self, votes: StringVotes, substitutes: Substitutes, likely: Substitutes | None = None
    ) -> None:
        self.votes, self.joins, self.substitutes = votes, votes.joins, substitutes
        self.steps = [(Offered(votes), s) for s in (likely, substitutes) if s is not None]

    def outlasted(self, text: Seen, label: int, n: int | None = None) -> bool:
        """Whether a text stays right whatever substitutes n of its words take, or all of them."""
        n = len(text.apart) if n is None else min(n, len(text.apart))
        if not text.right(label):
            return False
        for step in self.steps[:-1]:
            if self._options(text, label, n, text.names, True, *step) is None:
                return False
        ways = list(self.ways(text))
        return bool(ways) and all(self._outlasts(text, label, n, *way) for way in ways)

    def _outlasts(self, text: Seen, label: int, n: int, names: bool, latin: bool) -> bool:
        options = self._options(text, label, n, names, latin, *self.steps[-1])
        if options is None or self.joins is None:
            return options is not None
        if self._names_may_change(options, names):
            return False
        return Joined(self.votes, self.joins, text, options).right(label, n)

    def _options(
        self,
        text: Seen,
        label: int,
        n: int,
        names: bool,
        latin: bool,
        offered: Offered,
        substitutes: Substitutes,
    ) -> list[Options] | None:
        """Of each word; None as soon as the worst of them, read one by one, win."""
        found: list[Options] = []
        losses, spare = np.zeros((0, len(text.total))), text.spare
        for word, place, own, gap in zip(
            text.words.words, text.placed(names), text.apart, text.gaps(label), strict=True
        ):
            options = offered.of(word, place, latin, substitutes(word))
            loss = (gap + options.most[label]).clip(0)
            losses = np.sort(np.vstack([losses, loss]), 0)[-n:] if n else losses
            spare -= max(0, options.size - self.votes.size(own.read))
            if spare < 0 or not text.right(label, losses.sum(0)):
                return None
            found.append(options)
        return found

    def may_join(self, text: Seen, names: bool, latin: bool) -> bool:
        """Whether a reader may join any of what words become, or take other words for names."""
        if self.joins is None:
            return False
        offered, substitutes = self.steps[-1]
        pairs = zip(text.words.words, text.placed(names), strict=True)
        options = [offered.of(w, place, latin, substitutes(w)) for w, place in pairs]
        joined = Joined(self.votes, self.joins, text, options)
        return self._names_may_change(options, names) or joined.possible()

    # What holds for a text as a whole

    def ways(self, text: Seen) -> Iterator[tuple[bool, bool]]:
        """Whether capitals are names, and whether the text is in Latin letters."""
        if self.joins is None:
            if not self._may_be_special(text.words):
                yield False, True
            return
        others = [(w, *self.substitutes(w)) for w in text.words.words]
        if all(plain(s) for some in others for s in some):
            yield text.names, True
        elif all(isolated(text.words, i, o, self.joins.reader) for i, o in enumerate(others)):
            yield from ((text.names, True), (text.names, False))

    def _may_be_special(self, text: Words) -> bool:
        """Whether a word in brackets may become a special token, such as "[MASK]"."""
        if not any(gap[-1:] in ("[", "<") for gap in text.gaps):
            return False
        reserved = self.votes.encoder.reserved or frozenset()
        return not all(reserved.isdisjoint(self.substitutes(w)) for w in text.words)

    @staticmethod
    def _names_may_change(options: Sequence[Options], names: bool) -> bool:
        """Whether capitals may become names, or no longer be."""
        capitals = [sum(o.capitals[k] for o in options) for k in (0, 1)]
        words = [sum(o.words[k] for o in options) for k in (0, 1)]
        if names:
            return capitals[1] > 0 and not names_count(capitals[1], words[0])
        return names_count(capitals[0], words[1])


class Joined:
    """The worst text, words that a reader may join among them."""

    def __init__(
        self, votes: StringVotes, joins: Joins, text: Seen, options: Sequence[Options]
    ) -> None:
        self.votes, self.joins, self.text, self.options = votes, joins, text, options
        self.gaps = text.words.gaps
        self.over = [gap in JOINTS for gap in self.gaps]  # whether words may be joined over it
        self.over[:1] = self.over[-1:] = [False]

    def right(self, label: int, n: int) -> bool:
        """Whether the label wins whichever n words change and however words are joined."""
        if self._in_parts():
            return False
        loss = self.text.gaps(label)  # what is gone of each word
        # Of the words so far, (n + 1, C): by how many of them have changed at most.
        worst = [np.zeros((n + 1, len(self.text.total)))]
        ends: dict[int, list[tuple[int, np.ndarray]]] = {}
        size = 0
        for start, end, words in self._blocks():
            if not words:
                return False
            self.votes.learn(words)
            size += max(map(self.votes.size, words))
            marks = sum(self._mark(label, i) for i in range(start + 1, end))
            joined = self.votes.differences(words)[label] + marks
            ends.setdefault(end, []).append((start, loss[start:end].sum(0) + joined))
        for i, one in enumerate(self.options, start=1):
            most = worst[-1].copy()
            changed = (loss[i - 1] + one.most[label]).clip(0)
            np.maximum(most[1:], worst[-1][:-1] + changed, out=most[1:])
            for start, joined in ends.get(i, ()):  # of which at least one has changed
                np.maximum(most[1:], worst[start][:-1] + joined, out=most[1:])
            worst.append(most)
        return size <= self._spare() and self.text.right(label, worst[-1][n])

    def possible(self) -> bool:
        """Whether any words may be joined."""
        return self._in_parts() or any(True for _ in self._blocks())

    def _mark(self, label: int, i: int) -> np.ndarray:
        """What is gone with gap i, (C,)."""
        vote = self.votes.of(self.gaps[i])
        found: np.ndarray = vote[label] - vote
        return found

    def _spare(self) -> int:
        own = (self.votes.size(a.read) for a in self.text.apart)
        grown = (o.size - n for o, n in zip(self.options, own, strict=True))
        return self.text.spare - sum(max(0, n) for n in grown)

    def _blocks(self) -> Iterator[tuple[int, int, list[str]]]:
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

    def _in_parts(self) -> bool:
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
