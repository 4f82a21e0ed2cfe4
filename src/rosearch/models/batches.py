"""Encoded texts, length-bucketed batches and padding. Shapes: B batch, T tokens."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rosearch.models.network import Network, Tokenizer
from rosearch.types import Text

POOL = 50  # batches that are sorted by length together


class Budget(NamedTuple):
    """How large a batch may be.

    Attributes:
        tokens: padded tokens of a batch, unless a single text has more.
        slack: padding allowed per row.
    """

    tokens: int
    slack: int


QUERIES = Budget(2048, 2)  # of an attack; more is slower on a CPU, its caches overflow
ACCELERATED = Budget(65_536, 8)  # the same on an accelerator, which fewer and larger batches fill
ONE_BY_ONE = Budget(1, 2)
PASSES = Budget(4096, 4)  # of a large model over a whole split


class Encoded(NamedTuple):
    """A text or a pair of texts as a model reads it.

    Attributes:
        ids: T token ids, special tokens included.
        types: T token types, which tell the texts of a pair apart; None where all are 0 or the
            model takes none.
    """

    ids: list[int]
    types: list[int] | None = None


def takes_types(model: Network, tokenizer: Tokenizer) -> bool:
    """Whether a model takes token types: BERT does, DistilBERT, RoBERTa and students do not.

    Args:
        model: a torch module, or an exported graph, which lists its `input_names`.
    """
    name = "token_type_ids"
    taken = getattr(model, "input_names", None)
    taken = taken or inspect.signature(getattr(model, "forward", model)).parameters
    return name in tokenizer.model_input_names and name in taken


def tokenized(
    tokenizer: Tokenizer, texts: Sequence[Text], max_length: int | None, types: bool = False
) -> list[Encoded]:
    """Texts or pairs encoded by a Hugging Face tokenizer.

    Too long pairs lose tokens at the end of the longer text first (`truncation=True`, the Hugging
    Face default); attacks cut them in the same way (`rosearch.models.pieces`).

    Args:
        texts: all single texts or all pairs.
        max_length: None cuts nothing; never more than the tokenizer says that the model takes.
        types: whether token types are wanted, see `takes_types`.
    """
    if not texts:
        return []
    pairs = not isinstance(texts[0], str)
    columns = [list(column) for column in zip(*texts, strict=True)] if pairs else [list(texts)]
    found = tokenizer(
        *columns,
        truncation=max_length is not None,
        max_length=max_length and min(max_length, tokenizer.model_max_length),
        return_token_type_ids=types,
    )
    kinds: Sequence[list[int] | None] = found["token_type_ids"] if types else [None] * len(texts)
    return [
        Encoded(ids, kind if kind and any(kind) else None)
        for ids, kind in zip(found["input_ids"], kinds, strict=True)
    ]


def model_inputs(
    encoded: Sequence[Encoded], pad_id: int | None, left: bool = False
) -> dict[str, Tensor]:
    """What a Hugging Face model takes: ids, mask, and types where any text has them; (B, T).

    Args:
        pad_id: None where texts are of one length.
    """
    ids, mask = padded([e.ids for e in encoded], pad_id or 0, left)
    inputs = {"input_ids": ids, "attention_mask": mask}
    if any(e.types for e in encoded):
        types = [e.types or [0] * len(e.ids) for e in encoded]
        inputs["token_type_ids"], _ = padded(types, 0, left)
    return inputs


def bucketed_epoch(
    lengths: Sequence[int], batch_size: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """One epoch of index batches in random order, each of similar lengths.

    Examples are shuffled, cut into pools of `POOL` batches, sorted by length within a pool: nearly
    no padding, and nearly the randomness of a plain shuffle.
    """
    order = rng.permutation(len(lengths))
    sizes = np.asarray(lengths)
    batches = []
    for start in range(0, len(order), POOL * batch_size):
        pool = order[start : start + POOL * batch_size]
        pool = pool[np.argsort(sizes[pool], kind="stable")]
        batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    for i in rng.permutation(len(batches)):
        yield batches[int(i)]


def sorted_batches(lengths: Sequence[int], token_budget: int, slack: int) -> Iterator[list[int]]:
    """Indices in batches of similar length: at most `slack` padding a row, a budget of tokens."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if batch and (
            lengths[i] * (len(batch) + 1) > token_budget or lengths[i] - lengths[batch[0]] > slack
        ):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def padded(
    encoded: Sequence[Sequence[int] | np.ndarray], pad_id: int, left: bool = False
) -> tuple[Tensor, Tensor]:
    """Token ids (B, T), padded on the right or the left, and the mask (B, T), 1 at real tokens."""
    longest = max(len(ids) for ids in encoded)
    array = np.full((len(encoded), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(encoded), longest), dtype=np.int64)
    for row, ids in enumerate(encoded):
        place = slice(longest - len(ids), None) if left else slice(len(ids))
        array[row, place] = ids
        mask[row, place] = 1
    return torch.from_numpy(array), torch.from_numpy(mask)


def second_half(ids: Tensor) -> Tensor:
    """Token types for ids (B, T) as if the latter half of them were the second text of a pair."""
    return (torch.arange(ids.shape[1]) >= (ids.shape[1] + 1) // 2).long().expand_as(ids)
