"""A sentence encoder, asked how alike two texts are. Shapes: N texts, T tokens, D dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from rosearch.models.batches import QUERIES, padded, sorted_batches
from rosearch.models.pieces import PieceEncoder
from rosearch.models.pretrained import load_pretrained
from rosearch.tasks.words import Words

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ENTRIES = 100_000  # encodings kept in memory: 150 MB at 384 dimensions


class SentenceEncoder:
    """A Hugging Face encoder with mean pooling (Reimers and Gurevych 2019, section 3).

    Encodings are remembered per text, so a text that is compared many times is encoded once.

    Args:
        folder: of the model; loaded when the first text is encoded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[str, np.ndarray] = {}

    @cached_property
    def parts(self) -> tuple[PreTrainedModel, PieceEncoder, int]:
        """Model, tokenizer, id of the padding token."""
        failure = f"no sentence encoder in {self.folder}"
        model, tokenizer = load_pretrained("AutoModel", self.folder, failure, offline=True)
        return model.eval(), PieceEncoder(tokenizer), tokenizer.pad_token_id or 0

    def __call__(self, texts: Sequence[Words]) -> np.ndarray:
        """Encodings of length one, (N, D), float32."""
        keys = [text.text for text in texts]
        if len(self.known) > ENTRIES:
            self.known.clear()
        new = {k: text for k, text in zip(keys, texts, strict=True) if k not in self.known}
        self.known.update(zip(new, self._encode(list(new.values())), strict=True))
        return np.stack([self.known[key] for key in keys])

    def _encode(self, texts: Sequence[Words]) -> list[np.ndarray]:
        model, tokenizer, pad_id = self.parts
        encoded = [tokenizer.encode(replace(text, first=None)).ids for text in texts]
        rows: list[np.ndarray] = [np.zeros(0)] * len(texts)
        with torch.inference_mode():
            for chosen in sorted_batches([len(ids) for ids in encoded], *QUERIES):
                ids, mask = padded([encoded[i] for i in chosen], pad_id)
                ids, mask = ids.to(model.device), mask.to(model.device)
                hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
                weight = mask[:, :, None].to(hidden.dtype)  # (N, T, 1)
                mean = (hidden * weight).sum(1) / weight.sum(1)  # (N, D)
                mean = torch.nn.functional.normalize(mean.float(), dim=1).cpu().numpy()
                for i, row in zip(chosen, mean, strict=True):
                    rows[i] = row
        return rows


class Cosines:
    """Cosines of pairs of texts by a sentence encoder."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self.encoder = encoder

    def __call__(self, pairs: Sequence[tuple[Words, Words]]) -> np.ndarray:
        """(N,), rounded to 1e-6: batches of another shape must not change a choice."""
        both = self.encoder([text for pair in pairs for text in pair])
        cosines: np.ndarray = np.round((both[::2] * both[1::2]).sum(1, dtype=np.float64), 6)
        return cosines
