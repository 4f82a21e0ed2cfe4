"""The known word that an unknown one most likely is a misspelling of.

This file needs nothing but the standard library, so that it can travel with a saved student.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

# What an edit costs, in units of log probability. A word of seven letters can lose one of them in
# 7 ways and have two swapped in 6; to add or to change one there are 25 times as many. So of the
# four kinds, equally likely (Kernighan, Church and Gale 1990), a single edit of the latter two is
# less likely by the log of that.
LOST = 3.5  # a letter left out, or two neighbours swapped: log(4 * 7)
MADE = 6.5  # a letter added or changed: log(4 * 7 * 25)
AGAIN = 3.0  # what each edit after the first one costs more: few words are misspelt twice
FIRST = 1.0  # what it costs more to change the first letter

FEW = 64  # words that are looked at one by one
PREFIX = 7  # letters of a word that its forms are made of
HASH_BITS, GROUP_BITS, START_BITS = 44, 20, 14
HASH, GROUP = 2**HASH_BITS - 1, 2**GROUP_BITS - 1


class Nearest:
    """A function from an unknown word to the known one, by its log probability less the edits.

    Words within two edits have a form in common that each gets by losing at most two of its first
    letters (SymSpell, Garbe 2012). The tables of these forms are made when first asked for.

    Args:
        prior: known words -> log probability.
    """

    def __init__(self, prior: Mapping[str, float]) -> None:
        self.prior = prior

    def __getstate__(self) -> dict[str, object]:
        return {"prior": self.prior}  # hashes of strings hold in one process only

    @cached_property
    def words(self) -> list[str]:
        """Those that may be found, the likeliest first."""
        found = (w for w in self.prior if w[1:].replace("'", "").isalpha() and w[0].isalpha())
        return sorted(found, key=lambda word: (-self.prior[word], word))

    @cached_property
    def unlikely(self) -> list[float]:
        """Log probabilities of the words with a minus before them, rising."""
        return [-self.prior[word] for word in self.words]

    @cached_property
    def tables(self) -> tuple[Table, Table]:
        """Forms that have lost at most one letter, and two."""
        return Table(self.words, one_lost), Table(self.words, two_lost)

    def __call__(self, word: str, name: bool = False) -> tuple[float, str] | None:
        """Score and word; None if none is within `most_edits`."""
        limit = most_edits(word, name)
        if not limit or not self.words:
            return None
        one, two = self.tables
        letters = word[:PREFIX]
        found = one.places(one_lost(letters), len(self.words))
        best = self._best(word, sorted(found), 1, (-math.inf, ""))
        # Words that would still be likelier after two edits.
        count = bisect_left(self.unlikely, -best[0] - 2 * LOST - AGAIN)
        if limit > 1 and count:
            far: Iterable[int] = range(count)
            if count > FEW:
                shorter = two_lost(letters)
                far = one.places(shorter, count) | two.places([*one_lost(letters), *shorter], count)
            best = self._best(word, sorted(far), limit, best)
        return best if best[1] else None

    def _best(
        self, word: str, places: Iterable[int], limit: int, best: tuple[float, str]
    ) -> tuple[float, str]:
        """The best of the words at these places and of one that was found before."""
        words, unlikely, least = self.words, self.unlikely, LEAST[limit]
        shortest, longest, first = len(word) - limit, len(word) + limit, word[0]
        for place in places:
            other = words[place]
            if not shortest <= len(other) <= longest:
                continue
            if -unlikely[place] - least[len(other) - len(word)] < best[0]:
                continue
            cost = cost_between(other, word, limit) + FIRST * (first != other[0])
            found = (-unlikely[place] - cost, other)
            if found > best and cost < math.inf:
                best = found
        return best


def most_edits(word: str, name: bool = False) -> int:
    """After how many edits a word is still read: none of fewer than three letters, and of names,
    which are often unknown and rightly written, one of five letters or more."""
    if name:
        return 1 if len(word) > 4 else 0
    return 0 if len(word) < 3 else 1 if len(word) < 5 else 2


class Table:
    """Where the words stand of which one form is known: what is left of their first letters.

    Args:
        words: the likeliest first.
        forms: of the first letters of a word.
    """

    def __init__(self, words: Sequence[str], forms: Callable[[str], Sequence[str]]) -> None:
        groups = defaultdict(list)
        for place, word in enumerate(words):
            groups[word[:PREFIX]].append(place)
        self.found = list(groups.values())
        coded = [
            (hash(form) & HASH) << GROUP_BITS | group
            for group, letters in enumerate(groups)
            for form in forms(letters)
        ]
        shift = GROUP_BITS + HASH_BITS - max(8, (2 * len(coded)).bit_length())
        # Of the hashes that begin alike, how likely the likeliest word is: see `level`.
        self.likely = bytearray(2 ** (GROUP_BITS + HASH_BITS - shift))
        levels = [level(places[0]) for places in self.found]
        for code in reversed(coded):
            self.likely[code >> shift] = levels[code & GROUP]
        self.shift = shift - GROUP_BITS
        coded.sort()
        self.codes = array("Q", coded)
        firsts = range(
            0, 2 ** (HASH_BITS + GROUP_BITS) + 1, 2 ** (HASH_BITS + GROUP_BITS - START_BITS)
        )
        self.starts = array("I", [bisect_left(self.codes, first) for first in firsts])

    def places(self, wanted: Iterable[str], count: int) -> set[int]:
        """Of those of the likeliest `count` words that have one of these forms."""
        likely, shift, codes, least = self.likely, self.shift, self.codes, level(count - 1)
        starts = self.starts
        groups = set()
        for code in [c for form in wanted if likely[(c := hash(form) & HASH) >> shift] >= least]:
            bucket = code >> HASH_BITS - START_BITS
            at = bisect_left(codes, code << GROUP_BITS, starts[bucket], starts[bucket + 1])
            while at < len(codes) and codes[at] >> GROUP_BITS == code:
                groups.add(codes[at] & GROUP)
                at += 1
        return {place for group in groups for place in self.found[group] if place < count}


def level(place: int) -> int:
    """1 to 64, higher for the place of a likelier word, by powers of two."""
    return 64 - place.bit_length()


def one_lost(letters: str) -> list[str]:
    """The letters, in order, with at most one of them left out."""
    if len(letters) < 2:
        return [letters]
    return [letters, *[letters[:i] + letters[i + 1 :] for i in range(len(letters))]]


def two_lost(letters: str) -> list[str]:
    """The letters, in order, with two of them left out; nothing of two letters."""
    n = len(letters)
    pairs = enumerate(one_lost(letters)[1:]) if n > 2 else ()
    return [one[:j] + one[j + 1 :] for i, one in pairs for j in range(i, n - 1)]


def cost_between(known: str, typed: str, limit: int) -> float:
    """Least cost of the edits that make one word of the other; infinite if more than `limit`.

    Letters left out, added and changed, neighbours swapped; no place is edited twice (optimal
    string alignment).
    """
    start, n, m = 0, len(known), len(typed)
    while start < n and start < m and known[start] == typed[start]:
        start += 1
    while n > start and m > start and known[n - 1] == typed[m - 1]:
        n, m = n - 1, m - 1
    if n == start or m == start:
        edits = n + m - 2 * start
        cost = LOST * (n - start) + MADE * (m - start) + AGAIN * max(0, edits - 1)
        return cost if edits <= limit else math.inf
    if limit < 2 or abs(n - m) > limit:
        if n - start == m - start == 1 and limit:
            return MADE
        swapped = n - start == m - start == 2 and limit and known[start] == typed[start + 1]
        return LOST if swapped and known[start + 1] == typed[start] else math.inf
    a, b = known[start:n], typed[start:m]
    rests = [(MADE, a[1:], b[1:]), (LOST, a[1:], b), (MADE, a, b[1:])]
    if a[:2] == b[1::-1]:
        rests.append((LOST, a[2:], b[2:]))
    costs = [(cost, cost_between(x, y, limit - 1)) for cost, x, y in rests]
    return min(cost + rest + AGAIN * (rest > 0) for cost, rest in costs)


def _least(limit: int) -> dict[int, float]:
    """Letters that a known word has more -> least cost of two edits or more, of one if `limit` is
    1, that make that difference."""
    fewest = min(limit, 2)
    again = AGAIN * (fewest - 1)
    return {
        d: again + (LOST * max(d, fewest) if d >= 0 else LOST * max(0, fewest + d) - MADE * d)
        for d in range(-limit, limit + 1)
    }


LEAST = {limit: _least(limit) for limit in (1, 2, 3)}
