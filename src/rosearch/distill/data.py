"""What training reads: the train split encoded once per encoding, and the teacher's targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from rosearch.encodings.reader import Reader
from rosearch.encodings.vocabulary import Vocabulary
from rosearch.models.batches import tokenized
from rosearch.space.genotype import Genotype
from rosearch.teacher.outputs import TeacherOutputs
from rosearch.types import Text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

T = TypeVar("T")


@dataclass(frozen=True)
class EncodedTrain:
    """The train split under one encoding.

    Attributes:
        tokenizer_json: the student tokenizer's backend, as text: cheap to send to a worker.
        ids: all token ids in one int32 array; text i is `ids[starts[i] : starts[i + 1]]`.
        embedding: (rows, D) float32 start of the embedding.
        separator: token id between the texts of a pair; None of single texts, or where the
            tokenizer puts none.
        tables: what training-time defences prepared.
    """

    vocabulary: Vocabulary
    tokenizer_json: str
    tokenizer_settings: dict[str, object]
    ids: np.ndarray
    starts: np.ndarray
    embedding: np.ndarray
    separator: int | None = None
    tables: tuple[object, ...] = ()

    def table(self, kind: type[T]) -> T | None:
        """The table of a class, if it was prepared."""
        return next((table for table in self.tables if isinstance(table, kind)), None)

    @cached_property
    def texts(self) -> list[np.ndarray]:
        """Token ids of each text."""
        return np.split(self.ids, self.starts[1:-1])

    def tokenizer(self, reader: Reader | None = None) -> PreTrainedTokenizerFast:
        """The Hugging Face tokenizer, with a reader in front of it if one is given."""
        from tokenizers import Tokenizer
        from transformers import PreTrainedTokenizerFast

        backend = Tokenizer.from_str(self.tokenizer_json)
        if reader is None:
            return PreTrainedTokenizerFast(tokenizer_object=backend, **self.tokenizer_settings)
        from rosearch.encodings.reading_tokenizer import ReadingTokenizerFast

        made = ReadingTokenizerFast(tokenizer_object=backend, **self.tokenizer_settings)
        made.reader = reader
        return made


@dataclass(frozen=True)
class TrainData:
    """What every student of a run is trained on.

    Attributes:
        encoded: encoding key -> the train split under it.
        labels: (train examples,).
        targets: (train examples, C) logits of the teacher.
        whole: how many of them are whole texts; phrases follow, for votes of words.
        outputs: the teacher's layers, where students are matched with them.
        reader: of students that read texts before their tokens; it leaves the train texts as they
            are, so that one encoding serves students with and without it.
    """

    encoded: Mapping[str, EncodedTrain]
    labels: Sequence[int]
    targets: np.ndarray
    label_names: tuple[str, ...]
    teacher_params: int
    whole: int | None = None
    outputs: TeacherOutputs | None = None
    reader: Reader | None = None

    def read_by(self, g: Genotype) -> EncodedTrain:
        """The train split as a student of genotype `g` reads it."""
        return self.encoded[g.encoding_key]

    def tokenizer(self, g: Genotype) -> PreTrainedTokenizerFast:
        """The Hugging Face tokenizer of a student of genotype `g`, with what it reads before.

        Raises:
            ValueError: it reads, and nothing was prepared for that.
        """
        if g.reading is None:
            return self.read_by(g).tokenizer()
        if self.reader is None:
            raise ValueError("a student that reads needs a reader that was prepared for it")
        return self.read_by(g).tokenizer(_taking(self.reader, g.reading.steps))


@lru_cache(maxsize=2)
def _taking(reader: Reader, steps: tuple[str, ...]) -> Reader:
    """The same of all students that take the same steps: what one has read, the others know."""
    return reader.taking(steps)


def encode_train(
    vocabulary: Vocabulary,
    tokenizer: PreTrainedTokenizerFast,
    settings: dict[str, object],
    texts: Sequence[Text],
    embedding: np.ndarray,
    max_length: int,
    tables: Iterable[object] = (),
) -> EncodedTrain:
    """Encode the train split with a student tokenizer.

    Students have no token types: the separator that the tokenizer puts between the texts of a pair
    tells them apart.
    """
    encoded = [e.ids for e in tokenized(tokenizer, texts, max_length)]
    return EncodedTrain(
        vocabulary,
        tokenizer.backend_tokenizer.to_str(),
        settings,
        np.concatenate([np.asarray(ids, dtype=np.int32) for ids in encoded]),
        np.cumsum([0, *(len(ids) for ids in encoded)]),
        embedding,
        None if isinstance(texts[0], str) else tokenizer.sep_token_id,
        tuple(tables),
    )
