"""What vocabularies are made of: the tokenizer, the train split, lexicons. Torch-free."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from rosearch.encodings.clusters import Evidence, Lexicon, word_evidence


@dataclass(frozen=True, eq=False)
class Material:
    """Validation and test texts play no part in it.

    Attributes:
        tokenizer: of the teacher, a fast one of Hugging Face.
        texts: lower-cased words of each train text; after the first `own` come augmented copies.
        targets: (texts, C) logits of the teacher.
        lexicon: substitutions by the name of a lexicon, lower case, of the words of the vocabulary
            and of the texts.
    """

    tokenizer: Any
    texts: Sequence[Sequence[str]]
    own: int
    targets: np.ndarray
    lexicon: Callable[[str], Lexicon]
    _tables: dict[str, Lexicon] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def evidence(self) -> Evidence:
        """What the words of the first `own` texts say about the classes."""
        targets = np.asarray(self.targets[: self.own], dtype=np.float32)
        return word_evidence(self.texts[: self.own], targets)

    def united(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Substitutions of several lexicons, in their order, each once."""
        wanted = tuple(names)
        for name in wanted:
            if name not in self._tables:
                self._tables[name] = self.lexicon(name)
        return united(self._tables, wanted)


def united(tables: Mapping[str, Lexicon], names: Iterable[str]) -> dict[str, list[str]]:
    """Substitutions of several lexicons, in their order, each once."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for name in names:
        for word, others in tables[name].items():
            found[word].update(dict.fromkeys(others))
    return {word: list(others) for word, others in found.items()}
