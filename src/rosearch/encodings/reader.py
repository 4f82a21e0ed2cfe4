"""How a student reads a text before its tokens: unknown words as the known words they stand for.

This file and those it imports need nothing but the standard library, so that they can travel with a
saved student; beside them lies `reader.json`, with the words that are known. Known words are never
changed, and a word keeps its case.

A reading is the likeliest known word: its log probability less a cost for each edit (the noisy
channel of Kernighan, Church and Gale 1990).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import NamedTuple

try:
    from .reader_forms import (
        MIXED,
        PARTS,
        SIGNS,
        TOKEN,
        WORD,
        by_level,
        folded,
        from_levels,
        like,
        meant,
        squeezed,
    )
    from .reader_index import Nearest
    from .reader_joins import FREQUENT, RESPELT, SPACED, UNREAD, Joins, Known
    from .reader_whole import Whole, marks_of, spaced
except ImportError:  # beside an ONNX file, in no package
    from reader_forms import (  # type: ignore[import-not-found,no-redef]
        MIXED,
        PARTS,
        SIGNS,
        TOKEN,
        WORD,
        by_level,
        folded,
        from_levels,
        like,
        meant,
        squeezed,
    )
    from reader_index import Nearest  # type: ignore[import-not-found,no-redef]
    from reader_joins import (  # type: ignore[import-not-found,no-redef]
        FREQUENT,
        RESPELT,
        SPACED,
        UNREAD,
        Joins,
        Known,
    )
    from reader_whole import Whole, marks_of, spaced  # type: ignore[import-not-found,no-redef]

FILE = "reader.json"
# Of the rules; 1, which files do not state, had all edits cost the same, 2 parted no short words
# and looked at no whole texts.
VERSION = 3
STEPS = ("unicode", "repeats", "leet", "splits", "dictionary")

REMEMBERED = 200_000  # readings of words that are kept
STRETCHES = 20_000  # stretches of text whose readings are kept
SHORT = 400  # letters up to which a text is one stretch

GLUED = re.compile(r"[-._*~](?<=[^\W_].)(?=[^\W_])")
ANY_SIGN = re.compile(r"[@$!|+(\u20ac\u00a3]")
FOREIGN = re.compile(r"[^\x00-\x7f]")
NO_LETTERS = bytes(c for c in range(128) if not chr(c).isalpha())
SENTENCE_END = re.compile(r"[.!?:\"\n]")
# Between a mark with a space after it and what follows: no word is joined across such a gap.
APART = re.compile(r"(?<=[.,;:!?]\s)(?=\S)")

Change = tuple[str, str]  # what is written, and what it is read as


def cut(text: str) -> list[str]:
    """A text in stretches that can be read, and encoded, one by one."""
    return APART.split(text) if len(text) > SHORT else [text]


class Stretch(NamedTuple):
    """A part of a text between marks, in plain letters.

    Attributes:
        sure: whether it is read as it stands.
        capitals: how many of its words have a capital first letter.
        weight, marks: see `Reader.weight` and `marks_of`, of the part as it is written.
        opens: whether what stands before its first word ends a sentence; of no word, all of it.
        closes: whether what stands after its last word does.
    """

    text: str
    changes: tuple[Change, ...]
    sure: bool
    words: int
    capitals: int
    weight: int
    marks: float
    opens: bool
    closes: bool


class Reader:
    """A function from a text to the text that a student is given.

    Args:
        words: known words and endings, lower case -> log probability.
        pieces: further known words that may be a part of one which was split: "b", "ex", "gor".
        apart: stretches of text that stay as they are, such as "p o w" of "P.O.W."; see `as_known`.
        look_alikes: ASCII letter -> letters of other scripts that look like it.
        steps: which of `STEPS` are taken.
    """

    def __init__(
        self,
        words: Mapping[str, float],
        pieces: Mapping[str, float],
        apart: Iterable[str],
        look_alikes: Mapping[str, str],
        steps: Iterable[str] = STEPS,
    ) -> None:
        self.words, self.pieces, self.look_alikes = words, pieces, look_alikes
        self.steps = frozenset(steps)
        self.prior = {**pieces, **words}
        longest = max(map(len, self.prior), default=0)
        self.known = Known(self.prior, frozenset(words), frozenset(apart), longest)
        self.letters = str.maketrans({c: a for a, many in look_alikes.items() for c in many})
        self.nearest = Nearest(self.prior)
        # What an unknown word may be two of: known words, short ones only if they are frequent.
        self.halves = frozenset(w for w, p in words.items() if len(w) > 2 or p >= FREQUENT)
        self.counted = frozenset(w for w in words if len(w) > 1)  # as known, in a whole text
        self.whole = Whole(words, self.letters, self.steps)
        self.found: dict[tuple[str, bool], tuple[str, float]] = {}
        self.forget()

    def forget(self) -> None:
        """Begin anew with what is remembered of texts; readings of words are kept."""
        self.plain: dict[tuple[str, bool], Stretch] = {}
        self.readings: dict[tuple[str, bool, bool], tuple[str, tuple[Change, ...]]] = {}

    def taking(self, steps: Iterable[str]) -> Reader:
        """The same with other steps; what was prepared serves both."""
        other = copy(self)
        other.steps, other.found = frozenset(steps), {}
        other.whole = Whole(self.words, self.letters, other.steps)
        other.forget()
        return other

    def by_words(self) -> Reader:
        """The same without a look at whole texts."""
        other = copy(self)
        other.whole = Whole({}, {}, ())
        other.forget()
        return other

    def leaving(self, apart: Iterable[str]) -> Reader:
        """The same with other stretches that stay as they are; readings of words serve both."""
        other = copy(self)
        other.known = self.known._replace(apart=frozenset(apart))
        other.forget()
        return other

    def __call__(self, text: str) -> str:
        """The text as a student reads it."""
        return "".join(self.stretches(text))

    def explain(self, text: str) -> list[Change]:
        """What is written otherwise than it is read, and what it is read as."""
        found: list[Change] = []
        self.stretches(text, found)
        return found

    def stretches(self, text: str, changes: list[Change] | None = None) -> list[str]:
        """The text as a student reads it, in stretches; what was changed is added to `changes`.

        A short text is one. Each of a long text is read but once, so that it is read in no time
        after one word changed. Of the whole text it matters only whether it is in Latin letters and
        whether capitals are names.
        """
        if len(text) <= SHORT:
            return [self._short(text, [] if changes is None else changes)]
        latin = text.isascii() or mostly_latin(text)
        parts = [self._plain(part, latin) for part in APART.split(text)]
        new = self._undisguised(text, sum(p.marks for p in parts), sum(p.weight for p in parts))
        if new != text:
            if changes is not None:
                changes.append((text, new))
            return self.stretches(new, changes)
        named = names_count(sum(p.capitals for p in parts), sum(p.words for p in parts))
        found, inside = [], False
        for part in parts:
            inside = inside and not part.opens
            corrections: tuple[Change, ...] = ()
            read = part.text
            if not part.sure:
                read, corrections = self._read(part.text, named and part.capitals > 0, inside)
            found.append(read)
            if changes is not None:
                changes += (*part.changes, *corrections)
            if part.words:
                inside = not part.closes
        return found

    def _short(self, text: str, changes: list[Change]) -> str:
        """A text as it is read, of which nothing is remembered but its words."""
        words = TOKEN.findall(text.lower())
        weight = 0 if self.counted.issuperset(words) else self.weight(words)
        new = self._undisguised(text, marks_of(text, words), weight)
        if new != text:
            changes.append((text, new))
            text, words = new, TOKEN.findall(new.lower())
        spelt = self.spelt(text, changes)
        if self._sure(spelt, words if spelt is text else TOKEN.findall(spelt.lower())):
            return spelt
        text = spelt
        parts = PARTS.split(text)
        named = names_count(sum(w[0].isupper() for w in parts[1::2]), len(parts) // 2)
        return "".join(self.corrected(parts, self.names(parts, named), changes))

    def weight(self, words: Iterable[str]) -> int:
        """How many of some words, in small letters, are known, less unknown and single letters;
        numbers count for neither. A text of less than 0 is looked at as a whole: it may be
        disguised."""
        return sum(1 if w in self.counted else -1 for w in words if not w.isdecimal())

    def _sure(self, text: str, words: Iterable[str]) -> bool:
        """Whether a text in plain letters, of these words, is read as it stands."""
        return self.known.sure.issuperset(words) and not GLUED.search(text)

    def _undisguised(self, text: str, marks: float, weight: int) -> str:
        """A text without what disguises it as a whole.

        Args:
            marks, weight: see `marks_of`, `weight`.
        """
        if marks > 0 and "splits" in self.whole.steps and (new := spaced(text)) != text:
            text, weight = new, self.weight(TOKEN.findall(new.lower()))
        return self.whole.read(text, self.counted) if weight < 0 else text

    def _plain(self, text: str, latin: bool) -> Stretch:
        """A stretch in plain letters."""
        if (text, latin) not in self.plain:
            if len(self.plain) > STRETCHES:
                self.plain.clear()
            changes: list[Change] = []
            spelt = self.spelt(text, changes, latin)
            lower = spelt.lower()
            parts = PARTS.split(lower)
            self.plain[text, latin] = Stretch(
                spelt,
                tuple(changes),
                self._sure(spelt, parts[1::2]),
                len(parts) // 2,
                sum(w[0].isupper() for w in TOKEN.findall(spelt)) if spelt != lower else 0,
                self.weight(own := TOKEN.findall(text.lower())),
                marks_of(text, own),
                *(bool(SENTENCE_END.search(gap)) for gap in (parts[0], parts[-1])),
            )
        return self.plain[text, latin]

    def _read(self, text: str, named: bool, inside: bool) -> tuple[str, tuple[Change, ...]]:
        """A stretch in plain letters as it is read, and what was corrected.

        Args:
            named: whether capitals inside a sentence are names.
            inside: whether its first word stands inside a sentence.
        """
        if (text, named, inside) not in self.readings:
            if len(self.readings) > STRETCHES:
                self.readings.clear()
            changes: list[Change] = []
            parts = PARTS.split(text)
            names = self.names(parts, named, inside)
            read = "".join(self.corrected(parts, names, changes))
            self.readings[text, named, inside] = read, tuple(changes)
        return self.readings[text, named, inside]

    def spelt(self, text: str, changes: list[Change], latin: bool | None = None) -> str:
        """The text in plain letters, before its words are looked up.

        Args:
            latin: whether it is taken for one in Latin letters; else whether most of them are.
        """
        if not text.isascii() and "unicode" in self.steps:
            text = self._folded(text, mostly_latin(text) if latin is None else latin, changes)
        if "unicode" in self.steps and MIXED.search(text):
            text = WORD.sub(lambda found: self._in_one_case(found.group(), changes), text)
        if "leet" in self.steps and ANY_SIGN.search(text):
            text = SIGNS.sub(lambda found: self._without_signs(found.group(), changes), text)
        return text

    # Unicode

    def _folded(self, text: str, latin: bool, changes: list[Change]) -> str:
        letters = self.letters if latin else {}
        chunks = re.split(r"(\s+)", text)
        for i, chunk in enumerate(chunks[::2]):
            if not chunk.isascii() and WORD.search(chunk):
                if chunk.lower() in self.known.apart:
                    continue
                new = folded(chunk, letters, self._knows, self._can_read)
                if new != chunk:
                    chunks[2 * i] = new
                    changes.append((chunk, new))
        return "".join(chunks)

    def _knows(self, text: str) -> bool:
        return all(w in self.prior or w.isdecimal() for w in WORD.findall(text.lower()))

    def _can_read(self, text: str) -> bool:
        return all(self.alone(w, False)[1] > UNREAD for w in WORD.findall(text.lower()))

    def _in_one_case(self, written: str, changes: list[Change]) -> str:
        """A known word without capitals in its middle: gOod, GOOd."""
        word = written.lower()
        if not MIXED.search(written) or word not in self.known.sure or word in self.known.apart:
            return written
        changes.append((written, like(written[:1], word)))
        return changes[-1][1]

    # Signs for letters

    def _without_signs(self, chunk: str, changes: list[Change]) -> str:
        """A stretch of letters and signs as the word that it stands for, if that is known."""
        word = chunk.lower()
        if len(WORD.findall(word)[0]) == len(chunk):
            return chunk
        known = [(self.prior[w], w) for w in meant(word, self.known.longest) if w in self.prior]
        if not known or len(chunk) < 3 or word in self.known.apart:
            return chunk
        new = like(chunk, max(known)[1])
        changes.append((chunk, new))
        return new

    # Words

    def corrected(
        self, parts: Sequence[str], names: Sequence[bool], changes: list[Change]
    ) -> list[str]:
        """Gap, word, gap, word, ..., gap: each unknown word as it is read.

        Args:
            names: which words are names.
        """
        words, gaps = parts[1::2], parts[0::2]
        lower = [w.lower() for w in words]
        joins = Joins(self.known, lower, gaps, names, self.alone)
        joined = joins.found() if "splits" in self.steps else {}
        out, free = list(parts), 0
        for i in [i for i, w in enumerate(lower) if i in joined or w not in self.prior]:
            if i < free:
                continue
            free, new = joined[i] if i in joined else (i + 1, self.alone(lower[i], names[i])[0])
            written = "".join(parts[2 * i + 1 : 2 * free])
            if new != written.lower():
                new = like("".join(words[i:free]), new)
                changes.append((written, new))
                out[2 * i + 1 : 2 * free] = [new, *[""] * (2 * (free - i - 1))]
        return out

    def names(self, parts: Sequence[str], named: bool, inside: bool = False) -> list[bool]:
        """Which words are names, as capitals inside a sentence are.

        Args:
            named: whether capitals are, in a text of this kind.
            inside: whether the first word stands inside a sentence.
        """
        words, gaps = parts[1::2], parts[2::2]
        if not named:
            return [False] * len(words)
        within = [inside, *(not SENTENCE_END.search(gap) for gap in gaps)]
        return [word[0].isupper() and there for word, there in zip(words, within, strict=False)]

    def alone(self, word: str, name: bool) -> tuple[str, float]:
        """What a word is read as, whatever stands beside it, and how likely that is."""
        if word in self.prior:
            return word, self.prior[word]
        if (word, name) not in self.found:
            if len(self.found) > REMEMBERED:
                self.found.clear()
            best = max(self._readings(word, name), default=(UNREAD, word))
            self.found[word, name] = best[1], best[0]
        return self.found[word, name]

    def _readings(self, word: str, name: bool) -> Iterator[tuple[float, str]]:
        """Score and reading of each known word that an unknown one may stand for."""
        signs = "leet" in self.steps and not word.isalpha()
        letters = list(meant(word, self.known.longest)) if signs else []
        fewer = list(squeezed(word)) if "repeats" in self.steps else []
        respelt = (w for w in (*letters, *fewer) if len(w) > 1)
        known = [(self.prior[w] - RESPELT, w) for w in respelt if w in self.prior]
        yield from known
        form = word if word.isalpha() or len(word) < 5 else next(iter(letters), word)
        if known or not form.isalpha():
            return
        for some in dict.fromkeys((form, *fewer[:1])):
            if "dictionary" in self.steps and (near := self.nearest(some, name)):
                yield near
        if "splits" in self.steps and not name and 3 < len(form) <= 2 * self.known.longest:
            yield from self._in_two(form)

    def _in_two(self, word: str) -> Iterator[tuple[float, str]]:
        for cut in range(1, len(word)):
            a, b = word[:cut], word[cut:]
            if a in self.halves and b in self.halves:
                yield self.words[a] + self.words[b] - SPACED, f"{a} {b}"

    # Files

    def save(self, path: Path) -> None:
        """Write `reader.json`."""
        data = {
            "version": VERSION,
            "steps": [step for step in STEPS if step in self.steps],
            "words": by_level(self.words),
            "pieces": by_level(self.pieces),
            "apart": sorted(self.known.apart),
            "look_alikes": dict(self.look_alikes),
        }
        path.write_text(json.dumps(data, indent=0, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path | str) -> Reader:
        """Read `reader.json`; of an earlier version it is read by the present rules.

        Raises:
            ValueError: it is of a later version.
        """
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        if data.get("version", 1) > VERSION:
            raise ValueError(
                f"{path} is of version {data['version']}, this reader knows {VERSION}: use the "
                "reader's files that lie beside it, or a later rosearch"
            )
        words, pieces = from_levels(data["words"]), from_levels(data["pieces"])
        return cls(words, pieces, data["apart"], data["look_alikes"], data["steps"])


def names_count(capitals: int, words: int) -> bool:
    """Whether capitals are names in a text with so many capital words: one of small letters."""
    return 2 * capitals <= words


def mostly_latin(text: str) -> bool:
    """Whether at least half of the letters are ASCII."""
    others = sum(map(str.isalpha, FOREIGN.findall(text)))
    return len(text.encode("ascii", "ignore").translate(None, NO_LETTERS)) >= others
