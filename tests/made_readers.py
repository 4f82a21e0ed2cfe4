"""A small dictionary for readers: words with their log probabilities, and pieces of words."""

from __future__ import annotations

from rosearch.encodings.reader import Reader
from rosearch.encodings.reading_tokenizer import ReadingTokenizerFast
from rosearch.encodings.vocabulary import tokenizer_settings

WORDS = {
    "the": -3.0, "a": -4.0, "is": -4.5, "film": -5.0, "good": -6.0, "bad": -7.0, "great": -7.0,
    "god": -9.0, "gorgeous": -10.0, "brilliant": -10.0, "fine": -9.0, "witty": -11.0, "it": -5.0,
    "in": -4.0, "films": -6.0, "init": -5.0, "bound": -9.0, "'s": -7.0, "form": -9.0,
    "farm": -11.0, "miss": -9.0, "best": -8.0, "don't": -8.0, "caf\u00e9": -11.0,
    "therein": -11.0, "ago": -9.0, "isle": -10.0, "finesse": -12.0,
}  # fmt: skip
PIECES = dict.fromkeys("bcdefghjklmnopqrstuvwxyz", -12.0) | {"gor": -12.5, "ad": -11.0, "od": -12.0}


def reading(tokenizer, reader: Reader) -> ReadingTokenizerFast:
    """A tokenizer with a reader before it."""
    settings = tokenizer_settings(tokenizer)
    made = ReadingTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, **settings)
    made.reader = reader
    return made
