"""Train a student on the teacher's targets.

Shapes: B batch, T tokens, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from rosearch.batches import bucketed_epoch, padded
from rosearch.config import DistillConfig
from rosearch.distill.batch import Batch
from rosearch.distill.data import EncodedTrain
from rosearch.distill.robust import robust_method
from rosearch.space.genotype import Genotype
from rosearch.student.build import build_student
from rosearch.student.model import StudentForSequenceClassification
from rosearch.types import Fidelity

WARM_UP = 0.1
# Called with batches done, batches in all, and the loss.
OnBatch = Callable[[int, int, float], None]


class TrainingDiverged(RuntimeError):
    """The loss is no number any more."""


def train_student(
    g: Genotype,
    data: EncodedTrain,
    labels: Sequence[int],
    targets: np.ndarray,
    label_names: Sequence[str],
    config: DistillConfig,
    fidelity: Fidelity,
    seed: int,
    teacher_params: int | None = None,
    on_batch: OnBatch | None = None,
) -> StudentForSequenceClassification:
    """A student trained from scratch; deterministic in its arguments on one thread.

    Args:
        labels: of the whole train split; the share that `fidelity` names is drawn with `seed`.
        targets: logits (train examples, C) of the teacher.
    Raises:
        TrainingDiverged: the loss became NaN or infinite.
    """
    model = build_student(g, data.vocabulary, label_names, seed, data.embedding, teacher_params)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = config.dropout
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _run_epochs(model, data, labels, targets, config, fidelity, seed, on_batch)
    return model.eval()


def _run_epochs(
    model: StudentForSequenceClassification,
    data: EncodedTrain,
    labels: Sequence[int],
    targets: np.ndarray,
    config: DistillConfig,
    fidelity: Fidelity,
    seed: int,
    on_batch: OnBatch | None,
) -> None:
    rng = np.random.default_rng(seed)
    n = len(data.texts)
    chosen = rng.permutation(n)[: max(1, round(fidelity.train_share * n))]
    lengths = [len(data.texts[i]) for i in chosen]
    hard = torch.as_tensor(np.asarray(labels)[chosen])
    soft = torch.as_tensor(np.asarray(targets)[chosen].astype(np.float32))
    per_epoch = math.ceil(len(chosen) / config.batch_size)
    steps = per_epoch * fidelity.epochs
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: cosine_rate(s, steps))
    method = robust_method(config, data, model)
    objective = _Distillation(config.temperature, config.soft_weight)
    model.train()
    done = 0
    for _ in range(fidelity.epochs):
        for batch in bucketed_epoch(lengths, config.batch_size, rng):
            ids, mask = padded([data.texts[chosen[i]] for i in batch], data.vocabulary.pad_id)
            step = Batch(ids, mask, hard[batch], soft[batch], chosen[batch])
            loss = method.backward(model, step, objective)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            rate.step()
            done += 1
            if not math.isfinite(loss):
                raise TrainingDiverged(f"the loss became {loss} in batch {done} of {steps}")
            if on_batch:
                on_batch(done, steps, loss)


@dataclass(frozen=True)
class _Distillation:
    """`rosearch.distill.losses.distillation` as an objective."""

    temperature: float
    soft_weight: float

    def losses(self, model: Any, batch: Batch, vectors: Tensor | None = None) -> Tensor:
        read = {"input_ids": batch.ids} if vectors is None else {"inputs_embeds": vectors}
        logits = model(**read, attention_mask=batch.mask).logits  # (B, C)
        t = self.temperature
        soft = -(F.softmax(batch.targets / t, -1) * F.log_softmax(logits / t, -1)).sum(-1) * t**2
        hard = F.cross_entropy(logits, batch.labels, reduction="none")
        return self.soft_weight * soft + (1 - self.soft_weight) * hard


def cosine_rate(step: int, steps: int) -> float:
    """Factor of the learning rate: linear warm-up, then a cosine to zero."""
    rise = (step + 1) / max(1.0, WARM_UP * steps)
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / max(1, steps))))
    return min(1.0, rise) * fall
