"""Masked language models: loading them, and asking them about single places.

Shapes: B texts, T tokens, P places, V vocabulary, W width.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rosearch.errors import UserError, one_line
from rosearch.progress import quiet


def load_masked_lm(source: Path) -> tuple[Any, Any, bool]:
    """A masked language model, its fast tokenizer, and whether its head came with it.

    Never runs code from the model and reads no pickled weights.

    Raises:
        UserError: the model can't be loaded, or has no mask token.
    """
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    try:
        with quiet():
            # Left unset, trust_remote_code asks on a terminal whether to run a stranger's code.
            tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
            with torch.random.fork_rng(devices=[]):  # a missing head draws its weights
                model, found = AutoModelForMaskedLM.from_pretrained(
                    source, trust_remote_code=False, use_safetensors=True, output_loading_info=True
                )
    except Exception as error:  # a damaged file shows in errors of several libraries
        raise UserError(
            f"cannot load a masked language model from {str(source)!r}: {one_line(error)}; give a "
            "folder or hub id of a model such as bert-base-uncased"
        ) from None
    if not getattr(tokenizer, "is_fast", False):
        raise UserError(f"the model {str(source)!r} has no fast tokenizer, which RoSearch needs")
    if tokenizer.mask_token_id is None:
        raise UserError(f"the model {str(source)!r} has no mask token: no masked language model")
    return model.eval(), tokenizer, not found["missing_keys"]


def logits_at(model: Any, ids: Tensor, mask: Tensor, rows: Tensor, places: Tensor) -> Tensor:
    """Logits (P, V) at token `places` (P,) of the texts `rows` (P,) of a batch (B, T).

    The head works place by place and V is large, so the body's output is cut down to the places
    asked about before the head sees it.
    """

    def cut(_module: Any, _inputs: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state[rows, places][None]  # (1, P, W)
        return output

    hook = model.base_model.register_forward_hook(cut)
    try:
        logits: Tensor = model(input_ids=ids, attention_mask=mask).logits[0]
    finally:
        hook.remove()
    return logits
