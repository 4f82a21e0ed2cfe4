"""Robust distillation: the student matches the teacher's clean output on perturbed inputs.

Shapes: B batch, T tokens, V tokens of the vocabulary, K substitutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from rosearch.config import DistillConfig
from rosearch.distill.batch import Batch
from rosearch.distill.objective import Objective
from rosearch.student.vocabulary import Vocabulary

MOST = 12  # substitutes kept per word, the commonest senses first


@dataclass(frozen=True)
class Substitutes:
    """Tokens that may stand in for a token.

    Attributes:
        ids: (V, K) int32 token ids, valid up to `count`.
        count: (V,) int32, 0 for tokens that stay.
    """

    ids: np.ndarray
    count: np.ndarray


def substitutes(vocabulary: Vocabulary, lexicon: Mapping[str, Sequence[str]]) -> Substitutes:
    """Substitutes of the words that are one token each; those of the same row are left out.

    Args:
        lexicon: lower-cased word -> its substitutions.
    """
    ids = {token: i for i, token in enumerate(vocabulary.tokens)}
    rows = np.arange(len(ids)) if vocabulary.rows is None else vocabulary.rows
    table = np.zeros((len(ids), MOST), dtype=np.int32)
    count = np.zeros(len(ids), dtype=np.int32)
    for word, others in lexicon.items():
        token = ids.get(word)
        if token is not None:
            known = (ids[other.lower()] for other in others if other.lower() in ids)
            found = {int(rows[other]): other for other in known if rows[other] != rows[token]}
            chosen = list(found.values())[:MOST]
            table[token, : len(chosen)] = chosen
            count[token] = len(chosen)
    return Substitutes(table, count)


def substituted(ids: Tensor, table: Tensor, count: Tensor, share: float) -> Tensor:
    """Token ids (B, T) with about `share` of the replaceable words replaced at random.

    Words of both texts of a pair: more variety, though attacks change the second text only.

    Random synonym substitution as in SAFER (Ye et al. 2020, section 3), as training data.
    Departure: a word whose next piece continues it is replaced as well, now and then; it is noise.

    Args:
        table, count: `Substitutes` as tensors (V, K) and (V,).
    """
    options = count[ids]  # (B, T)
    pick = (torch.rand(ids.shape) * options).long()
    drawn = table[ids].gather(-1, pick[..., None])[..., 0].to(ids.dtype)
    return torch.where((options > 0) & (torch.rand(ids.shape) < share), drawn, ids)


class RobustMethod(Protocol):
    """One training step's forward and backward passes."""

    def backward(self, model: Any, batch: Batch, objective: Objective) -> Tensor:
        """Add the gradients of the loss to those of the model; returns the loss, a scalar."""
        ...


@dataclass(frozen=True)
class Substitution:
    """Random substitution in every batch."""

    table: Tensor
    count: Tensor
    share: float

    def backward(self, model: Any, batch: Batch, objective: Objective) -> Tensor:
        swapped = replace(batch, ids=substituted(batch.ids, self.table, self.count, self.share))
        return Plain().backward(model, swapped, objective)


@dataclass(frozen=True)
class Plain:
    """No perturbation."""

    def backward(self, model: Any, batch: Batch, objective: Objective) -> Tensor:
        loss = objective.losses(model, batch).mean()
        loss.backward()
        return loss.detach()


def robust_method(config: DistillConfig, data: Any, model: Any) -> RobustMethod:
    """What a training does in each step."""
    if not config.substitution or data.substitutes is None:
        return Plain()
    table = torch.from_numpy(data.substitutes.ids)
    count = torch.from_numpy(data.substitutes.count)
    return Substitution(table, count, config.substitution)
