"""Prune a classifier by magnitude, and train what is left with the mask kept if asked to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from rosearch.config import TeacherConfig
from rosearch.errors import UserError
from rosearch.export.bundle import MODEL_FILES
from rosearch.export.compress.card import write_card
from rosearch.export.compress.check import answers, compare, open_original
from rosearch.export.compress.result import FLOAT_BYTES, Compressed
from rosearch.io.files import new_folder
from rosearch.io.threads import one_thread
from rosearch.models.classifier import Classifier
from rosearch.student.saving import save_student
from rosearch.tasks import Task
from rosearch.teacher.fit import train_classifier

INDEX_BYTES = 4  # of a column or a row's start in a compressed sparse row matrix
SCOPES = ("global", "layer")
Weight = tuple[nn.Module, str]  # a module and the name of its parameter


def pruned(
    model: str | Path,
    sparsity: float,
    out: Path,
    task: Task | None = None,
    epochs: int = 0,
    scope: str = "global",
    seed: int = 0,
) -> Compressed:
    """Set the weights of least magnitude to 0 and save the classifier in the new folder `out`.

    Magnitude pruning (Han et al. 2015, section 3) of all matrices, embeddings among them; biases
    and norms stay. Departures: weights are pruned in one go, not over several rounds; the share of
    zeros is given rather than a multiple of each layer's deviation; and with `global` one threshold
    holds for the whole model, not one for each layer.

    Args:
        model: a folder or a hub id.
        sparsity: share of the weights of matrices that become 0, in (0, 1).
        task: compares the answers with those of the original on its test split.
        epochs: passes over the task's train split after pruning, zeros staying 0.
        scope: `global` compares all matrices with each other, `layer` each one with itself.
        seed: of the training.

    Raises:
        UserError: bad arguments, or a model that cannot be loaded.
    """
    pruning = Pruning(sparsity, epochs, scope, seed)
    pruning.check(task)
    original = open_original(model, out, task)
    with new_folder(out, replace=False) as folder, one_thread():
        return _pruned(original, pruning, out, folder, task)


@dataclass(frozen=True)
class Pruning:
    """How to prune; see `pruned`."""

    sparsity: float
    epochs: int
    scope: str
    seed: int

    def check(self, task: Task | None) -> None:
        """Refuse what cannot work.

        Raises:
            UserError: naming the option.
        """
        if not 0 < self.sparsity < 1:  # also refuses NaN
            raise UserError(
                f"no --sparsity {self.sparsity:g}; give a share between 0 and 1, such as 0.5"
            )
        if self.scope not in SCOPES:
            raise UserError(f"no --scope {self.scope!r}; choose {' or '.join(SCOPES)}")
        if self.epochs < 0:
            raise UserError(f"no --epochs {self.epochs}; give 0 for no training, or more")
        if self.epochs and task is None:
            raise UserError("--epochs trains on a task; name one with --task or --train")


def _pruned(
    original: Classifier, pruning: Pruning, out: Path, folder: Path, task: Task | None
) -> Compressed:
    model = original.module
    before = answers(original, task) if task else None
    matrices = prunable(model)
    mask(matrices, pruning.sparsity, pruning.scope)
    if task and pruning.epochs:
        _train(original, task, pruning.epochs, pruning.seed)
    for weight in matrices:
        prune.remove(*weight)  # the mask becomes zeros
    save_student(model, original.tokenizer, folder)
    label = f"pruned {100 * pruning.sparsity:g} %"
    checked = None
    if task and before is not None:
        fresh = Classifier.of(model, original.tokenizer)  # the original remembers its answers
        checked = compare(task, before, answers(fresh, task), label)
    sparse = sparse_bytes(model, matrices)
    result = Compressed(
        label=label,
        original=original.name,
        folder=out,
        form="hf",
        params=original.params,
        nonzero=sum(int(p.count_nonzero()) for p in model.parameters()),
        disk=(folder / MODEL_FILES["hf"]).stat().st_size,
        effective=min(FLOAT_BYTES * original.params, *sparse.values()),
        sparse=sparse,
        checked=checked,
    )
    write_card(result, original, folder / "README.md", task)
    return result


def prunable(model: nn.Module) -> list[Weight]:
    """The parameters with two or more dimensions: matrices, embeddings, kernels."""
    return [
        (module, name)
        for module in model.modules()
        for name, parameter in module.named_parameters(recurse=False)
        if parameter.dim() > 1
    ]


def mask(matrices: Sequence[Weight], sparsity: float, scope: str) -> None:
    """Mask the weights of least magnitude; until `prune.remove` each is a weight and its mask."""
    sizes = [getattr(*weight).numel() for weight in matrices]
    if scope == "global":
        amount = round(sparsity * sum(sizes))
        prune.global_unstructured(matrices, prune.L1Unstructured, amount=amount)
        return
    for weight, size in zip(matrices, sizes, strict=True):
        prune.l1_unstructured(*weight, amount=round(sparsity * size))


def _train(original: Classifier, task: Task, epochs: int, seed: int) -> None:
    """Fine-tune with the recipe of teachers; masked weights get no gradient and stay 0."""
    order = original.in_order(task.label_names, task.label_map).order or range(task.classes)
    theirs = tuple(order[label] for label in task.train.labels)
    numbered = replace(task, train=replace(task.train, labels=theirs))
    config = TeacherConfig(name=original.name, epochs=epochs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        train_classifier(original.module, original.tokenizer, numbered, config, seed)


def sparse_bytes(model: nn.Module, matrices: Sequence[Weight]) -> dict[str, int]:
    """Bytes of the parameters if the matrices were stored as sparse ones, values in float32.

    `bitmap`: one bit for each weight, and the values that are not 0. `csr`: compressed sparse rows
    with indices of 32 bits, as scipy has them; kernels as matrices of (first dimension, the rest).
    All other parameters are dense.
    """
    total = sum(p.numel() for p in model.parameters())
    tensors: list[Tensor] = [getattr(*weight).detach() for weight in matrices]
    size = sum(t.numel() for t in tensors)
    values = sum(int(t.count_nonzero()) for t in tensors)
    rows = sum(len(t) + 1 for t in tensors)
    dense = FLOAT_BYTES * (total - size)
    return {
        "bitmap": dense + FLOAT_BYTES * values + sum((t.numel() + 7) // 8 for t in tensors),
        "csr": dense + (FLOAT_BYTES + INDEX_BYTES) * values + INDEX_BYTES * rows,
    }
