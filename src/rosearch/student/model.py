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
from .pairs import Compared
from .votes import Votes

MAX_POSITIONS = 512
# Of students of earlier versions: what such a cell says, attacks reach.
BESIDE = (
    "its votes stand beside a cell that reads all words, which only earlier versions of rosearch "
    "build; votes_frame is what came in its place"
)


def token_rows(config: StudentConfig) -> Tensor | None:
    """Token id -> row of the embedding, to be filled in; None where they are equal. Tokens share a
    row under the synonym encoding or where the vocabulary is trimmed."""
    mapped = config.embedding_rows != config.vocab_size
    return torch.arange(config.vocab_size) if mapped else None


def input_rows(config: StudentConfig) -> tuple[int, Tensor | None]:
    """Rows of the embedding, and token id -> row, to be filled in."""
    if config.frame_rows:
        return config.frame_rows, torch.zeros(config.vocab_size, dtype=torch.long)
    return config.embedding_rows, token_rows(config)


def votes_of(spec: dict[str, Any] | None, config: StudentConfig) -> Votes | None:
    """The module of a genotype's votes, JSON-ready; None has none.

    Raises:
        ValueError: a cell beside them reads all words.
    """
    if spec is None:
        return None
    if spec["context"] and "reach" not in spec:
        raise ValueError(BESIDE)
    return Votes(config.embedding_rows, config.vocab_size, config.num_labels, spec["cap"])


class InputStage(nn.Module):
    """Token ids to (B, T, W): row map, factorised embedding (ALBERT), what the texts of a pair have
    in common, positions, dropout."""

    rows: Tensor | None

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        g = config.genotype
        e, w = g["embedding_dim"], g["width"]
        self.position: str = g["position"]
        n_rows, rows = input_rows(config)
        self.table = nn.Embedding(n_rows, e)
        self.project = nn.Linear(e, w) if e != w else None
        self.positions = nn.Embedding(MAX_POSITIONS, w) if self.position == "learned" else None
        self.dropout = nn.Dropout(config.dropout)
        self.register_buffer("rows", rows)
        between = config.pair_separator
        self.compared = None if between is None else Compared(e, between, config.pad_token_id)

    def embed(self, input_ids: Tensor) -> Tensor:
        """Token vectors (B, T, E) before projection and positions."""
        rows = input_ids if self.rows is None else self.rows[input_ids]
        vectors: Tensor = self.table(rows)
        return vectors if self.compared is None else self.compared(vectors, input_ids, rows)

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
    inference-time defence of the genotype if it has one. Where words vote, token vectors have the
    columns of the votes after those of the embedding.
    """

    rows: Tensor | None
    config_class = StudentConfig
    base_model_prefix = "student"

    def __init__(self, config: StudentConfig) -> None:
        super().__init__(config)
        g = config.genotype
        self.votes = votes_of(g.get("votes"), config)
        self.reach: float | None = None if self.votes is None else g["votes"].get("reach")
        # Of the votes, which alone read the words; else the input stage has them.
        self.register_buffer("rows", None if self.votes is None else token_rows(config))
        if self.has_cells:
            self._build_cells(g, config)
        self.defence = defence_of(g.get("defence"))
        self.post_init()

    @property
    def mapping(self) -> Tensor | None:
        """Token id -> row of the tables; None where they are equal."""
        return self.input.rows if self.votes is None else self.rows

    def row_of(self, input_ids: Tensor) -> Tensor:
        """Rows of the tables that token ids read, of the same shape."""
        return input_ids if self.mapping is None else self.mapping[input_ids]

    @property
    def has_cells(self) -> bool:
        """Whether there is an embedding and a cell; else there are votes alone. Beside votes it
        reads the frame only (function words and marks), and says how much each vote counts."""
        return self.votes is None or self.reach is not None

    def _build_cells(self, g: dict[str, Any], config: StudentConfig) -> None:
        self.input = InputStage(config)
        copies = 1 if g["shared"] else g["repeat"]
        self.cells = nn.ModuleList(Cell(g["nodes"], g["width"]) for _ in range(copies))
        self.repeat: int = g["repeat"]
        self.norm = nn.LayerNorm(g["width"])
        self.pooling = Pooling(g["pooling"], g["width"])
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(g["width"], config.num_labels)
        if self.reach is not None:
            self.context: float = g["votes"]["context"]
            self.weigh = nn.Linear(g["width"], 1)
            nn.init.zeros_(self.weigh.weight)
            nn.init.zeros_(self.weigh.bias)

    def _init_weights(self, module: nn.Module) -> None:
        """Keep torch's own initialisation; a loaded model has every weight in its file."""

    def get_input_embeddings(self) -> nn.Module:
        return self.table

    @property
    def table(self) -> nn.Embedding:
        """What has rows of tokens: the embedding, or the votes."""
        found: nn.Embedding = self.input.table if self.votes is None else self.votes.table
        return found

    def token_vectors(self, input_ids: Tensor) -> Tensor:
        """Token vectors (B, T, E) of token ids, with the columns of the votes, if any, at the end:
        what a defence or an attack may change, and `logits` reads."""
        rows = self.row_of(input_ids)
        vectors = [self.input.embed(input_ids)] if self.has_cells else []
        vectors += [] if self.votes is None else [self.votes.columns(input_ids, rows)]
        return vectors[0] if len(vectors) == 1 else torch.cat(vectors, -1)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput:
        if input_ids is not None:
            vectors = self.token_vectors(input_ids)
            if attention_mask is None:
                attention_mask = input_ids != self.config.pad_token_id
        elif inputs_embeds is not None:
            vectors = inputs_embeds
        else:
            raise ValueError("give input_ids or inputs_embeds")
        if attention_mask is None:
            attention_mask = torch.ones(vectors.shape[:2], device=vectors.device)
        mask = attention_mask.bool()
        if input_ids is not None and self._shares_frames(len(input_ids)):
            logits = self.by_frames(input_ids, vectors, mask)
        else:
            wrapped = self.logits if self.defence is None else partial(self.defence, self)
            logits = wrapped(vectors, mask)
        loss = None if labels is None else F.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def logits(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Logits (B, C) of token vectors (B, T, E) and a boolean mask (B, T), without a defence."""
        if self.votes is None:
            return self.said_by_cells(self.states(vectors, mask), mask)
        read, columns = vectors[..., : -self.votes.width], vectors[..., -self.votes.width :]
        if self.reach is None:
            voted: Tensor = self.votes(columns, mask)
            return voted
        x = self.states(read, mask)
        weighed: Tensor = self.votes(columns, mask, self.weights_of(x))
        return weighed + self.bounded(x, mask)

    def _shares_frames(self, texts: int) -> bool:
        """Whether texts may have a frame in common that need be read only once: those that an
        attack asks about have."""
        asked = texts > 1 and not torch.is_grad_enabled() and not torch.compiler.is_compiling()
        return asked and self.reach is not None and self.defence is None

    def by_frames(self, input_ids: Tensor, vectors: Tensor, mask: Tensor) -> Tensor:
        """The same logits (B, C); the cell runs once for all texts that have the same frame."""
        assert self.votes is not None and self.input.rows is not None
        frames = self.input.rows[input_ids].masked_fill(~mask, -1)
        frames, which = frames.unique(dim=0, return_inverse=True)
        real = frames >= 0
        x = self.states(self.input.table(frames.clamp_min(0)), real)
        columns = vectors[..., -self.votes.width :]
        weighed: Tensor = self.votes(columns, mask, self.weights_of(x)[which])
        return weighed + self.bounded(x, real)[which]

    def states(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """What the stacked cells make of token vectors (B, T, E): (B, T, W)."""
        x = self.input(vectors, mask)
        for i in range(self.repeat):
            x = self.cells[i % len(self.cells)](x, mask)
        return self.norm(x)

    def said_by_cells(self, states: Tensor, mask: Tensor) -> Tensor:
        """Logits (B, C) of the states (B, T, W) alone."""
        return self.classifier(self.dropout(self.pooling(states, mask)))

    def bounded(self, states: Tensor, mask: Tensor) -> Tensor:
        """What the cells add to the votes, (B, C): the logits of the states within the bound."""
        return self.context * torch.tanh(self.said_by_cells(states, mask) / self.context)

    def weights_of(self, states: Tensor) -> Tensor:
        """How much the vote of each word counts, (B, T), by the states (B, T, W)."""
        assert self.reach is not None
        return 1 + self.reach * torch.tanh(self.weigh(states)[..., 0] / self.reach)


# `save_pretrained` copies this file and those it imports beside the weights.
StudentForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
