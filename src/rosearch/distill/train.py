"""Train a student on the teacher's targets.

Shapes: B batch, T tokens, C classes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from rosearch.config import DistillConfig
from rosearch.distill import votes
from rosearch.distill.batch import Batch
from rosearch.distill.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from rosearch.distill.data import TrainData
from rosearch.distill.defences.compose import robust_method
from rosearch.distill.inherit import Ancestor, inherit
from rosearch.distill.layer_matching import match_loss, objectives
from rosearch.distill.optimiser import Optimiser
from rosearch.distill.schedule import Schedule
from rosearch.distill.stopping import EarlyStopping
from rosearch.models.batches import padded
from rosearch.models.device import to_device
from rosearch.space.genotype import Genotype
from rosearch.student.build import build_student
from rosearch.student.model import StudentForSequenceClassification
from rosearch.types import Fidelity

# Called with batches done, batches in all, and the loss.
OnBatch = Callable[[int, int, float], None]
Validate = Callable[[StudentForSequenceClassification], float]  # loss on the validation split
STREAM = 1_000_003  # a prime: steps of trainings with near seeds draw different numbers


class TrainingDiverged(RuntimeError):
    """The loss is no number any more."""


def train_student(
    g: Genotype,
    data: TrainData,
    config: DistillConfig,
    fidelity: Fidelity,
    seed: int,
    *,
    on_batch: OnBatch | None = None,
    validate: Validate | None = None,
    checkpoint: Path | None = None,
    parent: Ancestor | None = None,
) -> StudentForSequenceClassification:
    """A student trained from scratch; deterministic in its arguments on one thread of a CPU.

    Args:
        data: the whole train split; the share of it that `fidelity` names is drawn with `seed`.
        validate: for early stopping.
        checkpoint: file to go on from, where it holds an earlier part of the same training, or all
            of it, and to leave the state in. It changes nothing but the time.
        parent: a student to start from, wherever nodes and shapes match.

    Raises:
        TrainingDiverged: the loss became NaN or infinite.
        UserError: the student can't be matched with the teacher's layers.
    """
    own = data.read_by(g)
    start = (data.label_names, seed, own.embedding, data.teacher_params, own.separator)
    model = build_student(g, own.vocabulary, *start)
    if parent is not None:
        inherit(model, g, *parent)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = config.dropout
    to_device(model, config.device)
    training = Training(model, g, data, config, fidelity, seed, validate)
    length = (fidelity.epochs, fidelity.train_share)  # rungs differ in portion and attack
    origin = None if parent is None else parent.genotype.hash
    recipe = json.dumps([g.hash, seed, asdict(config), length, origin])
    if checkpoint is not None:
        training.load(load_checkpoint(checkpoint, recipe, training.schedule.last))
    before = training.step
    with torch.random.fork_rng(devices=[]):
        training.run(on_batch)
    kept = checkpoint if training.step > before else None
    finished = training.step == training.schedule.steps
    if kept is not None and not finished:
        save_checkpoint(kept, training.state(), recipe)
    training.stopping.restore(model)
    if kept is not None and finished:
        save_checkpoint(kept, Checkpoint(training.step, {"model": model.state_dict()}), recipe)
    return model.eval()


class Training:
    """The state of one training, and its loop."""

    def __init__(
        self,
        model: StudentForSequenceClassification,
        g: Genotype,
        data: TrainData,
        config: DistillConfig,
        fidelity: Fidelity,
        seed: int,
        validate: Validate | None = None,
    ) -> None:
        own = data.read_by(g)
        self.model, self.data, self.seed = model, own, seed
        self.labels = torch.as_tensor(np.asarray(data.labels))
        self.targets = torch.as_tensor(np.asarray(data.targets, dtype=np.float32))
        if g.votes is not None:
            fidelity = replace(fidelity, epochs=max(fidelity.epochs, votes.EPOCHS))
            config = replace(config, batch_size=max(config.batch_size, votes.BATCH))
        read = own.texts if g.votes is not None else own.texts[: data.whole]
        lengths = [len(ids) for ids in read]
        labels = data.labels[: len(read)] if config.sampling == "balanced" else None
        self.schedule = Schedule(lengths, config.batch_size, fidelity, seed, labels)
        match = match_loss(g, own, config, data.outputs, seed)
        self.matching = None if match is None else match.to(model.device)
        self.optimiser = Optimiser(model, config, self.matching)
        self.stopping = EarlyStopping(config.patience, validate)
        self.objective, self.first = objectives(config, self.matching)
        self.alone = round(config.matching_share * self.schedule.steps)
        self.method = robust_method(config, own, model)
        self.step = 0

    def run(self, on_batch: OnBatch | None = None) -> None:
        """Train on, to the end of the schedule's portion or to the early stop."""
        plan = self.schedule
        batches: list[np.ndarray] = []
        self.model.train()
        while self.step < plan.last:
            epoch, place = divmod(self.step, plan.per_epoch)
            if not batches:
                batches = plan.epoch(epoch)
            # Every step draws from a generator of its own: nothing of it needs to be kept.
            torch.manual_seed(STREAM * self.seed + self.step)
            objective = self.first if self.step < self.alone else self.objective
            loss = self.method.backward(self.model, self.batch(batches[place]), objective)
            self.optimiser.step(plan.rate(self.step))
            self.step += 1
            value = loss.item()
            if not math.isfinite(value):
                raise TrainingDiverged(
                    f"the loss became {value} in batch {self.step} of {plan.last}"
                )
            if on_batch:
                on_batch(self.step, plan.last, value)
            if place + 1 == plan.per_epoch:
                batches = []
                if self.stopping.stop(self.model):
                    self.step = plan.steps
                self.model.train()

    def batch(self, rows: np.ndarray) -> Batch:
        """The examples in some rows of the train split."""
        ids, mask = padded([self.data.texts[i] for i in rows], self.data.vocabulary.pad_id)
        found = Batch(ids, mask, self.labels[rows], self.targets[rows], rows)
        return found.to(self.model.device)

    def state(self) -> Checkpoint:
        """What `load` takes."""
        groups = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.tensors(),
            "stopping": self.stopping.tensors(),
        }
        if self.matching is not None:
            groups["matching"] = self.matching.state_dict()
        return Checkpoint(self.step, groups)

    def load(self, checkpoint: Checkpoint | None) -> None:
        """Go on from a checkpoint; None changes nothing."""
        if checkpoint is not None:
            self.step = checkpoint.step
            self.model.load_state_dict(dict(checkpoint.groups["model"]))
            if self.step == self.schedule.steps:  # nothing is left to do
                return
            self.optimiser.load(checkpoint.groups["optimiser"])
            self.stopping.load(checkpoint.groups["stopping"])
            if self.matching is not None:
                self.matching.load_state_dict(dict(checkpoint.groups["matching"]))
