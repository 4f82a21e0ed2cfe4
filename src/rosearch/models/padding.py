"""What padding, ends and lengths a model and its tokenizer ask for.

Shapes: B batch, T tokens, C classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from torch import Tensor

from rosearch.models.batches import (
    ONE_BY_ONE,
    Budget,
    Encoded,
    model_inputs,
    takes_types,
    tokenized,
)
from rosearch.models.network import Network, Tokenizer

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

# Which texts a model may be asked about together: any, padded on the right; those of one length
# only, as a model that reads its last token; or one alone.
Together: TypeAlias = Literal["padded", "equal", "alone"]

PROBES = ("good", "a good film")
EXACT = 1e-4  # how far logits may lie apart that padding does not change, relative to the largest


def fit_tokenizer(config: PretrainedConfig, tokenizer: PreTrainedTokenizerFast) -> None:
    """Make a tokenizer and a model's configuration agree on padding and on the longest text.

    The tokenizers of many models state no length, and some models no padding token. Both are
    changed in place.
    """
    if getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = tokenizer.pad_token_id
    elif tokenizer.pad_token_id is None and 0 <= config.pad_token_id < len(tokenizer):
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(config.pad_token_id)
    longest = positions(config)
    if longest is not None:
        tokenizer.model_max_length = min(tokenizer.model_max_length, longest)


def begin_padding(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """Give a model that is going to be trained in batches a padding token, if it has none."""
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
        model.config.pad_token_id = tokenizer.pad_token_id


def positions(config: PretrainedConfig) -> int | None:
    """The longest text that a model has positions for; None where nothing limits it."""
    found = getattr(config, "max_position_embeddings", None)
    if not isinstance(found, int) or found <= 0:
        return None
    # RoBERTa and its kin count positions from behind that of the padding token.
    behind = config.model_type in AFTER_PADDING and config.pad_token_id is not None
    return found - config.pad_token_id - 1 if behind else found


AFTER_PADDING = frozenset(
    {
        "camembert", "data2vec-text", "esm", "ibert", "longformer", "luke", "mpnet", "roberta",
        "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
    }
)  # fmt: skip


def together(model: Network, tokenizer: Tokenizer) -> Together:
    """How a model may be asked about several texts at once without answering otherwise.

    Tried out: of a text alone, twice, and padded with tokens that are masked. Models that find the
    text's end by the padding token, or read the last place of the batch, do not pass.
    """
    config = getattr(model, "config", None)
    if getattr(config, "model_type", None) == "rosearch-student":
        return "padded"  # students are made so
    short, long = tokenized(tokenizer, PROBES, None, takes_types(model, tokenizer))
    filler = [i for i in long.ids if i not in short.ids][-1:] or long.ids[:1]
    try:
        alone, twice = _logits(model, [short]), _logits(model, [short, short])
    except Exception:  # such as GPT-2 without a padding token
        return "alone"
    if not _close(twice[:1], alone):
        return "alone"
    try:
        beside = _logits(model, [short, _longer(short, filler[0])], filler[0])
    except Exception:  # of a graph that keeps a length
        return "equal"
    return "padded" if _close(beside[:1], alone) else "equal"


def budget_of(kind: Together, budget: Budget) -> Budget:
    """How large batches may be."""
    if kind == "alone":
        return ONE_BY_ONE
    return budget if kind == "padded" else budget._replace(slack=0)


def ended(ids: Tensor, model: object) -> Tensor:
    """Token ids (B, T) as a model takes them: those with a decoder read the last end token."""
    config = getattr(model, "config", None)
    end = getattr(config, "eos_token_id", None)
    if not getattr(config, "is_encoder_decoder", False) or not isinstance(end, int):
        return ids
    ids = torch.where(ids == end, end + 1 if end == 0 else end - 1, ids)
    ids[:, -1] = end
    return ids


def _longer(text: Encoded, token: int) -> Encoded:
    return Encoded([*text.ids, token, token, token], text.types and [*text.types, 0, 0, 0])


def _logits(model: Network, batch: list[Encoded], pad_id: int = 0) -> Tensor:
    inputs = model_inputs(batch, pad_id)
    with torch.inference_mode():
        found = model(**{name: x.to(model.device) for name, x in inputs.items()})
    return found.logits.float()


def _close(a: Tensor, b: Tensor) -> bool:
    scale = float(b.abs().max())
    return bool((a - b).abs().max() <= EXACT * max(scale, 1e-3))
