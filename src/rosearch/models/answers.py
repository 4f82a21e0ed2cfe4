"""What a classifier says of texts: by a network and its tokenizer, or by a function.

Shapes: N texts, T tokens, C classes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import torch

from rosearch.models.batches import (
    ONE_BY_ONE,
    QUERIES,
    Budget,
    Encoded,
    model_inputs,
    sorted_batches,
    takes_types,
)
from rosearch.models.first_token import first_token_only
from rosearch.models.linear import fast_linear
from rosearch.models.network import Network, Tokenizer
from rosearch.models.padding import budget_of, together
from rosearch.models.pieces import PieceEncoder
from rosearch.tasks.words import Words
from rosearch.types import Text

# What a network reads of a text: token ids (or rows of its embedding) and token types, as bytes.
Key = tuple[bytes, bytes]
CACHE_ENTRIES = 200_000  # answers that are remembered


class Answers(Protocol):
    """Anything that gives class probabilities for segmented texts."""

    def probabilities(self, texts: Sequence[Words]) -> np.ndarray:
        """Probabilities (N, C), float32, rows in the order of the texts."""
        ...

    def reads(self, texts: Sequence[Words]) -> Sequence[Hashable]:
        """How texts are read: what is read alike has the same probabilities."""
        ...


class FunctionAnswers:
    """Those of a function from texts, or from pairs `(first, second)`, to probabilities."""

    def __init__(self, predict: Callable[[list[Text]], object]) -> None:
        self.predict = predict

    def probabilities(self, texts: Sequence[Words]) -> np.ndarray:
        return np.asarray(self.predict([t.example for t in texts]), dtype=np.float32)

    def reads(self, texts: Sequence[Words]) -> Sequence[Hashable]:
        return [t.example for t in texts]


class NetworkAnswers:
    """Those of a Hugging Face classifier, a student or an ONNX graph with its tokenizer.

    Word pieces of a word are looked up once and joined, where the tokenizer allows it (see
    `PieceEncoder`). Queries that encode alike are computed once: under the synonym encoding a swap
    inside a cluster costs nothing, and a second attack on the same texts knows many answers.

    Args:
        budget: of a batch.

    Attributes:
        passes: texts that went through the network so far; what is known already does not.
    """

    def __init__(self, model: Network, tokenizer: Tokenizer, budget: Budget = QUERIES) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.budget = budget
        self.pad_id: int = tokenizer.pad_token_id or 0
        self.known: dict[Key, np.ndarray] = {}
        self.passes = 0

    @cached_property
    def encoder(self) -> PieceEncoder:
        """Texts to token ids."""
        return PieceEncoder(self.tokenizer, takes_types(self.model, self.tokenizer))

    @cached_property
    def batches(self) -> Budget:
        """The budget, smaller where padding or company would change what the network says."""
        one = self.budget == ONE_BY_ONE
        return self.budget if one else budget_of(together(self.model, self.tokenizer), self.budget)

    @cached_property
    def rows(self) -> np.ndarray | None:
        """Of a synonym-encoded student, the row of the embedding that each token id reads."""
        if getattr(self.model, "votes", None) is not None:
            return None  # how a token votes depends on more than its row
        rows = getattr(getattr(self.model, "input", None), "rows", None)
        return None if rows is None else rows.cpu().numpy()

    def probabilities(self, texts: Sequence[Words]) -> np.ndarray:
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        encoded = self._encoded(texts)
        keys = self._keys(encoded)
        if len(self.known) > CACHE_ENTRIES:
            self.known.clear()
        new = {key: e for key, e in zip(keys, encoded, strict=True) if key not in self.known}
        self.known.update(zip(new, self._compute(list(new.values())), strict=True))
        return np.array([self.known[k] for k in keys])

    def reads(self, texts: Sequence[Words]) -> Sequence[Hashable]:
        return self._keys(self._encoded(texts))

    def _encoded(self, texts: Sequence[Words]) -> list[Encoded]:
        # An empty text is its frame of special tokens, and where there is none, padding.
        encode = self.encoder.encode
        return [e if e.ids else Encoded([self.pad_id]) for e in map(encode, texts)]

    def _keys(self, encoded: Sequence[Encoded]) -> list[Key]:
        """What the model reads of each text: the rows of its embedding, and the token types."""
        read: Sequence[array[int] | np.ndarray] = [array("i", e.ids) for e in encoded]
        if self.rows is not None:
            ends = np.cumsum([len(ids) for ids in read])
            read = np.split(self.rows[np.concatenate(read)], ends[:-1])
        return [(r.tobytes(), bytes(e.types or ())) for r, e in zip(read, encoded, strict=True)]

    def _compute(self, encoded: list[Encoded]) -> np.ndarray:
        self.passes += len(encoded)
        answers: np.ndarray | None = None
        lengths = [len(e.ids) for e in encoded]
        for chosen in sorted_batches(lengths, *self.batches):
            batch = self._forward([encoded[i] for i in chosen])
            if answers is None:
                answers = np.zeros((len(encoded), batch.shape[1]), dtype=np.float32)
            answers[chosen] = batch
        return np.zeros((0, 0), dtype=np.float32) if answers is None else answers

    def _forward(self, encoded: list[Encoded]) -> np.ndarray:
        inputs = model_inputs(encoded, self.pad_id)
        device = self.model.device
        with torch.inference_mode(), first_token_only(self.model), fast_linear(self.model):
            logits = self.model(**{name: x.to(device) for name, x in inputs.items()}).logits
        result: np.ndarray = logits.float().softmax(-1).cpu().numpy()
        return result
