"""Words with a letter changed: misspellings that a reader hardly notices."""

from __future__ import annotations

import random
import string
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from typing import TypeAlias

from rosearch.attacks.sources import Lexicon, NamedLexicon
from rosearch.tasks.words import graphemes

# The letters that a QWERTY keyboard has around each letter.
KEYBOARD = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok",
    "o": "ipl", "p": "ol", "a": "qsz", "s": "awdx", "d": "sefc", "f": "drgv", "g": "fthb",
    "h": "gyjn", "j": "hukm", "k": "jil", "l": "kop", "z": "asx", "x": "zsdc", "c": "xdfv",
    "v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk",
}  # fmt: skip


def character_edits(salt: str = "") -> Lexicon:
    """Words one edit away, as DeepWordBug makes them (Gao et al. 2018, section 3.2).

    Swap of two neighbouring letters, substitution, deletion and insertion of one letter; letters
    from the keyboard neighbourhood. One edit of each kind is drawn per word, from a generator
    seeded by the word, so that every model meets the same edits. First and last letters stay, as
    readers rely on them (Pruthi et al. 2019).

    Args:
        salt: draws other edits than the attack's.
    """

    @cache
    def edits(word: str) -> tuple[str, ...]:
        if len(word) < 4 or not word.isalpha():
            return ()
        rng = random.Random(salt + word)
        made: list[str] = []
        for edit in (swap, substitute, delete, insert, substitute, swap):
            new = edit(word, rng.randrange(1, len(word) - 2), rng)
            if new != word and new not in made:
                made.append(new)
        return tuple(made)

    return by_graphemes(edits)


# Letters of other scripts that look like Latin ones.
HOMOGLYPHS = str.maketrans(
    "aceijopsxyhvwgdlqbknmrtuzf",
    "\u0430\u0441\u0435\u0456\u0458\u043e\u0440\u0455\u0445\u0443\u04bb\u03bd\u051d"
    "\u0261\u0501\u04cf\u051b\u044c\u043a\u0578\u043c\u0433\u0442\u057d\u1d22\u0493",
)
LONGEST_SPLIT = 5  # letters of a word that a space may part


def deepwordbug_edits() -> Lexicon:
    """Words one edit away, any letter of the word (Gao et al. 2018, DeepWordBug, section 3.2.2).

    Swap of two neighbouring letters, substitution by a random letter, deletion, insertion: one of
    each kind is drawn per word, from a generator seeded by the word.
    """

    @cache
    def edits(word: str) -> tuple[str, ...]:
        if len(word) < 2 or not word.isalpha():
            return ()
        rng = random.Random(f"deepwordbug {word}")
        last = len(word) - 1
        made = (
            swap(word, rng.randrange(last), rng),
            substitute(word, rng.randrange(last + 1), rng, any_letter),
            delete(word, rng.randrange(last + 1), rng),
            insert(word, rng.randrange(last + 2), rng, any_letter),
        )
        return others(word, made)

    return by_graphemes(edits)


def textbugger_edits() -> Lexicon:
    """The four bugs made of characters (Li et al. 2019, TextBugger, section III-B, algorithm 4).

    A space inside a word of at most five letters (a longer one might fall into two real words), a
    letter deleted, two neighbours swapped, a letter replaced by one that looks like it; never the
    first or last letter, but for the last of these. Drawn as `deepwordbug_edits` are.
    """

    @cache
    def edits(word: str) -> tuple[str, ...]:
        if len(word) < 2 or not word.isalpha():
            return ()
        rng = random.Random(f"textbugger {word}")
        last = len(word) - 1
        made = []
        if len(word) <= LONGEST_SPLIT:
            at = rng.randrange(1, last + 1)
            made.append(word[:at] + " " + word[at:])
        if len(word) > 2:
            made.append(delete(word, rng.randrange(1, last), rng))
        if len(word) > 3:
            made.append(swap(word, rng.randrange(1, last - 1), rng))
        made.append(substitute(word, rng.randrange(last + 1), rng, _alike))
        return others(word, made)

    return by_graphemes(edits)


STAND_INS = 0x20000  # letters of the first rare ideographs, one for each grapheme


def by_graphemes(edits: Lexicon) -> Lexicon:
    """Edits of letters as edits of what readers take for letters, marks and conjuncts included.

    Letters that are drawn for a word of another script than the Latin one are those of the word.
    """

    def made(word: str) -> tuple[str, ...]:
        found = graphemes(word)
        latin = word.isascii() or unicodedata.name(word[0], "").startswith("LATIN")
        if latin and len(found) == len(word):
            return edits(word)
        packed = {g: chr(STAND_INS + i) for i, g in enumerate(dict.fromkeys(found)) if len(g) > 1}
        unpacked = {ord(one): g for g, one in packed.items()}
        if not latin:
            letters = sorted(set(found))
            drawn = (c for c in string.ascii_lowercase if c not in word)
            unpacked |= {ord(c): letters[ord(c) % len(letters)] for c in drawn}
        edited = edits("".join(packed.get(g, g) for g in found))
        return others(word, (new.translate(unpacked) for new in edited))

    return made


def others(word: str, made: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(new for new in made if new != word))


def _near(letter: str, rng: random.Random) -> str:
    return rng.choice(KEYBOARD.get(letter.lower(), string.ascii_lowercase))


def any_letter(_letter: str, rng: random.Random) -> str:
    return rng.choice(string.ascii_lowercase)


def _alike(letter: str, _rng: random.Random) -> str:
    return letter.translate(HOMOGLYPHS)


# A letter to the one that takes its place.
Draw: TypeAlias = Callable[[str, random.Random], str]


def swap(w: str, i: int, rng: random.Random) -> str:
    return w[:i] + w[i + 1] + w[i] + w[i + 2 :]


def substitute(w: str, i: int, rng: random.Random, letter: Draw = _near) -> str:
    return w[:i] + letter(w[i], rng) + w[i + 1 :]


def delete(w: str, i: int, rng: random.Random) -> str:
    return w[:i] + w[i + 1 :]


def insert(w: str, i: int, rng: random.Random, letter: Draw = _near) -> str:
    return w[:i] + letter(w[i : i + 1], rng) + w[i:]


VERSION = "3"  # raise it when the rules of a lexicon change
CHARACTERS = NamedLexicon(
    "characters",
    "single-letter edits",
    character_edits,
    families=("inner-letters",),
    version=VERSION,
)
DEEPWORDBUG = NamedLexicon(
    "deepwordbug",
    "DeepWordBug's edits",
    deepwordbug_edits,
    families=("inner-letters", "outer-letters", "first-letter"),
    version=VERSION,
)
TEXTBUGGER = NamedLexicon(
    "textbugger",
    "TextBugger's edits",
    textbugger_edits,
    families=("inner-letters", "splits", "look-alikes"),
    version=VERSION,
)
