"""Which words may change at all."""

from __future__ import annotations

from rosearch.encodings.frame import STOP_WORDS


def not_a_stop_word(word: str) -> bool:
    """Whether a word is none of `STOP_WORDS`."""
    return word.lower() not in STOP_WORDS
