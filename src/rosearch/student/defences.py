"""Inference-time defences: modules that wrap the forward pass of a student.

A defence takes the student, token vectors (B, T, E) and a boolean mask (B, T), and gives logits
(B, C); it asks `student.logits` as often as it likes. It is a deterministic function of these
alone, works for any batch, and is blind to padding: so attacks on words and on embeddings, caches
of answers, batches and ONNX graphs are right without knowing it. Training never goes through it.

Shapes: B batch, T tokens, E embedding dimension, C classes, K copies.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn


class MaskedMean(nn.Module):
    """The mean probabilities of K copies; the token at position p is masked in copy j if
    (p + j) % K == 0, so each in exactly one.

    After RanMASK (Zeng et al. 2023), which masks at random and takes a vote. Probabilities are
    averaged, not logits: one copy, however sure, then moves the answer by at most 1 / K. A masked
    token has the vector 0, the mean of the teacher's words, where embeddings start.
    """

    def __init__(self, copies: int) -> None:
        super().__init__()
        self.copies = copies

    def forward(self, student: Any, vectors: Tensor, mask: Tensor) -> Tensor:
        places = torch.arange(vectors.shape[1], device=vectors.device)
        copies = torch.arange(self.copies, device=vectors.device)
        kept = ((places + copies[:, None]) % self.copies != 0).to(vectors.dtype)  # (K, T)
        masked = vectors[None] * kept[:, None, :, None]  # (K, B, T, E)
        logits = student.logits(masked.flatten(0, 1), mask.repeat(self.copies, 1))  # (KB, C)
        each = logits.log_softmax(-1).view(self.copies, -1, logits.shape[-1])  # (K, B, C)
        return each.logsumexp(0) - math.log(self.copies)


MODULES: dict[str, Callable[..., nn.Module]] = {"masked_mean": MaskedMean}


def defence_of(spec: dict[str, Any] | None) -> nn.Module | None:
    """The module of a genotype's defence, JSON-ready: its name and genes; None has none."""
    if spec is None:
        return None
    genes = {name: value for name, value in spec.items() if name != "name"}
    return module_of(spec["name"])(**genes)


def module_of(name: str) -> Callable[..., nn.Module]:
    """The class of a defence: of this file, or of a plugin where rosearch is imported."""
    if name in MODULES:
        return MODULES[name]
    genes = sys.modules.get("rosearch.space.defences")  # not imported: this file travels
    if genes is None or name not in genes.INFERENCE_DEFENCES:
        raise ValueError(
            f"the student has the inference-time defence {name!r}, which is not known here; "
            "load the plugin that registers it"
        )
    module, _, inner = genes.INFERENCE_DEFENCES[name].module.partition(":")
    found: Callable[..., nn.Module] = getattr(import_module(module), inner)
    return found
