"""A text that is disguised as a whole: in letters of another script, in digits and signs, or letter
by letter. What a reader tells single words by, the words beside them, is missing then.

A text is looked at so only if fewer than half of its words are known, and read so only if three
quarters are then; so texts of another language stay as they are.

This file needs nothing but the standard library, so that it can travel with a saved student.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice, pairwise, product

try:
    from .reader_forms import AMBIGUOUS, MEANT, TOKEN, bare, invisible
    from .reader_joins import FREQUENT, JOINTS, SPACED, UNREAD
except ImportError:  # beside an ONNX file, in no package
    from reader_forms import (  # type: ignore[import-not-found,no-redef]
        AMBIGUOUS,
        MEANT,
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
ENOUGH = {"unicode": 0.75, "leet": 0.75, "splits": 0.5}
UNKNOWN = -5.0  # log probability of each letter of an unknown word
LEAST_SPELT = 6  # letters that stand by themselves, one after another

SIGNS = re.escape("".join(c for c in MEANT if not c.isalnum()))
# What stands for a word, its signs and apostrophes in it.
SIGNED = re.compile(rf"[{SIGNS}]*[^\W_](?:[\w{SIGNS}]|['\u2019](?=[\w{SIGNS}]))*")
SINGLE = re.compile(r"(?<![^\W_])[^\W_](?:[-._*~ ][^\W_](?![^\W_]))+")

Way = Callable[[str], str]


def share_known(text: str, known: frozenset[str]) -> float:
    """How many of the words of a text are known, but for numbers, single letters, and words with
    letters of another script left; 0 where these are most of the words."""
    words = [w for w in TOKEN.findall(text.lower()) if not w.isdecimal()]
    found, latin = sum(w in known for w in words), sum(w.isascii() and len(w) > 1 for w in words)
    return found / latin if latin and 2 * found >= len(words) else 0.0


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
        self.words, self.letters = words, letters
        self.longest = max(map(len, words), default=0)
        ways: dict[str, Way] = {
            "unicode": self._in_ascii,
            "leet": self._without_signs,
            "splits": self._together,
        }
        self.ways = {step: way for step, way in ways.items() if step in steps}

    def read(self, text: str, known: frozenset[str]) -> str:
        """A text without its disguise, or as it is.

        Args:
            known: words that count as known, lower case.
        """
        now = text
        for step, way in self.ways.items():
            new = way(now)
            if new != now and share_known(new, known) >= ENOUGH[step]:
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
        if known or word.find("'") < 1:
            return max(known)[1] if known else written
        head, _, ending = written.partition("'")
        return self._meant(head) + self._meant("'" + ending)

    def _together(self, text: str) -> str:
        """With words instead of letters that stand by themselves."""
        return SINGLE.sub(lambda found: self._spelt(found[0]), text)

    def _spelt(self, written: str) -> str:
        letters = written[::2]
        if len(letters) < LEAST_SPELT or not JOINTS.issuperset(written[1::2]):
            return written
        return " ".join(self._cut(letters.lower()))

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
