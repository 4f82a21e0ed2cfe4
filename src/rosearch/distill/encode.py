"""The train split under every encoding; validation and test texts play no part in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rosearch.attacks.lexicon import cached_table
from rosearch.distill.data import EncodedTrain, encode_train
from rosearch.distill.defences import Defence, TrainTexts
from rosearch.distill.defences.worst_case import WORST_CASE
from rosearch.encodings import ENCODINGS
from rosearch.encodings.base import Encoding
from rosearch.encodings.material import Material, reader_of
from rosearch.encodings.plain import PLAIN
from rosearch.encodings.reader import Reader
from rosearch.encodings.vocabulary import (
    Vocabulary,
    occurring_tokens,
    student_tokenizer,
    tokenizer_settings,
    trimmed,
)
from rosearch.io import resources
from rosearch.student.build import principal_embedding
from rosearch.tasks.words import segment
from rosearch.types import Text, parts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class EncodeSettings:
    """How train texts are encoded.

    Attributes:
        lexicons: read by encodings that have none of their own.
        further: lexicons that training knows besides those of a student's encoding.
        trim: whether rows of the embedding that no text can read are left out.
        defences: training-time defences, whose tables are prepared.
        max_length: most tokens of a text.
        dims: of the embedding.
        seed: of what the defences draw.
        votes: whether students may have votes.
        reading: whether students may read texts before their tokens.
        given: files of lexicons that are made of the teacher, by what they are given as.
    """

    lexicons: tuple[str, ...]
    further: tuple[str, ...]
    trim: bool
    defences: Sequence[Defence]
    max_length: int
    dims: int
    seed: int
    votes: bool = False
    reading: bool = False
    given: Mapping[str, Path] = field(default_factory=dict)

    def known(self, encoding: Encoding) -> tuple[str, ...]:
        """Lexicons whose substitutions training under an encoding knows."""
        return tuple(dict.fromkeys([*encoding.lexicons_read(self.lexicons), *self.further]))


def encoded_texts(
    settings: EncodeSettings,
    wanted: Sequence[Encoding],
    texts: Sequence[Text],
    material: Material,
    table: np.ndarray,
    reader: Reader | None = None,
) -> dict[str, EncodedTrain]:
    """The train texts by the key of an encoding.

    Args:
        wanted: encodings besides the plain one.
        table: (teacher vocabulary, D) word embeddings of the teacher.
        reader: of students that read texts before their tokens.
    """
    encoded = {}
    for encoding, vocabulary in vocabularies(wanted, material):
        lexicon = material.united(settings.known(encoding))
        encoded[encoding.key] = _encoded(
            settings, vocabulary, lexicon, texts, material, table, reader
        )
    return encoded


def reader_for(
    settings: EncodeSettings,
    wanted: Sequence[Encoding],
    texts: Sequence[Text],
    material: Material,
) -> Reader:
    """What students read texts with: it knows the words of the lexicons that any of them knows."""
    known = dict.fromkeys(name for e in (PLAIN, *wanted) for name in settings.known(e))
    return reader_of(material, known, [part for text in texts for part in parts(text)])


def vocabularies(
    wanted: Sequence[Encoding], material: Material
) -> Iterator[tuple[Encoding, Vocabulary]]:
    """The plain encoding, and those of the wanted ones that fit the tokenizer."""
    yield PLAIN, PLAIN.vocabulary(material)
    others = (encoding for encoding in wanted if encoding != PLAIN)
    for name, group in groupby(others, lambda encoding: encoding.name):
        kind = ENCODINGS[name]
        if kind.fits(material.tokenizer):
            yield from kind.vocabularies(list(group), material).items()


def material_of(
    texts: Sequence[Text],
    own: int,
    targets: np.ndarray,
    tokenizer: PreTrainedTokenizerFast,
    lexicons: tuple[str, ...] = (),
    given: Mapping[str, Path] | None = None,
) -> Material:
    """What vocabularies are made of.

    Args:
        texts: of the train split; after the first `own` come augmented copies.
        targets: (texts, C) logits of the teacher.
        lexicons: names of those that the run reads.
        given: see `EncodeSettings`.
    """
    words = [[w.lower() for part in parts(text) for w in segment(part).words] for text in texts]

    def lexicon(name: str) -> Mapping[str, Sequence[str]]:
        """Substitutions, lower case, of the words of the vocabulary and of the train split."""
        asked = {w for w in tokenizer.get_vocab() if w.isalpha()} | {w for t in words for w in t}
        found = cached_table(name, asked, resources.cache_dir() / "lexicons", given)
        return {word: [s.lower() for s in others] for word, others in found.items()}

    return Material(tokenizer, words, own, targets, lexicon, lexicons)


def _encoded(
    settings: EncodeSettings,
    vocabulary: Vocabulary,
    lexicon: Mapping[str, Sequence[str]],
    texts: Sequence[Text],
    material: Material,
    words_of_teacher: np.ndarray,
    reader: Reader | None,
) -> EncodedTrain:
    student = student_tokenizer(material.tokenizer, vocabulary)
    length = settings.max_length
    train = TrainTexts(texts, student, length, lexicon, settings.seed, reader)
    defences = (*settings.defences, *((WORST_CASE,) if settings.votes else ()))
    prepared = [(defence, defence.prepare(train)) for defence in defences]
    tables = [(defence, table) for defence, table in prepared if table is not None]
    if settings.trim:
        words = {s for text in material.texts for w in text for s in lexicon.get(w, ())}
        written = [part for text in texts for part in parts(text)]
        occur = occurring_tokens(student, [*written, *(f" {w}" for w in words)])
        occur |= {token for defence, table in tables for token in defence.tokens(table)}
        vocabulary = trimmed(vocabulary, occur, student.unk_token_id)
    return encode_train(
        vocabulary,
        student,
        tokenizer_settings(student),
        texts,
        principal_embedding(words_of_teacher, vocabulary)[:, : settings.dims].copy(),
        length,
        [defence.fitted(table, vocabulary) for defence, table in tables],
    )
