"""White-box attacks on a victim: its texts as embeddings, in batches, and back as probabilities.

Shapes: B texts, T tokens, E embedding dimension, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from rosearch.attacks.embedding import ascend, movable_tokens, scale_of, start
from rosearch.attacks.goals import Goal
from rosearch.attacks.seeding import generator_of
from rosearch.attacks.white_box import Ball, WhiteBox
from rosearch.errors import UserError
from rosearch.models.answers import NetworkAnswers
from rosearch.models.batches import model_inputs, sorted_batches
from rosearch.models.classifier import Classifier
from rosearch.tasks.words import Words

if TYPE_CHECKING:
    from transformers import PreTrainedModel

AGREE = 1e-3  # how far probabilities from token ids and from embeddings may lie apart


def damaged(
    victim: Classifier, items: Sequence[tuple[Words, int]], white_box: WhiteBox
) -> np.ndarray:
    """Probabilities (items, C) at the most damaging point that gradient ascent meets in the ball.

    Every point counts, not only the last one. Equal texts in other batches give probabilities
    equal but for rounding.

    Raises:
        UserError: the victim gives no gradients, or does not read embeddings.
    """
    answers = _differentiable(victim)
    network = EmbeddingNetwork(victim.module, answers, victim.order)
    ball = white_box.ball.scaled(network.scale)
    encoded = [answers.encoder.encode(text) for text, _ in items]
    device = answers.model.device
    found: dict[int, np.ndarray] = {}
    for chosen in sorted_batches([len(e.ids) for e in encoded], *answers.batches):
        inputs = model_inputs([encoded[i] for i in chosen], answers.pad_id)
        inputs = {name: x.to(device) for name, x in inputs.items()}
        labels = [items[i][1] for i in chosen]
        fixed = torch.tensor([answers.encoder.fixed(items[i][0]) for i in chosen])
        noise = [_noise(items[i][0], len(encoded[i].ids), network.dim) for i in chosen]
        batch = _Batch(network, inputs, fixed.to(device), labels, white_box.goal)
        if not found:
            batch.check()
        found.update(zip(chosen, batch.climb(ball, noise), strict=True))
    return np.stack([found[i] for i in range(len(items))])


def _differentiable(victim: Classifier) -> NetworkAnswers:
    answers = victim.answers
    if isinstance(answers, NetworkAnswers) and isinstance(answers.model, torch.nn.Module):
        return answers
    kind = type(answers.model).__name__ if isinstance(answers, NetworkAnswers) else "function"
    raise UserError(
        "this attack needs the victim's gradients: give it a student or a Hugging Face "
        f"classifier, not a {kind}, or choose an attack on words"
    )


class EmbeddingNetwork:
    """A victim's network as a function of embeddings.

    Args:
        order: which of its logits is each of the victim's; None: as they come.

    Attributes:
        scale: see `rosearch.attacks.embedding.scale_of`.
        dim: E.
        special: ids of tokens that never move.
    """

    def __init__(
        self, model: PreTrainedModel, answers: NetworkAnswers, order: Sequence[int] | None = None
    ) -> None:
        self.model = model
        self.order = order
        table = model.get_input_embeddings()
        self.table = table
        self.scale = scale_of(table.weight)
        rows = answers.rows
        self.rows = None if rows is None else torch.from_numpy(rows).to(self.model.device)
        # Vectors of students may hold more than a row of the embedding.
        self.read: Callable[[Tensor], Tensor] = getattr(model, "token_vectors", self._row)
        self.dim = int(
            self.embed(torch.zeros((1, 1), dtype=torch.long, device=self.model.device)).shape[-1]
        )
        framing = answers.encoder.backend.encode("").ids
        self.special = torch.tensor(framing, device=self.model.device)

    def embed(self, ids: Tensor) -> Tensor:
        """Token ids (B, T) to embeddings (B, T, E), without gradient."""
        with torch.no_grad():
            return self.read(ids)

    def _row(self, ids: Tensor) -> Tensor:
        vectors: Tensor = self.table(ids if self.rows is None else self.rows[ids])
        return vectors

    def logits(self, **inputs: Tensor) -> Tensor:
        """Logits (B, C) of embeddings (B, T, E), or of token ids, with their mask."""
        # cuDNN has no backward pass for recurrent layers in evaluation mode.
        with torch.backends.cudnn.flags(enabled=False):
            logits: Tensor = self.model(**inputs).logits
        return logits.float() if self.order is None else logits.float()[:, list(self.order)]


class _Batch:
    """Texts of similar length under attack.

    Args:
        inputs: of the model, each (B, T).
        fixed: (B,) leading tokens that never move: those of the first text of a pair.
    """

    def __init__(
        self,
        network: EmbeddingNetwork,
        inputs: dict[str, Tensor],
        fixed: Tensor,
        labels: list[int],
        goal: Goal,
    ) -> None:
        self.network, self.goal, self.labels, self.fixed = network, goal, labels, fixed
        self.more = dict(inputs)
        self.ids = ids = self.more.pop("input_ids")
        self.vectors = network.embed(ids)
        said = labels if goal.target is None else [goal.target] * len(labels)
        self.said = torch.tensor(said, device=ids.device)
        self.worst: list[np.ndarray] = []

    def climb(self, ball: Ball, noise: list[np.ndarray]) -> list[np.ndarray]:
        """The probabilities (C,) of each text at the worst point met."""
        movable = movable_tokens(self.ids, self.more["attention_mask"], self.network.special)
        positions = torch.arange(self.ids.shape[1], device=self.ids.device)
        movable = movable * (positions >= self.fixed[:, None])[..., None]
        drawn = torch.zeros_like(self.vectors)
        for row, values in enumerate(noise):
            drawn[row, : len(values)] = torch.from_numpy(values).to(drawn)
        delta = start(drawn, movable, ball)
        delta = ascend(self.loss, self.vectors, movable, ball, delta)
        with torch.no_grad():
            self.loss(self.vectors + delta)
        return self.worst

    def loss(self, vectors: Tensor) -> Tensor:
        """What the attack drives up, (B,); notes the points that are the worst so far."""
        logits = self.network.logits(inputs_embeds=vectors, **self.more)
        self._note(logits.detach().softmax(-1).cpu().numpy())
        loss = F.cross_entropy(logits, self.said, reduction="none")
        return loss if self.goal.target is None else -loss

    def _note(self, probabilities: np.ndarray) -> None:
        if not self.worst:
            self.worst = list(probabilities)
            return
        for i, new in enumerate(probabilities):
            if self._damage(i, new) > self._damage(i, self.worst[i]):
                self.worst[i] = new

    def _damage(self, i: int, probabilities: np.ndarray) -> tuple[bool, float]:
        row, label = probabilities[None], self.labels[i]
        reached = bool(self.goal.reached(row, label)[0])
        return reached, -float(self.goal.distance(row, label)[0])

    def check(self) -> None:
        """Whether the model reads embeddings as it reads token ids: some pool by the ids."""
        model = self.network.model
        with torch.no_grad():
            try:
                there = self.network.logits(inputs_embeds=self.vectors, **self.more)
            except (TypeError, NotImplementedError, ValueError):
                raise UserError(
                    f"this attack needs a model that takes inputs_embeds; {type(model).__name__} "
                    "does not: choose an attack on words"
                ) from None
            here = self.network.logits(input_ids=self.ids, **self.more)
        if float((there.softmax(-1) - here.softmax(-1)).abs().max()) > AGREE:
            raise UserError(
                f"{type(model).__name__} answers embeddings otherwise than the token ids that they "
                "belong to, so attacks on embeddings do not fit it: choose an attack on words"
            )


def _noise(text: Words, tokens: int, dim: int) -> np.ndarray:
    """Noise (T, E), uniform in [-1, 1], that depends on the text alone."""
    return generator_of(text).uniform(-1, 1, (tokens, dim)).astype(np.float32)
