"""Every word of a text in one disguise: what people do who want to be read by people only."""

from __future__ import annotations

import random
import string
from functools import cache

from rosearch.attacks.sources.characters import HOMOGLYPHS
from rosearch.attacks.sources.edits import (
    ACCENTS,
    ALL,
    FULL_WIDTH,
    GREEK,
    INVISIBLE,
    Edit,
    leet,
    repeated,
    spaced,
    split,
    translated,
)

# Bold letters of mathematics, with which posts are made to stand out.
BOLD = {ord(c): chr(0x1D41A + i) for i, c in enumerate(string.ascii_lowercase)}


def between(mark: str) -> Edit:
    """A mark after every letter."""
    return lambda word, _rng: "".join(c + mark for c in word)


KINDS: tuple[Edit, ...] = (
    translated(HOMOGLYPHS, ALL),
    translated(GREEK, ALL),
    translated(FULL_WIDTH, ALL),
    translated(BOLD, ALL),
    leet(ALL),
    leet(ALL, 1),
    between(ACCENTS[-1]),
    between(INVISIBLE[0]),
    spaced,
    split("-"),
    repeated(3, ALL),
)

GAPS = ("_", ".", "-", " * ", "")  # instead of spaces


@cache
def disguises(word: str) -> tuple[str, ...]:
    """A word in each of the disguises, in their order; itself where one does not apply.

    None of what has letters other than from a to z, or fewer than two.
    """
    lower = word.lower()
    if len(lower) < 2 or not lower.isalpha() or not lower.isascii():
        return ()
    return tuple(kind(lower, random.Random(f"disguises {lower}")) for kind in KINDS)
