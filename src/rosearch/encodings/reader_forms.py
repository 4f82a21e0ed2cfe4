"""What a word that is written strangely may mean: signs for letters, repeated letters, marks.

This file needs nothing but the standard library, so that it can travel with a saved student.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import islice, product

WORD = re.compile(r"[^\W_]+")
# Words, and endings such as 's and 't, which stand for no letter that was split off.
TOKENS = r"[^\W_]+|(?<=[^\W_])['\u2019][^\W_]{1,2}(?![^\W_])"
TOKEN, PARTS = re.compile(TOKENS), re.compile(f"({TOKENS})")
SIGNS = re.compile(
    r"(?:[@$]|(?<!\S)!)?[^\W_]+(?:[@$!|+(\u20ac\u00a3]{1,3}[^\W_]+)*(?:!?[@$]{1,2})?"
)
INSIDE = re.compile(r"[^\W_][@$!|]+[^\W_]")
MEANT = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "gb", "7": "t", "8": "b",
    "9": "g", "@": "a", "$": "s", "!": "il", "|": "li", "+": "t", "(": "c", "\u20ac": "e",
    "\u00a3": "l",
}  # fmt: skip
AMBIGUOUS = 64  # combinations of what the signs of a word may mean
NUMBER = re.compile(r"\d+(?:s|st|nd|rd|th|m|mm|cm|km|am|pm|k|x)?|\d\d?[dh]")
MIXED = re.compile(r"[A-Z](?:(?<=[a-z].)|(?<=[A-Z].)[a-z])")
RUNS = re.compile(r"(.)\1+")


def meant(word: str, longest: int) -> Iterator[str]:
    """What a word with digits or signs may mean, unless it has more than `longest` letters."""
    if len(word) > longest or NUMBER.fullmatch(word):
        return
    letters = sum(map(str.isalpha, word))
    if 2 * letters >= len(word) or (len(word) > 3 and (letters or INSIDE.search(word))):
        found = product(*(MEANT.get(c, c) for c in word))
        yield from map("".join, islice(found, AMBIGUOUS))


def squeezed(word: str) -> Iterator[str]:
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


def folded(
    chunk: str,
    letters: Mapping[int, str],
    known: Callable[[str], bool],
    readable: Callable[[str], bool],
) -> str:
    """A stretch without spaces, folded no more than it takes to know its words.

    Args:
        letters: letters of other scripts -> ASCII letters, where these may stand for those.
        known: whether all words of a stretch are known.
        readable: whether all words of a stretch are known or read as known ones.
    """
    seen = unicodedata.normalize("NFC", "".join(c for c in chunk if not invisible(c)))
    mixed = any(c.isascii() and c.isalpha() for c in seen)
    stray = mixed and any(map(is_mark, seen))
    if seen == chunk and not stray and known(chunk):
        return chunk
    plain, stripped = unicodedata.normalize("NFKC", seen), bare(seen)
    forms = [stripped] if stray else [seen, plain, stripped]
    if letters:
        forms += [form.translate(letters) for form in (plain, stripped)]
    best = next((form for form in forms if WORD.search(form) and known(form)), None)
    if best is not None:
        return best
    # No known word: another one, misspelt, or a word of another script.
    last = forms[-1]
    near = letters and (stray or last != stripped) and 2 * sum(map(str.isascii, last)) > len(last)
    return last if (mixed and stray) or (near and readable(last)) else seen


def bare(text: str) -> str:
    """A text in compatibility form, without marks on its letters."""
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text))
    return "".join(c for c in plain if not is_mark(c))


def invisible(c: str) -> bool:
    """Whether a character shows nothing: of zero width, a control, a variation selector."""
    return (
        unicodedata.category(c) in ("Cf", "Cc") and not c.isspace()
    ) or "\ufe00" <= c <= "\ufe0f"


def is_mark(c: str) -> bool:
    """Whether a character is a mark on the one before it."""
    return unicodedata.category(c) == "Mn"


def like(written: str, word: str) -> str:
    """A word in the case of what was written: UPPER, Capitalised, or as it is."""
    if len(written) > 1 and written.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if written[:1].isupper() else word


def as_known(written: str) -> tuple[str, str]:
    """The two forms in which a stretch that stays as it is may be known: itself, its words."""
    return written.lower(), " ".join(WORD.findall(written.lower()))


def by_level(words: Mapping[str, float]) -> dict[str, str]:
    """Words of equal log probability as one text, for a small file."""
    found: dict[str, list[str]] = defaultdict(list)
    for word, likely in words.items():
        found[f"{likely:.1f}"].append(word)
    return {level: " ".join(sorted(found[level])) for level in sorted(found, key=float)}


def from_levels(levels: Mapping[str, str]) -> dict[str, float]:
    """What `by_level` was made of, to one decimal."""
    return {word: float(level) for level, words in levels.items() for word in words.split()}
