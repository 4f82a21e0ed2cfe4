"""Whether attacks fit the language of the texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from rosearch.attacks.lexicon import Table
from rosearch.attacks.sources import LEXICONS
from rosearch.encodings.frame import STOP_WORDS
from rosearch.tasks.words import segment
from rosearch.types import Text

# Share of the words that an English lexicon knows: 0.79 to 0.98 of English sentences, reviews, news
# and short messages, 0.06 to 0.58 of German, French, Spanish, Italian, Dutch and Indonesian ones.
LEAST_KNOWN = 0.65
MOST_UNSPACED = 0.3  # of the letters
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
SAMPLED = 1000  # texts that are looked at


def misfits(lexicons: Mapping[str, Table], texts: Sequence[Text]) -> list[str]:
    """Why substitutions of lexicons do not fit texts, a line each.

    Args:
        lexicons: their substitutions of the words of the texts.
    """
    words = [word for text in texts[:SAMPLED] for word in segment(text).words]
    lines = []
    for name, table in lexicons.items():
        known = known_share(words, table) if is_english(name) else 1.0
        if known < LEAST_KNOWN:
            lines.append(
                f"the lexicon {name} is English and knows {known:.0%} of the words of these texts: "
                "its substitutions may be of another language, and most texts stay as they are; "
                "attack with a lexicon of your own (NAME:FILE), characters or bae"
            )
    if lexicons and unspaced_share(words) > MOST_UNSPACED:
        lines.append(
            "these texts do not part their words by spaces, so whole phrases count as words and "
            "attacks on words hardly fit them; part the words by spaces first"
        )
    return lines


def is_english(lexicon: str) -> bool:
    """Whether the substitutions of a lexicon are English whatever the word is: those of WordNet."""
    found = LEXICONS.get(lexicon)
    return found is not None and found.offered and "wordnet" in found.resources


def known_share(words: Iterable[str], table: Table) -> float:
    """Share of the words that are function words of English or have substitutions."""
    lower = [word.lower() for word in words if not word.isdecimal()]
    return sum(w in STOP_WORDS or w in table for w in lower) / len(lower) if lower else 1.0


def unspaced_share(words: Iterable[str]) -> float:
    """Share of the letters that are of scripts without spaces."""
    letters = [c for word in words for c in word if c.isalpha()]
    foreign = sum(not c.isascii() and unicodedata.name(c, "").startswith(UNSPACED) for c in letters)
    return foreign / len(letters) if letters else 0.0
