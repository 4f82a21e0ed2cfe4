"""Kinds of edits that readers see through, each a lexicon, so that each can be held out."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Iterator
from functools import cache
from typing import TypeAlias

from rosearch.attacks.sources import LEXICONS, Lexicon, NamedLexicon
from rosearch.attacks.sources.characters import (
    HOMOGLYPHS,
    any_letter,
    by_graphemes,
    delete,
    insert,
    others,
    substitute,
    swap,
)
from rosearch.io import resources

# A word, in lower case, to an edited one, or to itself where this kind of edit does not apply.
Edit: TypeAlias = Callable[[str, random.Random], str]

LEAST = 3  # letters of a word that is edited
MARKS = (" ", "-", ".")  # part a word
MOST_WORDS = 8  # real words that one word may become
LEET = {"a": "4@", "b": "8", "e": "3", "g": "9", "i": "1!", "l": "1", "o": "0", "s": "5$",
        "t": "7", "z": "2"}  # fmt: skip
GREEK = str.maketrans(
    "aeiknoptuvwxy",
    "\u03b1\u03b5\u03b9\u03ba\u03b7\u03bf\u03c1\u03c4\u03c5\u03bd\u03c9\u03c7\u03b3",
)
FULL_WIDTH = str.maketrans({c: chr(ord(c) + 0xFEE0) for c in string.ascii_lowercase})
ACCENTS = "\u0307\u0323\u0331\u0335"  # dot above, dot below, macron below, stroke
INVISIBLE = "\u200b\u200c\u00ad\u2060"  # zero-width space and non-joiner, soft hyphen, word joiner
# English spellings of one sound.
SOUNDS = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        ("ph", "f"), ("ff?", "ph"), ("ck", "k"), ("c(?=[aoulrt])", "k"), ("c(?=[eiy])", "s"),
        ("s(?=[eiy])", "c"), ("k(?=[aou])|(?<=r)k$", "c"), ("qu", "kw"), ("x", "ks"),
        ("ight", "ite"), ("tion", "shun"), ("g(?=[eiy])", "j"), ("ee", "ea"), ("ea", "ee"),
        ("oo", "u"), ("ou", "ow"), ("ow", "ou"), ("ai", "ay"), ("ay", "ai"), ("ie", "ee"),
        ("y$", "ie"), ("y(?=[^aeiou])", "i"), ("i(?=[^aeiou])", "y"),
        ("(?<=[aeiou])s(?=[aeiou])", "z"), ("z", "s"), ("^wh", "w"), ("^kn", "n"), ("^wr", "r"),
        ("mb$", "m"), (r"([bdglmnprt])\1", r"\1"),
        ("(?<=[aeiou])([bdglmnprt])(?=[aeiouy])", r"\1\1"), ("or$", "er"), ("le$", "el"),
        ("(?<=[^aeiou])e$", ""),
    )
)  # fmt: skip


def drawn(salt: str, *kinds: Edit) -> Callable[[], Lexicon]:
    """A lexicon of one edit of each kind, drawn by a generator seeded by salt and word."""

    def make() -> Lexicon:
        @cache
        def edits(word: str) -> tuple[str, ...]:
            if len(word) < LEAST or not word.isalpha():
                return ()
            rng = random.Random(f"{salt} {word}")
            return others(word, [kind(word, rng) for kind in kinds])

        return by_graphemes(edits)

    return make


def two_inner(word: str, rng: random.Random) -> str:
    """Two edits at different inner letters, as `character_edits` makes them."""
    last = len(word) - 1
    if last < 3:
        return word
    i, j = sorted(rng.sample(range(1, last), 2))
    second = (substitute, delete, insert, swap)[: 4 if j < last - 1 else 3]
    first = (substitute, delete, insert, swap)[: 4 if i < j - 1 else 3]
    return rng.choice(first)(rng.choice(second)(word, j, rng), i, rng)


def repeated(times: int, letters: int = 1) -> Edit:
    """Some letters of the word, written `times` times each."""

    def edit(word: str, rng: random.Random) -> str:
        chosen = rng.sample(range(len(word)), min(letters, len(word)))
        return "".join(c * times if i in chosen else c for i, c in enumerate(word))

    return edit


def sound_alike(word: str, rng: random.Random) -> str:
    """One stretch of the word in another spelling of its sound."""
    found = [(match, new) for sound, new in SOUNDS for match in sound.finditer(word)]
    if not found:
        return word
    match, new = rng.choice(found)
    return word[: match.start()] + match.expand(new) + word[match.end() :]


def sounded_out(word: str, rng: random.Random) -> str:
    """Two such stretches."""
    return sound_alike(sound_alike(word, rng), rng)


def leet(letters: int, form: int = 0) -> Edit:
    """Some letters as digits, or as marks where there are such `form`s."""

    def edit(word: str, rng: random.Random) -> str:
        at = [i for i, c in enumerate(word) if c in LEET]
        chosen = rng.sample(at, min(letters, len(at)))
        return "".join(
            LEET[c][form:][:1] or LEET[c][0] if i in chosen else c for i, c in enumerate(word)
        )

    return edit


def split(mark: str) -> Edit:
    """A mark inside the word."""

    def edit(word: str, rng: random.Random) -> str:
        at = rng.randrange(1, len(word))
        return word[:at] + mark + word[at:]

    return edit


def spaced(word: str, _rng: random.Random) -> str:
    """A space after every letter."""
    return " ".join(word)


def translated(table: dict[int, int] | dict[int, str], letters: int = 1) -> Edit:
    """Some letters as those of another alphabet that look like them."""

    def edit(word: str, rng: random.Random) -> str:
        at = [i for i, c in enumerate(word) if ord(c) in table]
        chosen = rng.sample(at, min(letters, len(at)))
        return "".join(c.translate(table) if i in chosen else c for i, c in enumerate(word))

    return edit


def marked(marks: str) -> Edit:
    """A mark after one letter that is not the last one."""

    def edit(word: str, rng: random.Random) -> str:
        return split(rng.choice(marks))(word, rng)

    return edit


def real_words() -> Lexicon:
    """Other words one edit away, the commonest first: whole tokens of BERT's vocabulary, whose
    order is that of their frequency."""
    lines = (resources.fetch("minilm") / "vocab.txt").read_text(encoding="utf-8").split("\n")
    rank = {word: i for i, word in enumerate(lines) if len(word) >= LEAST and word.isalpha()}

    @cache
    def edits(word: str) -> tuple[str, ...]:
        if len(word) < LEAST or not word.isalpha():
            return ()
        found = {new for new in one_edit_away(word) if new in rank and new != word}
        return tuple(sorted(found, key=rank.__getitem__)[:MOST_WORDS])

    return edits


def one_edit_away(word: str, letters: str = string.ascii_lowercase) -> Iterator[str]:
    """Every string one deletion, swap of neighbours, substitution or insertion away."""
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        yield from (head + c + tail for c in letters)
        if tail:
            yield head + tail[1:]
            yield from (head + c + tail[1:] for c in letters)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]


ALL = 1000  # letters: all of them
VERSION = "2"  # raise it when the rules of a lexicon change


def _named(name: str, description: str, make: Callable[[], Lexicon], *read: str) -> NamedLexicon:
    return NamedLexicon(name, description, make, (name,), resources=read, version=VERSION)


FIRST_LETTER = _named(
    "first-letter",
    "edits of the first letter",
    drawn(
        "first-letter",
        lambda word, rng: swap(word, 0, rng),
        lambda word, rng: substitute(word, 0, rng),
        lambda word, rng: substitute(word, 0, rng, any_letter),
        lambda word, rng: delete(word, 0, rng),
        lambda word, rng: insert(word, 0, rng),
        lambda word, rng: insert(word, 0, rng, any_letter),
    ),
)
TWO_EDITS = _named("two-edits", "two edits inside a word", drawn("two-edits", *[two_inner] * 6))
REPEATS = _named(
    "repeats",
    "letters repeated",
    drawn(
        "repeats",
        repeated(2),
        repeated(3),
        repeated(5),
        repeated(2, 2),
        repeated(2, ALL),
        lambda word, _rng: word + 3 * word[-1],
    ),
)
PHONETIC = _named(
    "phonetic",
    "spellings that sound alike, by rules for English",
    drawn("phonetic", *[sound_alike] * 5, sounded_out),
)
LEET_SPEAK = _named(
    "leet",
    "letters as digits and marks that look like them",
    drawn("leet", leet(1), leet(1), leet(1, 1), leet(2), leet(ALL), leet(ALL, 1)),
)
SPLITS = _named(
    "splits",
    "a space, hyphen or dot inside a word",
    drawn("splits", *map(split, 2 * MARKS), spaced),
)
LOOK_ALIKES = _named(
    "look-alikes",
    "letters of other alphabets that look alike, accents and invisible marks",
    drawn(
        "look-alikes",
        translated(HOMOGLYPHS),
        translated(HOMOGLYPHS, ALL),
        translated(GREEK),
        translated(FULL_WIDTH, ALL),
        marked(ACCENTS),
        marked(INVISIBLE),
    ),
)
REAL_WORDS = _named("real-words", "other words one edit away", real_words, "minilm")


def every_edit() -> Lexicon:
    """Edits of all kinds, and two or three edits anywhere in a word."""
    kinds = [LEXICONS[name].make() for name in EVERY_KIND]
    kinds.append(drawn("edits", *[two_inner] * 8, *[three_inner] * 8, *[outer_and_inner] * 8)())
    return lambda word: tuple(dict.fromkeys(new for kind in kinds for new in kind(word)))


def three_inner(word: str, rng: random.Random) -> str:
    """Three or four edits at inner letters."""
    return two_inner(two_inner(word, rng), rng)


def outer_and_inner(word: str, rng: random.Random) -> str:
    """An edit of the first letter or the last two, and one or two inside."""
    inner = two_inner(word, rng)
    i = rng.choice((0, len(inner) - 2))
    return rng.choice((substitute, delete, insert, swap))(inner, i, rng)


EVERY_KIND = ("characters", "deepwordbug", "textbugger", "first-letter", "two-edits", "repeats",
              "phonetic", "leet", "splits", "look-alikes", "real-words")  # fmt: skip
EVERY_EDIT = NamedLexicon(
    "edits",
    "edits of all kinds",
    every_edit,
    ("inner-letters", "outer-letters", *EVERY_KIND[3:]),
    resources=("minilm",),
    version=VERSION,
)
