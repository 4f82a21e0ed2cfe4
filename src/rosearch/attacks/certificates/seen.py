"""A text as a student reads it, word by word: what each word says, and what is certain of it.

A reader acts on one word at a time, but for three things: neighbours may be joined, capitals make
names, and marks or foreign letters may belong to what stands beside them. Texts in which any of
these decides already how the text as it is is read are not certain. Shapes: W words, C classes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rosearch.attacks.certificates.votes import StringVotes
from rosearch.attacks.certificates.whole import Share, share_of
from rosearch.encodings.reader import (
    ANY_SIGN,
    SENTENCE_END,
    Reader,
    mostly_latin,
    names_count,
)
from rosearch.encodings.reader_forms import PARTS, like
from rosearch.models.pieces import all_separate
from rosearch.tasks.words import Words

TOLERANCE = 1e-4  # of sums in single precision
LETTERS = re.compile(r"[^\W_]+")
SIGN_AFTER = re.compile(r"!?[@$]")
BEFORE, AFTER = re.compile(r"\S*$"), re.compile(r"\S*")


@dataclass(frozen=True)
class Place:
    """Where a word stands, as far as it matters for names.

    Attributes:
        names: whether capitals make names in its text.
        inside: whether a capital word is one there: not at the start of a sentence.
    """

    names: bool = False
    inside: bool = False


@dataclass(frozen=True)
class Apart:
    """A stretch of text, read by itself.

    Attributes:
        tokens: what the reader takes for its words, lower case.
        gaps: before, between and after them.
        names: which of them are names.
        capital: which of them begin with a capital.
        read: what the stretch is read as.
    """

    tokens: tuple[str, ...]
    gaps: tuple[str, ...]
    names: tuple[bool, ...]
    capital: tuple[bool, ...]
    read: str


@dataclass(frozen=True)
class Seen:
    """A text as its votes.

    Attributes:
        words: as they are written, with the gaps between them.
        apart: each word, read by itself.
        places: of the words, where capitals are names.
        names: whether they are.
        votes: (W, C), of the words.
        rest: logits (C,) of the bias and of all that is no word.
        shares: of each word in whether the text is taken for disguised; none without a reader.
        spare: tokens that the text may get until it is cut.
        certain: whether its words are read one by one.
    """

    words: Words
    apart: tuple[Apart, ...]
    places: tuple[Place, ...]
    names: bool
    votes: np.ndarray
    rest: np.ndarray
    shares: tuple[Share, ...]
    spare: int
    certain: bool

    @cached_property
    def total(self) -> np.ndarray:
        """Logits (C,)."""
        found: np.ndarray = self.rest + self.votes.sum(0)
        return found

    def placed(self, names: bool) -> tuple[Place, ...]:
        """Places of the words if capitals are names, or not."""
        return self.places if names else (Place(),) * len(self.places)

    def right(self, label: int, loss: np.ndarray | float = 0.0) -> bool:
        """Whether the label wins by more than `loss` (C,)."""
        margin = self.total[label] - self.total - loss - TOLERANCE
        margin[label] = 1.0
        return self.certain and self.spare >= 0 and bool((margin > 0).all())

    def gaps(self, label: int) -> np.ndarray:
        """How much each word votes for the label rather than another class, (W, C)."""
        found: np.ndarray = self.votes[:, label, None] - self.votes
        return found


def seen(text: Words, votes: StringVotes) -> Seen:
    """A text as its votes."""
    encoder, reader = votes.encoder, votes.reader
    places, names = _places(text, reader)
    latin = mostly_latin(text.text)
    pairs = zip(text.words, places, strict=True)
    apart = tuple(read_apart(w, p if names else Place(), reader, latin) for w, p in pairs)
    first = [] if text.first is None else [text.first if reader is None else reader(text.first)]
    others = (*text.gaps, *first)
    read = [a.read for a in apart]
    votes.learn([*read, *others])
    reserved = encoder.reserved or frozenset()
    size = sum(map(votes.size, (*read, *others)))
    return Seen(
        words=text,
        apart=apart,
        places=places,
        names=names,
        votes=np.array([votes.of(r) for r in read]).reshape(-1, len(votes.bias)),
        rest=votes.bias + sum(map(votes.of, others)),
        shares=tuple(
            share_of(reader, (w,), gap) for w, gap in zip(text.words, text.gaps[1:], strict=True)
        ),
        spare=encoder.max_length - encoder.frames[len(first)].size - size,
        certain=all_separate(text.gaps)
        and reserved.isdisjoint(text.words)
        and (reader is None or _read_apart(text, read, reader)),
    )


def read_apart(word: str, place: Place, reader: Reader | None, latin: bool = True) -> Apart:
    """A word of a text, or what it is replaced by, read by itself.

    Args:
        latin: whether its text is in Latin letters.
    """
    if reader is None:
        return Apart((), (word,), (), (), word)
    if word.isascii() and word.isalnum():
        capital, lower = word[0].isupper(), word.lower()
        name = place.inside and capital
        found = reader.alone(lower, name)[0]
        read = word if found == lower else like(word, found)
        return Apart((lower,), ("", ""), (name,), (capital,), read)
    parts = PARTS.split(reader.spelt(word, [], latin))
    tokens, gaps = parts[1::2], parts[0::2]
    inside = [place.inside, *(SENTENCE_END.search(gap) is None for gap in gaps[1:-1])]
    capitals = [t[0].isupper() for t in tokens]
    names = [place.names and a and b for a, b in zip(capitals, inside, strict=False)]
    whole = "".join(reader.corrected(parts, names, []))
    small = tuple(t.lower() for t in tokens)
    return Apart(small, tuple(gaps), tuple(names), tuple(capitals), whole)


def _places(text: Words, reader: Reader | None) -> tuple[tuple[Place, ...], bool]:
    """Of each word if capitals are names; and whether they are."""
    if reader is None:
        return (Place(),) * len(text.words), False
    ends = [SENTENCE_END.search(gap) for gap in text.gaps[1:-1]]
    places = (Place(True), *(Place(True, not end) for end in ends))[: len(text.words)]
    return places, names_count(*_capitals(reader.spelt(text.text, [])))


def _capitals(text: str) -> tuple[int, int]:
    """Capital words of a text, and words, as a reader counts."""
    words = PARTS.split(text)[1::2]
    return sum(w[0].isupper() for w in words), len(words)


def _read_apart(text: Words, read: list[str], reader: Reader) -> bool:
    """Whether a text is read word by word, and stays so when words change."""
    inner = text.gaps[1:-1]
    if not all(inner) or any(g[-1:] in ("[", "<") for g in text.gaps):
        return False
    after, before = text.gaps[1:], text.gaps[:-1]  # of words
    if any(map(SIGN_AFTER.match, after)) or any(g[-1:] in ("@", "$", "!") for g in before):
        return False  # signs that may be letters of the word
    if any(len(g) < 4 and all(map(ANY_SIGN.match, g)) for g in inner):
        return False
    if not all(g.isascii() or _one_form(g) for g in text.gaps):
        return False
    whole = [text.gaps[0]]
    for word, gap in zip(read, text.gaps[1:], strict=True):
        whole += (word, gap)
    return reader(text.text).lower() == "".join(whole).lower()


def isolated(text: Words, i: int, written: Sequence[str], reader: Reader) -> bool:
    """Whether nothing that word i may become is spelt otherwise for what stands beside it."""
    special = [s for s in written if not plain(s)]
    if not special:
        return True
    before, after = BEFORE.search(text.gaps[i]), AFTER.match(text.gaps[i + 1])
    assert before and after
    if (i > 0 and before[0] == text.gaps[i]) or (
        i < len(text.words) - 1 and after[0] == text.gaps[i + 1]
    ):
        return False
    return all(
        reader.spelt(before[0] + s + after[0], [], latin)
        == before[0] + reader.spelt(s, [], latin) + after[0]
        for s in special
        for latin in (True, False)
    )


def plain(word: str) -> bool:
    """Whether a word has neither foreign letters nor signs for letters."""
    return word.isascii() and not ANY_SIGN.search(word)


def _one_form(gap: str) -> bool:
    """Whether Unicode has but one form of a gap."""
    return all(unicodedata.normalize(form, gap) == gap for form in ("NFKC", "NFD"))
