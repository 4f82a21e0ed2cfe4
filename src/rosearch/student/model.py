"""The student as a Hugging Face model: input stage, stacked cells, pooling, classifier.

Shapes: B batch, T tokens, E embedding dimension, W width, C classes.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from .configuration import StudentConfig
from .defences import defence_of
from .layers import Cell, Pooling, sinusoid

MAX_POSITIONS = 512


class InputStage(nn.Module):
    """Token ids to (B, T, W): row map, factorised embedding (ALBERT), positions, dropout."""

    rows: Tensor | None

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        g = config.genotype
        e, w = g["embedding_dim"], g["width"]
        self.position: str = g["position"]
        self.table = nn.Embedding(config.embedding_rows, e)
        self.project = nn.Linear(e, w) if e != w else None
        self.positions = nn.Embedding(MAX_POSITIONS, w) if self.position == "learned" else None
        self.dropout = nn.Dropout(config.dropout)
        # Synonym encoding: token id -> row of the embedding, one row for a whole cluster.
        mapped = config.embedding_rows != config.vocab_size
        self.register_buffer("rows", torch.arange(config.vocab_size) if mapped else None)

    def embed(self, input_ids: Tensor) -> Tensor:
        """Token vectors (B, T, E) before projection and positions."""
        return self.table(input_ids if self.rows is None else self.rows[input_ids])

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        x = vectors if self.project is None else self.project(vectors)
        t, w = x.shape[1], x.shape[2]
        if self.positions is not None:
            places = torch.arange(t, device=x.device).clamp_max(MAX_POSITIONS - 1)
            x = x + self.positions(places)
        elif self.position == "sinusoidal":
            x = x + sinusoid(t, w, x.device).to(x.dtype)
        return self.dropout(x) * mask[..., None].to(x.dtype)


class StudentForSequenceClassification(PreTrainedModel):
    """A student text classifier.

    `forward` takes `input_ids` (B, T) or `inputs_embeds` (B, T, E), an optional `attention_mask`
    (B, T) with padding on the right, optional `labels` (B,), and gives `logits` (B, C), through the
    inference-time defence of the genotype if it has one.
    """

    config_class = StudentConfig
    base_model_prefix = "student"

    def __init__(self, config: StudentConfig) -> None:
        super().__init__(config)
        g = config.genotype
        self.input = InputStage(config)
        copies = 1 if g["shared"] else g["repeat"]
        self.cells = nn.ModuleList(Cell(g["nodes"], g["width"]) for _ in range(copies))
        self.repeat: int = g["repeat"]
        self.norm = nn.LayerNorm(g["width"])
        self.pooling = Pooling(g["pooling"], g["width"])
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(g["width"], config.num_labels)
        self.defence = defence_of(g.get("defence"))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Keep torch's own initialisation; a loaded model has every weight in its file."""

    def get_input_embeddings(self) -> nn.Module:
        return self.input.table

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput:
        if input_ids is not None:
            vectors = self.input.embed(input_ids)
            if attention_mask is None:
                attention_mask = input_ids != self.config.pad_token_id
        elif inputs_embeds is not None:
            vectors = inputs_embeds
        else:
            raise ValueError("give input_ids or inputs_embeds")
        if attention_mask is None:
            attention_mask = torch.ones(vectors.shape[:2], device=vectors.device)
        mask = attention_mask.bool()
        wrapped = self.logits if self.defence is None else partial(self.defence, self)
        logits = wrapped(vectors, mask)
        loss = None if labels is None else F.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def logits(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Logits (B, C) of token vectors (B, T, E) and a boolean mask (B, T), without a defence."""
        x = self.input(vectors, mask)
        for i in range(self.repeat):
            x = self.cells[i % len(self.cells)](x, mask)
        return self.classifier(self.dropout(self.pooling(self.norm(x), mask)))


# `save_pretrained` copies this file and those it imports beside the weights.
StudentForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
