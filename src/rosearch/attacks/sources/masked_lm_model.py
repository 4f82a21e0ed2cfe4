"""Masked language models: loading them, and the words that they put into positions of texts.

Shapes: B texts, T tokens, P positions, V vocabulary, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.attacks.sources.masked_lm import Blank, Guesses
from rosearch.errors import UserError
from rosearch.models.batches import PASSES, padded, sorted_batches
from rosearch.models.pieces import PieceEncoder
from rosearch.models.pretrained import load_pretrained
from rosearch.tasks.words import WORD, Words

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast
    from transformers.modeling_outputs import BaseModelOutput

SHORTEST = 32  # what a text counts at least: bounds the rows of a batch, each with V logits
CACHE_ENTRIES = 200_000
MOST_PIECES = 12  # longer words get no combinations
WORD_STARTS = ("Ġ", "▁")  # how byte-level BPE and SentencePiece mark the start of a word


def load_masked_lm(source: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerFast, bool]:
    """A masked language model, its fast tokenizer, and whether its head came with it.

    Never runs code from the model and reads no pickled weights.

    Raises:
        UserError: the model can't be loaded, or has no mask token.
    """
    with torch.random.fork_rng(devices=[]):  # a missing head draws its weights
        (model, found), tokenizer = load_pretrained(
            "AutoModelForMaskedLM",
            source,
            f"cannot load a masked language model from {str(source)!r}",
            "; give a folder or hub id of a model such as bert-base-uncased",
            more={"output_loading_info": True},
        )
    if tokenizer.mask_token_id is None:
        raise UserError(f"the model {str(source)!r} has no mask token: no masked language model")
    return model.eval(), tokenizer, not found["missing_keys"]


def logits_at(
    model: PreTrainedModel, ids: Tensor, mask: Tensor, rows: Tensor, positions: Tensor
) -> Tensor:
    """Logits (P, V) at token `positions` (P,) of the texts `rows` (P,) of a batch (B, T).

    The head works position by position and V is large, so the body's output is cut down to the
    positions asked about before the head sees it.
    """

    def cut(_module: object, _inputs: object, output: BaseModelOutput) -> BaseModelOutput:
        output.last_hidden_state = output.last_hidden_state[rows, positions][None]  # (1, P, W)
        return output

    hook = model.base_model.register_forward_hook(cut)
    try:
        logits: Tensor = model(input_ids=ids, attention_mask=mask).logits[0]
    finally:
        hook.remove()
    return logits


@lru_cache(maxsize=2)
def loaded(folder: Path) -> MaskedModel:
    """The model of a folder, loaded once per process.

    Raises:
        UserError: it can't be loaded, or has no masked-language-model head.
    """
    model, tokenizer, has_head = load_masked_lm(folder)
    if not has_head:
        raise UserError(
            f"the model {str(folder)!r} has no masked-language-model head; give a folder or hub id "
            "of a model that has one, such as bert-base-uncased"
        )
    return MaskedModel(model, tokenizer)


class MaskedModel:
    """A loaded masked language model; remembers its answers."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
        self.model = model
        self.encoder = PieceEncoder(tokenizer)
        positions = getattr(model.config, "max_position_embeddings", self.encoder.max_length)
        self.max_length = min(self.encoder.max_length, positions)
        self.mask_id: int = tokenizer.mask_token_id
        self.pad_id: int = tokenizer.pad_token_id or 0
        vocabulary = _Vocabulary.of(tokenizer, model.get_output_embeddings().weight.shape[0])
        self.vocabulary = vocabulary
        self.starts = torch.from_numpy(vocabulary.starts)
        self.continues = torch.from_numpy(vocabulary.continues)
        self.known: dict[tuple[Guesses, bytes], tuple[str, ...]] = {}

    def guesses(self, items: Sequence[Blank], how: Guesses) -> list[tuple[str, ...]]:
        """Words for each position; texts that read alike to the model are computed once."""
        asked = [self._asked(text, position, how.masked) for text, position in items]
        if len(self.known) > CACHE_ENTRIES:
            self.known.clear()
        keys = [(how, one.key) for one in asked]
        new = {
            key: one
            for key, one in zip(keys, asked, strict=True)
            if key not in self.known and 0 < one.pieces <= MOST_PIECES
        }
        self.known.update(zip(new, self._compute(list(new.values()), how), strict=True))
        return [self.known.get(key, ()) for key in keys]

    def _asked(self, text: Words, position: int, masked: bool) -> _Asked:
        """The token ids around a position, cut to the model's length, and where the position is."""
        reach = self.max_length  # a word has at least one piece
        first, last = max(0, position - reach), min(len(text.words), position + reach + 1)
        before = Words(text.words[first:position], text.gaps[first : position + 1]).text
        after = Words(text.words[position + 1 : last], text.gaps[position + 1 : last + 1]).text
        word = text.words[position]
        encoding = self.encoder.backend.encode(before + word + after, add_special_tokens=False)
        start, end = len(before), len(before) + len(word)
        inside = [i for i, (a, b) in enumerate(encoding.offsets) if a < end and b > start]
        if not inside:
            return _Asked((), 0, 0)
        left, right = encoding.ids[: inside[0]], encoding.ids[inside[-1] + 1 :]
        pieces = encoding.ids[inside[0] : inside[-1] + 1]
        middle = [self.mask_id] if masked else pieces[: MOST_PIECES + 1]
        prefix, suffix = self.encoder.frames[0].special
        room = self.max_length - len(prefix) - len(suffix) - len(middle)
        kept = min(len(left), max(room // 2, room - len(right)))
        ids = [*prefix, *left[len(left) - kept :], *middle, *right[: room - kept], *suffix]
        return _Asked(tuple(ids), len(prefix) + kept, len(middle))

    def _compute(self, asked: Sequence[_Asked], how: Guesses) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = [()] * len(asked)
        lengths = [max(len(one.ids), SHORTEST) for one in asked]
        for chosen in sorted_batches(lengths, *PASSES):
            batch = [asked[i] for i in chosen]
            for i, words in zip(chosen, self._forward(batch, how), strict=True):
                found[i] = words
        return found

    def _forward(self, batch: Sequence[_Asked], how: Guesses) -> list[tuple[str, ...]]:
        ids, mask = padded([one.ids for one in batch], self.pad_id)
        rows = torch.tensor([row for row, one in enumerate(batch) for _ in range(one.pieces)])
        positions = torch.tensor([one.start + i for one in batch for i in range(one.pieces)])
        with torch.inference_mode():
            logits = logits_at(self.model, ids, mask, rows, positions).float()  # (P, V)
        found, at = [], 0
        for one in batch:
            own = logits[at : at + one.pieces]
            at += one.pieces
            found.append(self._single(own[0], how) if one.pieces == 1 else self._joined(own, how))
        return found

    def _single(self, logits: Tensor, how: Guesses) -> tuple[str, ...]:
        """The likeliest tokens (V,) of one position that are real words."""
        words = (self.vocabulary.words[i] for i, _ in _best(logits, how.top))
        return tuple(dict.fromkeys(w for w in words if w))

    def _joined(self, logits: Tensor, how: Guesses) -> tuple[str, ...]:
        """The likeliest combinations of pieces for a word of several, (pieces, V)."""
        logits = logits.log_softmax(-1)
        text = self.vocabulary.pieces
        made = [
            (score, text[i])
            for i, score in _best(logits[0].masked_fill(~self.starts, -torch.inf), how.top_pieces)
        ]
        for row in logits[1:]:
            likeliest = _best(row.masked_fill(~self.continues, -torch.inf), how.top_pieces)
            joined = [(s + more, w + text[i]) for s, w in made for i, more in likeliest]
            # Scores add up, so the best of all are among the best so far: never top_pieces ** n.
            made = sorted(joined, key=lambda one: (-one[0], one[1]))[: how.top]
        return tuple(dict.fromkeys(w for _, w in made if is_candidate(w)))


@dataclass(frozen=True)
class _Asked:
    """Token ids, and which of them are asked about: `pieces` of them from `start`."""

    ids: tuple[int, ...]
    start: int
    pieces: int

    @property
    def key(self) -> bytes:
        return np.array([self.start, self.pieces, *self.ids], dtype=np.int32).tobytes()


@dataclass(frozen=True)
class _Vocabulary:
    """What the V tokens say.

    Attributes:
        words: the word that a token is; empty if it is none that may be offered.
        pieces: its letters without marks.
        starts, continues: (V,) bool, whether a token of letters starts or goes on with a word.
    """

    words: tuple[str, ...]
    pieces: tuple[str, ...]
    starts: np.ndarray
    continues: np.ndarray

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast, size: int) -> _Vocabulary:
        """The vocabulary of a WordPiece, byte-level BPE or SentencePiece tokenizer."""
        marked = any(t.startswith(WORD_STARTS) for t in tokenizer.get_vocab())
        names = [
            name or "" for name in tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        ]
        names += [""] * (size - len(names))
        special = set(tokenizer.all_special_tokens)
        starts, pieces = np.zeros(size, dtype=bool), [""] * size
        continues = np.zeros(size, dtype=bool)
        for i, name in enumerate(names[:size]):
            goes_on = not name.startswith(WORD_STARTS) if marked else name.startswith("##")
            # Byte-level tokens are letters only once they are decoded.
            letters = tokenizer.convert_tokens_to_string([name]).strip() if marked else name
            letters = letters.removeprefix("##")
            if name not in special and letters.isalpha():
                pieces[i] = letters
                starts[i], continues[i] = not goes_on, goes_on
        words = [p if s and is_candidate(p) else "" for p, s in zip(pieces, starts, strict=True)]
        return cls(tuple(words), tuple(pieces), starts, continues)


def is_candidate(word: str) -> bool:
    """Whether a word may be offered: of two letters or more, and no function word."""
    return len(word) > 1 and bool(WORD.fullmatch(word)) and not_a_stop_word(word)


def _best(logits: Tensor, n: int) -> list[tuple[int, float]]:
    """The n highest of (V,) that are finite, as index and value; ties by the index."""
    values, indices = logits.topk(min(n, len(logits)))
    found = zip(indices.tolist(), values.tolist(), strict=True)
    return sorted((f for f in found if f[1] > -torch.inf), key=lambda f: (-f[1], f[0]))
