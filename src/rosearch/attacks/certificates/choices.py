"""Any choice of what each word becomes: the worst text that a student could be made to read.

Which neighbours are joined depends on what they become, so the worst text is found from left to
right: up to each word, the worst of all ways to read the words one by one or joined. No text is
read in a worse way; where nothing can be joined, one is read in just that way.

Shapes: W words, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from rosearch.attacks.certificates.joined import Joined, names_may_change
from rosearch.attacks.certificates.options import Offered, Substitutes, offered
from rosearch.attacks.certificates.seen import Place, Seen, isolated
from rosearch.attacks.certificates.votes import StringVotes
from rosearch.attacks.certificates.whole import stays_plain


class Worst(NamedTuple):
    """Of what a word may become.

    Attributes:
        most: (y, c), the most that one says for c rather than y, (C, C).
        size: most tokens that one has.
    """

    most: np.ndarray
    size: int


class Choices:
    """What stays right whatever each word becomes.

    Args:
        likely: few of the substitutes, which tell quickly that most texts can be broken.
    """

    def __init__(
        self, votes: StringVotes, substitutes: Substitutes, likely: Substitutes | None = None
    ) -> None:
        self.votes = votes
        self.offered = offered(votes.reader, substitutes)
        self.likely = None if likely is None else offered(votes.reader, likely)
        self.found: dict[tuple[Offered, str, Place, bool], Worst] = {}

    def outlasting(self, texts: Sequence[tuple[Seen, int]]) -> int:
        """How many of several texts, with their labels, stay right."""
        return sum(self.outlasted(*pair) for pair in texts)

    def outlasted(self, text: Seen, label: int, n: int | None = None) -> bool:
        """Whether a text stays right whatever substitutes n of its words take, or all of them."""
        n = len(text.apart) if n is None else min(n, len(text.apart))
        if not text.right(label):
            return False
        if self.likely and self._worst(self.likely, text, label, n, text.names, True) is None:
            return False
        ways = list(ways_of(text, self.offered, self.votes, n))
        return bool(ways) and all(self._outlasts(text, label, n, *way) for way in ways)

    def _outlasts(self, text: Seen, label: int, n: int, names: bool, latin: bool) -> bool:
        worst, joins = self._worst(self.offered, text, label, n, names, latin), self.offered.joins
        if worst is None or joins is None:
            return worst is not None
        pairs = zip(text.words.words, text.placed(names), strict=True)
        options = [self.offered.of(w, place, latin) for w, place in pairs]
        if names_may_change(options, names):
            return False
        return self._right(text, label, n, worst, Joined(joins, text.words.gaps, options))

    def _worst(
        self, offered: Offered, text: Seen, label: int, n: int, names: bool, latin: bool
    ) -> list[Worst] | None:
        """Of each word; None as soon as the worst of them, read one by one, win."""
        found: list[Worst] = []
        losses, spare = np.zeros((0, len(text.total))), text.spare
        for word, place, own, gap in zip(
            text.words.words, text.placed(names), text.apart, text.gaps(label), strict=True
        ):
            worst = self._of(offered, word, place, latin)
            loss = (gap + worst.most[label]).clip(0)
            losses = np.sort(np.vstack([losses, loss]), 0)[-n:] if n else losses
            spare -= max(0, worst.size - self.votes.size(own.read))
            if spare < 0 or not text.right(label, losses.sum(0)):
                return None
            found.append(worst)
        return found

    def _of(self, offered: Offered, word: str, place: Place, latin: bool) -> Worst:
        key = offered, word, place, latin
        if key not in self.found:
            read = offered.read(word, place, latin)
            most = self.votes.differences(read)
            self.found[key] = Worst(most, max(map(self.votes.size, read)))
        return self.found[key]

    def _right(
        self, text: Seen, label: int, n: int, worst: Sequence[Worst], joined: Joined
    ) -> bool:
        """Whether the label wins whichever n words change and however words are joined."""
        if joined.in_parts():
            return False
        loss = text.gaps(label)  # what is gone of each word
        # Of the words so far, (n + 1, C): by how many of them have changed at most.
        lost = [np.zeros((n + 1, len(text.total)))]
        ends: dict[int, list[tuple[int, np.ndarray]]] = {}
        size = 0
        for start, end, words in joined.blocks():
            if not words:
                return False
            gained = self.votes.differences(words)[label]
            size += max(map(self.votes.size, words))
            marks = sum(self._mark(text, label, i) for i in range(start + 1, end))
            ends.setdefault(end, []).append((start, loss[start:end].sum(0) + gained + marks))
        for i, one in enumerate(worst, start=1):
            most = lost[-1].copy()
            changed = (loss[i - 1] + one.most[label]).clip(0)
            np.maximum(most[1:], lost[-1][:-1] + changed, out=most[1:])
            for start, by_joining in ends.get(i, ()):  # of which at least one has changed
                np.maximum(most[1:], lost[start][:-1] + by_joining, out=most[1:])
            lost.append(most)
        return size <= self._spare(text, worst) and text.right(label, lost[-1][n])

    def _mark(self, text: Seen, label: int, i: int) -> np.ndarray:
        """What is gone with gap i, (C,)."""
        vote = self.votes.of(text.words.gaps[i])
        found: np.ndarray = vote[label] - vote
        return found

    def _spare(self, text: Seen, worst: Sequence[Worst]) -> int:
        own = (self.votes.size(a.read) for a in text.apart)
        grown = (one.size - n for one, n in zip(worst, own, strict=True))
        return text.spare - sum(max(0, n) for n in grown)


def ways_of(
    text: Seen, offered: Offered, votes: StringVotes, n: int
) -> Iterator[tuple[bool, bool]]:
    """Whether capitals are names, and whether a text is in Latin letters, whatever n of its words
    become; nothing where that cannot be told."""
    words = text.words
    if offered.reader is None:
        brackets = any(gap[-1:] in ("[", "<") for gap in words.gaps)
        reserved = votes.encoder.reserved or frozenset()
        # Or one of them may become a special token, such as "[MASK]".
        if not brackets or all(reserved.isdisjoint(offered.written(w)) for w in words.words):
            yield False, True
    elif not stays_plain(text.shares, offered.shares(words), n, words.gaps):
        return
    elif all(map(offered.all_plain, words.words)):
        yield text.names, True
    elif all(
        isolated(words, i, offered.written(w), offered.reader) for i, w in enumerate(words.words)
    ):
        yield from ((text.names, True), (text.names, False))
