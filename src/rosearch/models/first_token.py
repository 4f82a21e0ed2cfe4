"""What a BERT classifier computes for nothing, left out.

Shapes: B batch, T tokens, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@contextmanager
def first_token_only(model: PreTrainedModel) -> Iterator[None]:
    """Within it, the last layer of a BERT classifier computes its first token alone.

    The classifier reads no other one: the logits are the same, hidden states are not. After the
    attention of the last of L layers, T - 1 of T tokens are dropped, which saves about 0.75 / L of
    all work. Other models are left as they are.
    """
    bert = model.bert if type(model).__name__ == "BertForSequenceClassification" else None
    if bert is None or not type(model).__module__.startswith("transformers."):
        yield
        return
    # The module that follows the attention takes what was mixed and the layer's input, (B, T, D).
    after_attention = bert.encoder.layer[-1].attention.output
    hook = after_attention.register_forward_pre_hook(_first_tokens)
    try:
        yield
    finally:
        hook.remove()


def _first_tokens(_module: nn.Module, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(x[:, :1] for x in states)
