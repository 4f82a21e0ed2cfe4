"""What RoSearch asks of networks and tokenizers, whichever library they come from.

Shapes: B batch, T tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import tokenizers
import torch
from torch import Tensor


class HasLogits(Protocol):
    """What a classifier answers a batch."""

    @property
    def logits(self) -> Tensor:
        """(B, C)."""
        ...


class Network(Protocol):
    """A classifier of token ids: of transformers, a student, or an ONNX graph."""

    @property
    def device(self) -> torch.device: ...

    def __call__(
        self, *, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor = ...
    ) -> HasLogits:
        """Of a batch (B, T); `token_type_ids` where it takes them, see `takes_types`."""
        ...

    def eval(self) -> object:
        """Switches dropout off."""
        ...


class Tokenizer(Protocol):
    """A fast Hugging Face tokenizer."""

    backend_tokenizer: tokenizers.Tokenizer
    model_input_names: list[str]
    model_max_length: int
    pad_token: str | None
    pad_token_id: int | None

    def __call__(self, *columns: list[str], **how: object) -> Mapping[str, list[list[int]]]:
        """`input_ids` of texts, or of pairs in two columns, and `token_type_ids` if asked for."""
        ...

    def save_pretrained(self, folder: Path) -> object: ...
