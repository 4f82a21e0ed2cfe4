"""What attacks are made of, gathered once for the texts to be attacked and then sent to workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rosearch import resources
from rosearch.attack.lexicon import Table, cached_table, table_lexicon, vocabulary_of
from rosearch.attack.sources import WordSource


@dataclass(frozen=True)
class Kit:
    """Lexicons and models that attacks read; plain data, so that a worker gets it as it is.

    Attributes:
        lexicons: name -> substitutions of every word of the texts.
        models: what a model is for (`encoder`, `masked_lm`, `tagger`) -> its folder.
    """

    lexicons: Mapping[str, Table] = field(default_factory=dict)
    models: Mapping[str, Path] = field(default_factory=dict)

    def words(self, lexicon: str) -> WordSource:
        """A lexicon as a source of substitutions."""
        return WordSource(table_lexicon(self.lexicons[lexicon]))


def make_kit(lexicons: Iterable[str], texts: Sequence[str]) -> Kit:
    """The kit for attacks that read these lexicons, on these texts.

    Raises:
        UserError: a lexicon that can't be read.
    """
    words = vocabulary_of(texts)
    cache = resources.cache_dir() / "lexicons"
    return Kit({name: cached_table(name, words, cache) for name in dict.fromkeys(lexicons)})
