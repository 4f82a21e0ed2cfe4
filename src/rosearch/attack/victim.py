"""Victims: what an attack asks for probabilities.

Shapes: N queries, T tokens, C classes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
from tokenizers import Tokenizer

from rosearch.attack.text import Words
from rosearch.batches import padded, sorted_batches

TOKEN_BUDGET = 4096  # padded tokens per batch; more is slower on a CPU, its caches overflow
SLACK = 4  # padding allowed per row within a batch
CACHE_ENTRIES = 200_000
# Unicode categories at which BERT splits: space separators and all punctuation.
BREAKING = frozenset({"Zs", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"})


class Victim(Protocol):
    """Anything that gives class probabilities for segmented texts."""

    def probabilities(self, texts: Sequence[Words]) -> np.ndarray:
        """Probabilities (N, C), float32, rows in the order of the texts."""
        ...


class CallableVictim:
    """Any function from texts to probabilities, as a victim."""

    def __init__(self, predict: Callable[[list[str]], Any]) -> None:
        self.predict = predict

    def probabilities(self, texts: Sequence[Words]) -> np.ndarray:
        return np.asarray(self.predict([t.text for t in texts]), dtype=np.float32)


class ModelVictim:
    """A Hugging Face classifier with its tokenizer, or a student.

    Word pieces of a word are looked up once and joined, where the tokenizer allows it (see
    `PieceEncoder`). Queries that encode alike are computed once: under the synonym encoding a swap
    inside a cluster costs nothing, and a second attack on the same texts knows many answers.
    """

    def __init__(self, model: Any, tokenizer: Any, token_budget: int = TOKEN_BUDGET) -> None:
        self.model = model.eval()
        self.encoder = PieceEncoder(tokenizer)
        self.pad_id: int = tokenizer.pad_token_id or 0
        self.token_budget = token_budget
        rows = getattr(getattr(model, "input", None), "rows", None)
        self.rows: np.ndarray | None = None if rows is None else rows.cpu().numpy()
        self.known: dict[bytes, np.ndarray] = {}

    def probabilities(self, texts: Sequence[Words]) -> np.ndarray:
        encoded = [self.encoder.encode(t) for t in texts]
        keys = [self._key(ids) for ids in encoded]
        if len(self.known) > CACHE_ENTRIES:
            self.known.clear()
        new = {key: ids for key, ids in zip(keys, encoded, strict=True) if key not in self.known}
        answers = dict(zip(new, self._compute(list(new.values())), strict=True))
        found = [answers[k] if k in answers else self.known[k] for k in keys]
        self.known.update(answers)
        return np.stack(found) if found else np.zeros((0, 0), dtype=np.float32)

    def _key(self, ids: list[int]) -> bytes:
        array = np.array(ids, dtype=np.int32)
        return (array if self.rows is None else self.rows[array]).tobytes()

    def _compute(self, encoded: list[list[int]]) -> np.ndarray:
        answers: np.ndarray | None = None
        lengths = [len(ids) for ids in encoded]
        for chosen in sorted_batches(lengths, self.token_budget, SLACK):
            batch = self._forward([encoded[i] for i in chosen])
            if answers is None:
                answers = np.zeros((len(encoded), batch.shape[1]), dtype=np.float32)
            answers[chosen] = batch
        return np.zeros((0, 0), dtype=np.float32) if answers is None else answers

    def _forward(self, encoded: list[list[int]]) -> np.ndarray:
        ids, mask = padded(encoded, self.pad_id)
        device = self.model.device
        with torch.inference_mode():
            logits = self.model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
        result: np.ndarray = logits.float().softmax(-1).cpu().numpy()
        return result


class PieceEncoder:
    """Token ids of segmented texts, joined from the remembered pieces of words and gaps.

    BERT's pre-tokenizer splits at white space and punctuation, so pieces of the words are the
    pieces of the text if every gap consists of such characters. Other texts (symbols or invisible
    characters glued to a word) and other tokenizers are encoded whole: slower, never different.
    """

    def __init__(self, tokenizer: Any) -> None:
        backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        backend.no_padding()  # files of sentence encoders ask for a fixed length
        backend.no_truncation()
        self.backend = backend
        self.joins = type(backend.pre_tokenizer).__name__ == "BertPreTokenizer"
        self.max_length = min(tokenizer.model_max_length, 512)
        bare = backend.encode("word", add_special_tokens=False).ids
        full = backend.encode("word").ids
        at = next(i for i in range(len(full)) if full[i : i + len(bare)] == bare)
        self.prefix, self.suffix = full[:at], full[at + len(bare) :]
        self.pieces: dict[str, list[int]] = {}

    def encode(self, text: Words) -> list[int]:
        """Token ids with special tokens, cut to the model's length."""
        if not (self.joins and all(separates(gap) for gap in text.gaps)):
            whole = self.backend.encode(text.text, add_special_tokens=False).ids
            return self._framed([*self.prefix, *whole])
        ids = [*self.prefix, *self._pieces(text.gaps[0])]
        for word, gap in zip(text.words, text.gaps[1:], strict=True):
            ids += self._pieces(word)
            if gap != " ":
                ids += self._pieces(gap)
        return self._framed(ids)

    def _framed(self, ids: list[int]) -> list[int]:
        return ids[: self.max_length - len(self.suffix)] + self.suffix

    def _pieces(self, part: str) -> list[int]:
        known = self.pieces.get(part)
        if known is None:
            known = self.backend.encode(part, add_special_tokens=False).ids
            self.pieces[part] = known
        return known


@lru_cache(maxsize=65536)
def separates(gap: str) -> bool:
    """Whether BERT's pre-tokenizer splits at every character of a gap."""
    return all(
        c in " \t\n\r"
        or unicodedata.category(c) in BREAKING
        or (c.isascii() and c.isprintable())  # symbols like $ and + count as punctuation
        for c in gap
    )
