"""How a student reads a text before its tokens: unknown words as the known words they stand for.

This file needs nothing but the standard library, so that it can travel with a saved student; beside
it lies `reader.json`, with the words that are known. Known words are never changed, and a word
keeps its case.

A reading is the likeliest known word: its log probability less a cost for each edit (the noisy
channel of Kernighan, Church and Gale 1990).
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from itertools import accumulate, combinations, islice, product
from pathlib import Path

FILE = "reader.json"
STEPS = ("unicode", "repeats", "leet", "splits", "dictionary")

EDIT = 5.0  # what an edit costs, in units of log probability
FIRST = 1.0  # what it costs more to change the first letter
RESPELT = 2.0  # what letters that are repeated, spaced or signs cost: few write so by mistake
UNREAD = -30.0  # log probability of a word for which nothing known is found
FREQUENT = -7.0  # log probability from which on a single letter is a word
REMEMBERED = 200_000  # readings that are kept

WORD = re.compile(r"[^\W_]+")
# Words, and endings such as 's and 't, which stand for no letter that was split off.
TOKENS = r"[^\W_]+|(?<=[^\W_])['\u2019][^\W_]{1,2}(?![^\W_])"
TOKEN, PARTS = re.compile(TOKENS), re.compile(f"({TOKENS})")
GLUE = frozenset("-._*~")  # joints that part no words, unlike spaces
JOINTS = GLUE | {" "}
GLUED = re.compile(r"[-._*~](?<=[^\W_].)(?=[^\W_])")
ANY_SIGN = re.compile(r"[@$!|+(\u20ac\u00a3]")
SIGNS = re.compile(r"[@$]?[^\W_]+(?:[@$!|+(\u20ac\u00a3]{1,3}[^\W_]+)*[@$]{0,2}")
MEANT = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "gb", "7": "t", "8": "b",
    "9": "g", "@": "a", "$": "s", "!": "il", "|": "li", "+": "t", "(": "c", "\u20ac": "e",
    "\u00a3": "l",
}  # fmt: skip
AMBIGUOUS = 64  # combinations of what the signs of a word may mean
NUMBER = re.compile(r"\d+(?:s|st|nd|rd|th|d|m|mm|cm|km|am|pm|k|x|h)?")
RUNS = re.compile(r"(.)\1+")
SENTENCE_END = re.compile(r"[.!?:\"\n]")

PREFIX = 7  # letters of a word that its forms are made of
FEW = 40  # words that are looked at one by one
HASH_BITS, START_BITS, BUCKET_BITS = 40, 20, 20
HASH, START = 2**HASH_BITS - 1, 2**START_BITS - 1


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
        self.apart = frozenset(apart)
        self.steps = frozenset(steps)
        self.prior = {**pieces, **words}
        self.sure = frozenset(words)
        self.longest = max(map(len, self.prior), default=0)
        self.letters = str.maketrans({c: a for a, many in look_alikes.items() for c in many})
        self.nearest = Nearest(self.prior)
        self.alone: dict[tuple[str, bool], tuple[str, float]] = {}

    def taking(self, steps: Iterable[str]) -> Reader:
        """The same with other steps; what was prepared serves both."""
        other = copy(self)
        other.steps, other.alone = frozenset(steps), {}
        return other

    def __call__(self, text: str) -> str:
        """The text as a student reads it."""
        return self.read(text, [])

    def explain(self, text: str) -> list[tuple[str, str]]:
        """What is written otherwise than it is read, and what it is read as."""
        found: list[tuple[str, str]] = []
        self.read(text, found)
        return found

    def read(self, text: str, changes: list[tuple[str, str]]) -> str:
        """The text as a student reads it; what was changed is added to `changes`."""
        if not text.isascii() and "unicode" in self.steps:
            text = self._folded(text, changes)
        if "leet" in self.steps and ANY_SIGN.search(text):
            text = SIGNS.sub(lambda found: self._without_signs(found.group(), changes), text)
        if self.sure.issuperset(TOKEN.findall(text.lower())) and not GLUED.search(text):
            return text
        return "".join(self._corrected(PARTS.split(text), changes))

    # Unicode

    def _folded(self, text: str, changes: list[tuple[str, str]]) -> str:
        ours = sum(c.isalpha() for c in text if c.isascii())
        latin = 2 * ours >= sum(c.isalpha() for c in text)
        chunks = re.split(r"(\s+)", text)
        for i, chunk in enumerate(chunks[::2]):
            if not chunk.isascii() and WORD.search(chunk):
                new = self._fold(chunk, latin)
                if new != chunk:
                    chunks[2 * i] = new
                    changes.append((chunk, new))
        return "".join(chunks)

    def _fold(self, chunk: str, latin: bool) -> str:
        """A stretch without spaces, folded no more than it takes to know its words."""
        seen = unicodedata.normalize("NFC", "".join(c for c in chunk if not invisible(c)))
        mixed = any(c.isascii() and c.isalpha() for c in seen)
        stray = mixed and any(map(is_mark, seen))
        if (seen == chunk and not stray and self._knows(chunk)) or chunk.lower() in self.apart:
            return chunk
        plain = unicodedata.normalize("NFKC", seen)
        bare = "".join(c for c in unicodedata.normalize("NFD", plain) if not is_mark(c))
        forms = [bare] if stray else [seen, plain, bare]
        if latin:
            forms += [form.translate(self.letters) for form in (plain, bare)]
        best = next((form for form in forms if WORD.search(form) and self._knows(form)), None)
        if best is not None:
            return best
        # No known word: another one, misspelt, or a word of another script.
        ours = sum(c.isascii() for c in forms[-1])
        folded = forms[-1] != bare or stray
        near = latin and folded and 2 * ours > len(forms[-1]) and self._can_read(forms[-1])
        return forms[-1] if near or (mixed and stray) else seen

    def _knows(self, text: str) -> bool:
        return all(w in self.prior or w.isdecimal() for w in WORD.findall(text.lower()))

    def _can_read(self, text: str) -> bool:
        return all(self._alone(w, False)[1] > UNREAD for w in WORD.findall(text.lower()))

    # Signs for letters

    def _without_signs(self, chunk: str, changes: list[tuple[str, str]]) -> str:
        """A stretch of letters and signs as the word that it stands for, if that is known."""
        word = chunk.lower()
        parts = WORD.findall(word)
        between = len(parts) > 1 and all(len(p) > 2 and p in self.sure for p in parts)
        if len(parts[0]) == len(chunk) or between:
            return chunk
        known = [(self.prior[w], w) for w in self._meant(word) if w in self.prior]
        if not known or len(chunk) < 3 or word in self.apart:
            return chunk
        new = like(chunk, max(known)[1])
        changes.append((chunk, new))
        return new

    def _meant(self, word: str) -> Iterator[str]:
        """What a word with digits or signs may mean."""
        if len(word) > self.longest or NUMBER.fullmatch(word):
            return
        letters = sum(map(str.isalpha, word))
        if 2 * letters >= len(word) or (letters and len(word) > 3):
            found = product(*(MEANT.get(c, c) for c in word))
            yield from map("".join, islice(found, AMBIGUOUS))

    # Words

    def _corrected(self, parts: list[str], changes: list[tuple[str, str]]) -> list[str]:
        """Gap, word, gap, word, ..., gap: each unknown word as it is read."""
        words, gaps = parts[1::2], parts[0::2]
        lower = [w.lower() for w in words]
        names = self._names(words, gaps)
        joined = self._joined(lower, gaps, names) if "splits" in self.steps else {}
        out, i = [gaps[0]], 0
        while i < len(words):
            end, new = joined.get(i) or (i + 1, self._alone(lower[i], names[i])[0])
            written = "".join(parts[2 * i + 1 : 2 * end])
            if new != written.lower():
                new = like("".join(words[i:end]), new)
                changes.append((written, new))
                written = new
            out += (written, gaps[end])
            i = end
        return out

    def _names(self, words: Sequence[str], gaps: Sequence[str]) -> list[bool]:
        """Which words are names, as capitals inside a sentence of small letters are."""
        capital = [w[0].isupper() for w in words]
        if 2 * sum(capital) > len(words):
            return [False] * len(words)
        inside = (i > 0 and not SENTENCE_END.search(gaps[i]) for i in range(len(words)))
        return [a and b for a, b in zip(capital, inside, strict=True)]

    def _joined(
        self, lower: Sequence[str], gaps: Sequence[str], names: Sequence[bool]
    ) -> dict[int, tuple[int, str]]:
        """First word -> end and reading, of what is one word written in several."""
        found: dict[int, tuple[int, str]] = {}
        free = 0
        for i, word in enumerate(lower):
            if i < free or (word in self.sure and gaps[i + 1] not in GLUE):
                continue
            best = max(self._joins(lower, gaps, names, i, free), default=(0.0, 0, 0, ""))
            if best[0] > 0:
                _, start, free, new = best
                found[start] = free, new
        return found

    def _joins(
        self, lower: Sequence[str], gaps: Sequence[str], names: Sequence[bool], i: int, free: int
    ) -> Iterator[tuple[float, int, int, str]]:
        """Gain, first word, end and reading of each way to join word i with its neighbours."""
        for start in range(max(free, i - 2), i + 1):
            for end in range(max(i + 1, start + 2), min(start + 3, len(lower)) + 1):
                new = "".join(lower[start:end])
                spelt_out = len(new) == end - start
                if spelt_out or new not in self.prior or not new.isalpha():
                    continue
                if self._may_join(lower, gaps, start, end):
                    glued = GLUE.issuperset(gaps[start + 1 : end])
                    cost = (RESPELT if glued else EDIT) * (end - start - 1)
                    apart = sum(self._alone(lower[k], names[k])[1] for k in range(start, end))
                    yield self.prior[new] - cost - apart, start, end, new
        yield from self._spelt_out(lower, gaps, i, free)

    def _spelt_out(
        self, lower: Sequence[str], gaps: Sequence[str], i: int, free: int
    ) -> Iterator[tuple[float, int, int, str]]:
        """The same of a word that is written letter by letter."""
        end = i
        while end < len(lower) and len(lower[end]) == 1 and end - i < self.longest:
            end += 1
            if gaps[end] not in JOINTS:
                break
        for start in range(max(free, i - 2), i + 1):
            word = "".join(lower[start:end])
            if len(word) == end - start > 2 and self._may_join(lower, gaps, start, end):
                new, score = self._alone(word, False)
                if score > UNREAD:
                    yield score - RESPELT - (end - start) * FREQUENT, start, end, new

    def _may_join(self, lower: Sequence[str], gaps: Sequence[str], start: int, end: int) -> bool:
        if not JOINTS.issuperset(gaps[start + 1 : end]):
            return False
        return " ".join(lower[start:end]) not in self.apart

    def _alone(self, word: str, name: bool) -> tuple[str, float]:
        """What a word is read as, whatever stands beside it, and how likely that is."""
        if word in self.prior:
            return word, self.prior[word]
        if (word, name) not in self.alone:
            if len(self.alone) > REMEMBERED:
                self.alone.clear()
            best = max(self._readings(word, name), default=(UNREAD, word))
            self.alone[word, name] = best[1], best[0]
        return self.alone[word, name]

    def _readings(self, word: str, name: bool) -> Iterator[tuple[float, str]]:
        """Score and reading of each known word that an unknown one may stand for."""
        meant = list(self._meant(word)) if "leet" in self.steps and not word.isalpha() else []
        squeezed = list(self._squeezed(word)) if "repeats" in self.steps else []
        respelt = (w for w in (*meant, *squeezed) if len(w) > 1)
        known = [(self.prior[w] - RESPELT, w) for w in respelt if w in self.prior]
        yield from known
        form = word if word.isalpha() or len(word) < 5 else next(iter(meant), word)
        if known or name or not form.isalpha():
            return
        for some in dict.fromkeys((form, *squeezed[:1])):
            if "dictionary" in self.steps and (near := self.nearest(some)):
                yield near
        if "splits" in self.steps and 5 < len(form) <= 2 * self.longest:
            yield from self._in_two(form)

    def _squeezed(self, word: str) -> Iterator[str]:
        """A word with fewer repeated letters: first of all as many as languages have."""
        if not RUNS.search(word):
            return
        yield RUNS.sub(lambda run: run[1] if len(run[0]) > 2 else run[0], word)
        yield RUNS.sub(lambda run: run[1] * (len(run[0]) // 2), word)  # each letter twice
        yield RUNS.sub(r"\1", word)
        once, runs = RUNS.split(word)[::2], RUNS.findall(word)
        if len(runs) <= 4:
            for many in product((2, 1), repeat=len(runs)):
                letters = [c * n for c, n in zip(runs, many, strict=True)]
                yield "".join(a + b for a, b in zip(once, [*letters, ""], strict=True))

    def _in_two(self, word: str) -> Iterator[tuple[float, str]]:
        for cut in range(3, len(word) - 2):
            a, b = word[:cut], word[cut:]
            if a in self.sure and b in self.sure:
                yield self.words[a] + self.words[b] - EDIT, f"{a} {b}"

    # Files

    def save(self, path: Path) -> None:
        """Write `reader.json`."""
        data = {
            "steps": [step for step in STEPS if step in self.steps],
            "words": by_level(self.words),
            "pieces": by_level(self.pieces),
            "apart": sorted(self.apart),
            "look_alikes": dict(self.look_alikes),
        }
        path.write_text(json.dumps(data, indent=0, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path | str) -> Reader:
        """Read `reader.json`."""
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        words, pieces = from_levels(data["words"]), from_levels(data["pieces"])
        return cls(words, pieces, data["apart"], data["look_alikes"], data["steps"])


class Nearest:
    """The known word that an unknown one most likely is a misspelling of.

    Words within two edits have a form in common that each gets by losing at most two of its first
    letters (SymSpell, Garbe 2012). The table of these forms is made when it is first asked for.
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
    def priors(self) -> list[float]:
        """Of the words, falling."""
        return [self.prior[word] for word in self.words]

    @cached_property
    def tables(self) -> tuple[Table, Table]:
        """Forms that have lost at most one letter, and two."""
        places = defaultdict(list)
        for place, word in enumerate(self.words):
            places[word[:PREFIX]].append(place)
        return Table(places, (0, 1)), Table(places, (2,))

    def __call__(self, word: str) -> tuple[float, str] | None:
        """Score and word; None if none is within two edits, or one of words up to four letters."""
        if len(word) < 3 or not self.words:
            return None
        one, two = self.tables
        short = [*forms(word, (0, 1))]
        best = self._best(word, sorted(one.places(short)), 1, (-math.inf, ""))
        if len(word) > 4:
            # Words that would still be likelier after two edits.
            count = bisect_left(self.priors, -best[0] - 2 * EDIT, key=lambda likely: -likely)
            if count <= FEW:
                best = self._best(word, range(count), 2, best)
            else:
                shorter = [*forms(word, (2,))]
                found = one.places(short) | two.places(short)
                found |= one.places(shorter) | two.places(shorter)
                best = self._best(word, sorted(p for p in found if p < count), 2, best)
        return best if best[1] else None

    def _best(
        self, word: str, places: Iterable[int], limit: int, best: tuple[float, str]
    ) -> tuple[float, str]:
        """The best of the words at these places, in order, and one that was found before."""
        for place in places:
            if self.priors[place] - EDIT * limit < best[0]:
                break
            other = self.words[place]
            if -limit <= len(other) - len(word) <= limit:
                edits = edits_between(word, other, limit)
                if edits <= limit:
                    cost = EDIT * edits + FIRST * (word[0] != other[0])
                    best = max(best, (self.priors[place] - cost, other))
        return best


class Table:
    """Where the words stand of which one form is known: what is left of their first letters.

    Args:
        places: first letters -> places of the words that begin so.
        lost: how many of these letters the forms have lost.
    """

    def __init__(self, places: Mapping[str, list[int]], lost: Sequence[int]) -> None:
        self.found = list(places.values())
        codes = [
            (hash(form) & HASH) << START_BITS | start
            for start, letters in enumerate(places)
            for form in forms(letters, lost)
        ]
        codes.sort()
        sizes = [0] * (2**BUCKET_BITS + 1)
        for code in codes:
            sizes[(code >> HASH_BITS + START_BITS - BUCKET_BITS) + 1] += 1
        self.codes, self.buckets = array("Q", codes), array("I", accumulate(sizes))

    def places(self, wanted: Iterable[str]) -> set[int]:
        """Of the words with one of these forms."""
        codes, buckets, starts = self.codes, self.buckets, set()
        for form in wanted:
            code = hash(form) & HASH
            bucket = code >> HASH_BITS - BUCKET_BITS
            for at in range(buckets[bucket], buckets[bucket + 1]):
                if codes[at] >> START_BITS == code:
                    starts.add(codes[at] & START)
        return {place for start in starts for place in self.found[start]}


def forms(word: str, lost: Iterable[int]) -> Iterator[str]:
    """The first letters of a word, in order, with some of them left out; never with none left."""
    letters = word[:PREFIX]
    for n in lost:
        if n < len(letters):
            yield from map("".join, combinations(letters, len(letters) - n))


def edits_between(a: str, b: str, limit: int) -> int:
    """Optimal string alignment distance, where it is at most `limit` (1 or 2); else more than that.

    Insertions, deletions, substitutions and swaps of neighbours; no place is edited twice.
    """
    same = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        same += 1
    a, b = a[same:], b[same:]
    if not a or not b:
        return len(a) + len(b)
    after = [(a[1:], b[1:]), (a[1:], b), (a, b[1:])]
    if a[:2] == b[1::-1]:
        after.append((a[2:], b[2:]))
    if limit == 1:
        return 1 if any(x == y for x, y in after) else 2
    return 1 + min(edits_between(x, y, limit - 1) for x, y in after)


def as_known(written: str) -> tuple[str, str]:
    """The two forms in which a stretch that stays as it is may be known: itself, its words."""
    return written.lower(), " ".join(WORD.findall(written.lower()))


def like(written: str, word: str) -> str:
    """A word in the case of what was written: UPPER, Capitalised, or as it is."""
    if len(written) > 1 and written.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if written[:1].isupper() else word


def invisible(c: str) -> bool:
    """Whether a character shows nothing: of zero width, a control, a variation selector."""
    return (
        unicodedata.category(c) in ("Cf", "Cc") and not c.isspace()
    ) or "\ufe00" <= c <= "\ufe0f"


def is_mark(c: str) -> bool:
    """Whether a character is a mark on the one before it."""
    return unicodedata.category(c) == "Mn"


def by_level(words: Mapping[str, float]) -> dict[str, str]:
    """Words of equal log probability as one text, for a small file."""
    found: dict[str, list[str]] = defaultdict(list)
    for word, likely in words.items():
        found[f"{likely:.1f}"].append(word)
    return {level: " ".join(sorted(found[level])) for level in sorted(found, key=float)}


def from_levels(levels: Mapping[str, str]) -> dict[str, float]:
    """What `by_level` was made of, to one decimal."""
    return {word: float(level) for level, words in levels.items() for word in words.split()}
