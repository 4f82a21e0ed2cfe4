"""What attacks are made of, gathered once for the texts to be attacked and then sent to workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rosearch import resources
from rosearch.attack.lexicon import Table, cached_table, table_lexicon, vocabulary_of
from rosearch.attack.sources import WordSource
from rosearch.errors import UserError

# What a model is for -> what a user is told who gave none.
MODELS = {
    "masked_lm": "a masked language model; give --masked-lm MODEL, a folder or a hub id such as "
    "bert-base-uncased",
}


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

    def model(self, use: str) -> Path:
        """The folder of a model.

        Raises:
            UserError: the kit has none for this use.
        """
        if use not in self.models:
            raise UserError(f"this attack needs {MODELS[use]}")
        return self.models[use]


def make_kit(
    lexicons: Iterable[str], texts: Sequence[str], models: Mapping[str, Path] | None = None
) -> Kit:
    """The kit for attacks that read these lexicons, on these texts.

    Args:
        models: what a model is for -> its folder.

    Raises:
        UserError: a lexicon that can't be read.
    """
    words = vocabulary_of(texts)
    cache = resources.cache_dir() / "lexicons"
    tables = {name: cached_table(name, words, cache) for name in dict.fromkeys(lexicons)}
    return Kit(tables, models or {})
