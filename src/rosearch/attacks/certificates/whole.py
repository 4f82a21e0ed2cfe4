"""Whether a reader may take a text for one that is disguised as a whole, whatever its words become.

It looks at a text so if fewer than half of its words are known (`Reader.weight`), and reads it in
another way only if three quarters are known then. Reading digits, signs and foreign letters makes
known what has them, numbers among it, and nothing else. If these are o of w words and fewer than
w / 2 are known, so are fewer than w / 2 + o then, of w - o or more that count: with o < w / 7 not
three quarters. Letters by themselves are read together from `LEAST_SPELT` on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rosearch.encodings.reader import Reader
from rosearch.encodings.reader_forms import TOKEN
from rosearch.encodings.reader_whole import LEAST_SPELT


class Share(NamedTuple):
    """What a word of a text, or the worst of what it may become, is to a reader.

    Attributes:
        weight: see `Reader.weight`; the least.
        words: the fewest, as the reader counts.
        odd: most of these that are not letters from a to z alone.
        single: most of these that are one letter.
    """

    weight: int
    words: int
    odd: int
    single: int


ANYTHING = Share(-1, 1, 1, 1)  # one stretch of letters and digits
NOTHING = Share(0, 0, 0, 0)


def share_of(reader: Reader | None, written: Iterable[str]) -> Share:
    """The worst of several ways to write one word."""
    if reader is None:
        return NOTHING
    found = [_share(reader, TOKEN.findall(w.lower()), w.isascii()) for w in written]
    least = [min(values) for values in zip(*found, strict=True)]
    most = [max(values) for values in zip(*found, strict=True)]
    return Share(least[0], least[1], most[2], most[3])


def _share(reader: Reader, words: Sequence[str], ascii_: bool) -> Share:
    odd = sum(not w.removeprefix("'").isalpha() for w in words) if ascii_ else max(1, len(words))
    return Share(reader.weight(words), len(words), odd, sum(len(w) == 1 for w in words))


def stays_plain(own: Sequence[Share], others: Sequence[Share], n: int) -> bool:
    """Whether a text is not read as one that is disguised, whichever n of its words change.

    Args:
        others: the worst that each may become.
    """
    pairs = list(zip(own, others, strict=True))

    def least(k: int) -> int:
        lost = sorted((a[k] - b[k] for a, b in pairs), reverse=True)[:n]
        return sum(a[k] for a in own) - sum(x for x in lost if x > 0)

    def most(k: int) -> int:
        gained = sorted((b[k] - a[k] for a, b in pairs), reverse=True)[:n]
        return sum(a[k] for a in own) + sum(x for x in gained if x > 0)

    return least(0) >= 0 or (8 * most(2) < least(1) and most(3) < LEAST_SPELT)
