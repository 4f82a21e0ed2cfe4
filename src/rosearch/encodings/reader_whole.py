"""A text that is disguised as a whole: in letters of another script, in digits and signs, letter by
letter, without spaces, or with a mark instead. What a reader tells single words by, the words
beside them, is missing then.

A text is looked at so only if fewer than half of its words are known, and read so only if three
quarters are then; so texts of another language stay as they are. Marks instead of spaces are told
by being the same between most words.

This file needs nothing but the standard library, so that it can travel with a saved student.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise, product
from operator import itemgetter

try:
    from .reader_forms import AMBIGUOUS, MEANT, PARTS, TOKEN, bare, invisible
    from .reader_joins import FREQUENT, JOINTS, SPACED, UNREAD
except ImportError:  # beside an ONNX file, in no package
    from reader_forms import (  # type: ignore[import-not-found,no-redef]
        AMBIGUOUS,
        MEANT,
        PARTS,
        TOKEN,
        bare,
        invisible,
    )
    from reader_joins import (  # type: ignore[import-not-found,no-redef]
        FREQUENT,
        JOINTS,
        SPACED,
        UNREAD,
    )

# Share of the words that has to be known for a text to be read otherwise. Nobody writes many
# letters by themselves, so of these fewer are enough.
ENOUGH, ENOUGH_SPELT = 0.75, 0.5
UNKNOWN = -5.0  # log probability of each letter of an unknown word
LEAST_WORDS = 4  # known ones of a text that may be disguised: of fewer nothing is told
LEAST_MARKS, MOST_MARKS = 5, 0.6  # marks between words, and share of gaps from which on they part
LONG = 12  # letters of an unknown word that may be several
LEAST_SPELT = 6  # letters that stand by themselves, one after another

# What may stand for a word, signs and apostrophes in it.
SIGNED = re.compile(r"(?<![\w@$!|])[^\W_@$!|]*[\d@$!|](?:[\w@$!|]|['\u2019](?=[\w@$!|]))*")
GLUE_INSIDE = re.compile(r"(?<=[^\W_])[-._*~](?=[^\W_])")
SINGLE = re.compile(r"(?<![^\W_])[^\W_](?:[-._*~ ][^\W_](?![^\W_]))+")

RUN = re.compile(rf"[^\W\d_]{{{LONG},}}")
LISTED = re.compile(r"[,.;:!?\u2026]+\s")

Way = Callable[[str], str]


def count_known(text: str, known: frozenset[str]) -> tuple[int, int, int]:
    """How many words of a text are known, of how many that count, and how many there are, numbers
    left out. Single letters do not count, nor do words with letters of another script."""
    words = [w for w in TOKEN.findall(text.lower()) if not w.isdecimal()]
    counted = sum(w.isascii() and len(w) > 1 for w in words)
    return sum(w in known and w.isascii() for w in words), counted, len(words)


def share_known(text: str, known: frozenset[str]) -> float:
    """How many of the words that count are known; 0 if few are, or most words do not count."""
    found, counted, words = count_known(text, known)
    return found / counted if found >= LEAST_WORDS and 2 * found >= words else 0.0


def marks_of(text: str, words: Sequence[str]) -> float:
    """Marks of a text beyond those that it may have without being looked at by `spaced`.

    Args:
        words: of it, as `TOKEN` finds them.
    """
    return len(text) - sum(map(len, words)) - text.count(" ") - MOST_MARKS * len(words)


def spaced(text: str) -> str:
    """A text with spaces where the same marks are between most of its words, but for lists."""
    parts = PARTS.split(text)
    gaps = [gap for gap in parts[2:-1:2] if gap]
    mark, n = max(
        Counter(g for g in gaps if g.strip() and not LISTED.match(g)).items(),
        key=itemgetter(1),
        default=("", 0),
    )
    if n < LEAST_MARKS or n <= MOST_MARKS * len(gaps):
        return text
    parts[2:-1:2] = [" " if gap == mark else gap for gap in parts[2:-1:2]]
    return "".join(parts)


class Whole:
    """What may be undone of a whole text.

    Args:
        words: known ones, lower case -> log probability.
        letters: code of a letter of another script -> the ASCII letter that it looks like.
        steps: that are taken, see `rosearch.encodings.reader.STEPS`.
    """

    def __init__(
        self, words: Mapping[str, float], letters: Mapping[int, str], steps: Iterable[str]
    ) -> None:
        self.words, self.letters, self.steps = words, letters, frozenset(steps)
        self.longest = max(map(len, words), default=1)
        ways: list[tuple[str, float, Way]] = [
            ("unicode", ENOUGH, self._in_ascii),
            ("leet", ENOUGH, self._without_signs),
            ("splits", ENOUGH, self._without_glue),
            ("splits", ENOUGH_SPELT, self._together),
            ("splits", ENOUGH, self._apart),
        ]
        self.ways = [way for way in ways if way[0] in self.steps]

    def of_words(self, text: str) -> tuple[str, str, str, str]:
        """A text as the ways read it that look at one word after another, whether they are taken or
        not: in ASCII letters; that, without signs; or without joints inside words; or apart."""
        plain = self._in_ascii(text) if "unicode" in self.steps else text
        ways = self._without_signs, self._without_glue, self._apart
        return plain, *(way(plain) for way in ways)  # type: ignore[return-value]

    def read(self, text: str, known: frozenset[str]) -> str:
        """A text without its disguise, or as it is.

        Args:
            known: words that count as known, lower case.
        """
        now = text
        for step, enough, way in self.ways:
            new = way(now)
            if new != now and share_known(new, known) >= enough:
                return new
            if step == "unicode":
                now = new  # signs may stand beside letters of another script
        return text

    def _in_ascii(self, text: str) -> str:
        """In ASCII letters, without marks and what shows nothing."""
        if text.isascii():
            return text
        return bare("".join(c for c in text if not invisible(c))).translate(self.letters)

    def _without_signs(self, text: str) -> str:
        return SIGNED.sub(lambda found: self._meant(found[0]), text)

    def _meant(self, written: str) -> str:
        """The known word that digits and signs stand for."""
        word = written.lower()
        if len(word) > self.longest or (word in self.words and not word.isdecimal()):
            return written
        readings = islice(product(*(MEANT.get(c, c) for c in word)), AMBIGUOUS)
        known = [(self.words[w], w) for w in map("".join, readings) if w in self.words]
        if known:
            return max(known)[1]
        if word[-1] == "!" and len(word) > 1:
            return self._meant(written[:-1]) + "!"
        head, apostrophe, ending = written.partition("'")
        return self._meant(head) + self._meant("'" + ending) if head and apostrophe else written

    def _without_glue(self, text: str) -> str:
        """Without hyphens, dots and the like inside words."""
        return GLUE_INSIDE.sub("", text)

    def _together(self, text: str) -> str:
        """With words instead of letters that stand by themselves."""
        return SINGLE.sub(lambda found: self._spelt(found[0]), text)

    def _spelt(self, written: str) -> str:
        letters = written[::2]
        if len(letters) < LEAST_SPELT or not JOINTS.issuperset(written[1::2]):
            return written
        return " ".join(self._cut(letters.lower()))

    def _apart(self, text: str) -> str:
        """With spaces between words that are written as one."""
        return RUN.sub(lambda found: self._parted(found[0]), text)

    def _parted(self, written: str) -> str:
        word = written.lower()
        return written if word in self.words else " ".join(self._cut(word))

    def _cut(self, letters: str) -> list[str]:
        """The likeliest words and numbers that letters and digits are, one after another."""
        best: list[tuple[float, int]] = [(0.0, 0)]  # of the letters so far, and where they are cut
        for end in range(1, len(letters) + 1):
            best.append(max(self._ends(letters, best, end)))
        cuts = [len(letters)]
        while cuts[-1]:
            cuts.append(best[cuts[-1]][1])
        return [letters[a:b] for a, b in pairwise(reversed(cuts))]

    def _ends(
        self, letters: str, best: list[tuple[float, int]], end: int
    ) -> Iterator[tuple[float, int]]:
        for start in range(max(0, end - self.longest), end):
            yield best[start][0] + self._likely(letters[start:end]) - SPACED, start

    def _likely(self, word: str) -> float:
        """Log probability of a word, a number, or something unknown, short ones if frequent."""
        found = FREQUENT if word.isdecimal() else self.words.get(word, UNREAD)
        rare = len(word) < 3 and found < FREQUENT
        return UNREAD + len(word) * UNKNOWN if rare or found == UNREAD else found
