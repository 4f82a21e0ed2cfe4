"""Whether a reader may take a text for one that is disguised as a whole, whatever its words become.

It looks at a text so if fewer than half of its words are known (`Reader.weight`), and reads it in
another way if enough of them are known then. Both are sums over words, so the best choice of what
they become is found word by word, by what is left of the first sum. Letters by themselves are read
together from `LEAST_SPELT` on. Whether the same marks are between most words, their gaps tell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from typing import NamedTuple, TypeAlias

from rosearch.encodings.reader import Reader
from rosearch.encodings.reader_forms import PARTS, TOKEN
from rosearch.encodings.reader_joins import GLUE
from rosearch.encodings.reader_whole import (
    ENOUGH,
    LEAST_MARKS,
    LEAST_SPELT,
    LEAST_WORDS,
    LONG,
    MOST_MARKS,
    count_known,
)

Gain: TypeAlias = tuple[float, int]  # known words less those that are needed, and known ones
# What a word may be: weight, and the most that it gains by each way of reading.
Gains: TypeAlias = tuple[tuple[int, tuple[Gain, ...]], ...]
SIGNS = re.compile(r"[@$|]|[^!]!|!{4}")  # in a gap: may be read as letters


class Share(NamedTuple):
    """What a word of a text, or any that it may become, is to a reader.

    Attributes:
        gains: the most by each way, for each weight that it may have.
        least: weight.
        single: most words of one letter, as the reader counts.
        words: most of all; 0 if it may be taken out.
        marks: most between these, where they are not spaces.
    """

    gains: Gains
    least: int
    single: int
    words: int
    marks: int


WAYS, WITHOUT_GLUE = 4, 2  # of them, and which may make one word of two; see `Whole.of_words`
KNOWN, NONE = (1 - ENOUGH, 1), (0.0, 0)  # a known word, and no word
MANY = (1e6, 1_000_000)  # known words that were written as one
ANYTHING = Share(((-1, (MANY,) * WAYS),), -1, 1, 1, 0)  # one stretch of letters and digits
NOTHING = Share(((0, (NONE,) * WAYS),), 0, 0, 0, 0)


def share_of(reader: Reader | None, written: Iterable[str], gap: str = "") -> Share:
    """Of several ways to write one word.

    Args:
        gap: after it, of which exclamation marks may be read as its letters.
    """
    if reader is None:
        return NOTHING
    marks = gap[: len(gap) - len(gap.lstrip("!"))]
    found: dict[int, tuple[Gain, ...]] = {}
    single = most = between = 0
    for one in written:
        words = TOKEN.findall(one.lower())
        single = max(single, [len(w) for w in words].count(1))
        most = max(most, len(words))
        between = max(between, sum(bool(g.strip()) for g in PARTS.split(one)[2:-1:2]))
        weight, gains = reader.weight(words), _gains(reader, one + marks)
        found[weight] = tuple(map(_both, gains, found.get(weight, gains)))
    return Share(tuple(found.items()), min(found), single, most, between)


def _both(a: Gain, b: Gain) -> Gain:
    """No less than either."""
    return max(a[0], b[0]), max(a[1], b[1])


def _gains(reader: Reader, written: str) -> tuple[Gain, ...]:
    if written.isascii() and written.isalpha() and len(written) < LONG:
        known = int(written.lower() in reader.counted)
        return ((known - ENOUGH * (len(written) > 1), known),) * WAYS
    counts = [count_known(new, reader.counted) for new in reader.whole.of_words(written)]
    return tuple((known - ENOUGH * counted, known) for known, counted, _ in counts)


def stays_plain(
    own: Sequence[Share], others: Sequence[Share], n: int, gaps: Sequence[str] = ()
) -> bool:
    """Whether a text is not read as one that is disguised, whichever n of its words change.

    Args:
        others: what each may become.
        gaps: before, between and after its words.
    """
    pairs = list(zip(own, others, strict=True))
    if _may_be_parted(pairs, n, gaps[1:-1]):
        return False
    if sum(a.least for a in own) >= _largest((a.least - b.least for a, b in pairs), n):
        return True
    if any(map(SIGNS.search, gaps)):
        return False
    more = _largest((b.single - a.single for a, b in pairs), n)
    if sum(a.single for a in own) + more >= LEAST_SPELT:
        return False
    glued = {i + k for i, gap in enumerate(gaps) if gap in GLUE for k in (-1, 0)}
    n = min(n, len(pairs))
    best = (_most(pairs, n, way, glued if way == WITHOUT_GLUE else ()) for way in range(WAYS))
    return all(gain < 0 or known < LEAST_WORDS for gain, known in best)


def _largest(values: Iterable[int], n: int) -> int:
    """Sum of the n largest that are above 0."""
    return sum(x for x in sorted(values, reverse=True)[:n] if x > 0)


def _may_be_parted(pairs: Sequence[tuple[Share, Share]], n: int, gaps: Sequence[str]) -> bool:
    """Whether marks may be taken for spaces: those of a word with several parts among them, and a
    gap more for each word that is taken out."""
    found = Counter(gap for gap in gaps if gap.strip())
    gone = min(n, sum(b.words == 0 for _, b in pairs))
    more = sum(max(a.marks, b.marks) for a, b in pairs) + gone
    marks = max(found.values(), default=0) + more
    return marks >= LEAST_MARKS and marks > MOST_MARKS * (len(gaps) - gone)


def _most(pairs: Sequence[tuple[Share, Share]], n: int, way: int, glued: Collection[int]) -> Gain:
    """The most that is gained by one way, over all texts of a weight below 0.

    Args:
        glued: words that may become one known word with those beside them.
    """
    best = {(0, 0): NONE}  # words that have changed, and weight so far -> gain
    for i, (own, other) in enumerate(pairs):
        new: dict[tuple[int, int], Gain] = {}
        for (changed, weight), gain in best.items():
            for share, more in ((own, 0), (other, 1)):
                for w, gains in share.gains if changed + more <= n else ():
                    key = changed + more, weight + w
                    one = _both(gains[way], KNOWN) if i in glued else gains[way]
                    value = gain[0] + one[0], gain[1] + one[1]
                    new[key] = _both(value, new.get(key, value))
        best = new
    return reduce(_both, (gain for (_, weight), gain in best.items() if weight < 0), (-1.0, 0))
