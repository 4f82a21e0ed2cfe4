"""The encoding of whole words: every word that is known for a task is one token with its own row.

A word piece says little by itself; where words vote or are replaced one by one, each needs a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rosearch.encodings.base import Encoding

if TYPE_CHECKING:
    from rosearch.encodings.material import Material
    from rosearch.encodings.vocabulary import Vocabulary


@dataclass(frozen=True)
class Words(Encoding):
    """The teacher's pieces and every known word, a row each. No genes."""

    name = "words"
    text = "the teacher's word pieces, and known words (train split, lexicons), one row each"
    usual_rows = 55_000
    families = ()

    @classmethod
    def fits(cls, tokenizer: object) -> bool:
        from rosearch.encodings.vocabulary import supports_synonyms

        return supports_synonyms(tokenizer)

    def vocabulary(self, material: Material) -> Vocabulary:
        from rosearch.encodings.material import known_words
        from rosearch.encodings.vocabulary import synonym_vocabulary

        words = known_words(material, material.lexicons)
        return synonym_vocabulary(material.tokenizer, {word: word for word in words})


WORDS = Words()
