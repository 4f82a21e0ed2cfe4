"""Words with a letter changed: misspellings that a reader hardly notices."""

from __future__ import annotations

import random
import string
from functools import cache

from rosearch.attack.sources import Lexicon

# The letters that a QWERTY keyboard has around each letter.
KEYBOARD = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok",
    "o": "ipl", "p": "ol", "a": "qsz", "s": "awdx", "d": "sefc", "f": "drgv", "g": "fthb",
    "h": "gyjn", "j": "hukm", "k": "jil", "l": "kop", "z": "asx", "x": "zsdc", "c": "xdfv",
    "v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk",
}  # fmt: skip


def character_edits() -> Lexicon:
    """Words one edit away, as DeepWordBug makes them (Gao et al. 2018, section 3.2).

    Swap of two neighbouring letters, substitution, deletion and insertion of one letter; letters
    from the keyboard neighbourhood. One edit of each kind is drawn per word, from a generator
    seeded by the word, so that every model meets the same edits. First and last letters stay, as
    readers rely on them (Pruthi et al. 2019).
    """

    @cache
    def edits(word: str) -> tuple[str, ...]:
        if len(word) < 4 or not word.isalpha():
            return ()
        rng = random.Random(word)
        made: list[str] = []
        for edit in (_swap, _substitute, _delete, _insert, _substitute, _swap):
            new = edit(word, rng.randrange(1, len(word) - 2), rng)
            if new != word and new not in made:
                made.append(new)
        return tuple(made)

    return edits


def _swap(w: str, i: int, rng: random.Random) -> str:
    return w[:i] + w[i + 1] + w[i] + w[i + 2 :]


def _substitute(w: str, i: int, rng: random.Random) -> str:
    return w[:i] + _near(w[i], rng) + w[i + 1 :]


def _delete(w: str, i: int, rng: random.Random) -> str:
    return w[:i] + w[i + 1 :]


def _insert(w: str, i: int, rng: random.Random) -> str:
    return w[:i] + _near(w[i], rng) + w[i:]


def _near(letter: str, rng: random.Random) -> str:
    return rng.choice(KEYBOARD.get(letter.lower(), string.ascii_lowercase))
