"""A part-of-speech tagger: spaCy's small English one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.errors import require
from rosearch.tasks.words import Words

if TYPE_CHECKING:
    from spacy.language import Language

ENTRIES = 200_000  # tagged texts kept in memory
# Universal Dependencies' tags as those of the universal tagset of Petrov et al. 2012, which
# TextFooler compares; tags that are not here are the same in both, or are X.
UNIVERSAL = {
    "PROPN": "NOUN", "AUX": "VERB", "CCONJ": "CONJ", "SCONJ": "CONJ", "PART": "PRT", "PUNCT": ".",
    **{t: t for t in ("NOUN", "VERB", "ADJ", "ADV", "PRON", "DET", "ADP", "NUM")},
}  # fmt: skip


class Tagger:
    """Tags of the words of a text; remembered per text.

    Args:
        folder: of a spaCy pipeline, read as data; loaded when the first text is tagged.

    Raises:
        MissingExtra: spaCy is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[Words, tuple[str, ...]] = {}

    @cached_property
    def pipeline(self) -> Language:
        """The spaCy pipeline."""
        spacy = require("spacy", "pos")
        unused = ["parser", "ner", "senter", "lemmatizer"]
        return spacy.util.load_model_from_path(self.folder, exclude=unused)

    def __call__(self, items: Sequence[tuple[Words, int]]) -> list[str]:
        """The universal tag of one word, by its position, of each text."""
        if len(self.known) > ENTRIES:
            self.known.clear()
        new = list(dict.fromkeys(text for text, _ in items if text not in self.known))
        self.known.update(zip(new, self._tags(new), strict=True))
        return [self.known[text][position] for text, position in items]

    def _tags(self, texts: Sequence[Words]) -> list[tuple[str, ...]]:
        from spacy.tokens import Doc

        nlp = self.pipeline
        with nlp.memory_zone():  # words that are met once do not stay
            tokens = [_tokens(text) for text in texts]
            docs = (Doc(nlp.vocab, words=words, spaces=spaces) for words, spaces, _ in tokens)
            return [
                tuple(UNIVERSAL.get(doc[i].pos_, "X") for i in at)
                for doc, (_, _, at) in zip(nlp.pipe(docs), tokens, strict=True)
            ]


def _tokens(text: Words) -> tuple[list[str], list[bool], list[int]]:
    """Words and punctuation, whether a space follows each, and where the words are among them."""
    tokens: list[str] = []
    spaces: list[bool] = []
    at: list[int] = []
    for i, gap in enumerate(text.gaps):
        if tokens:
            spaces[-1] = gap[:1].isspace()
        for mark in gap.split():
            tokens.append(mark)
            spaces.append(True)
        if i < len(text.words):
            if gap and not gap[-1].isspace() and spaces:
                spaces[-1] = False
            at.append(len(tokens))
            tokens.append(text.words[i])
            spaces.append(False)
    return tokens, spaces, at
