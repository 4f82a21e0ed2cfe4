"""Fine-tune a pre-trained classifier once per task; later calls reuse the saved model.

Shapes: B batch, T tokens, C classes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from rosearch.config import TeacherConfig
from rosearch.io import resources
from rosearch.io.files import new_folder
from rosearch.io.quiet import quiet_transformers
from rosearch.models.batches import bucketed_epoch, model_inputs, takes_types, tokenized
from rosearch.models.device import autocast, to_device
from rosearch.models.labels import LabelError
from rosearch.models.load import content_hash, load_classifier, model_source
from rosearch.models.padding import together
from rosearch.tasks import Task
from rosearch.tasks.sample import balanced_rows, uneven
from rosearch.teacher.targets import label_numbers
from rosearch.teacher.training import train

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

VERSION = 1  # raise it when the recipe below changes: saved teachers are then made anew


def fit_teacher(task: Task, config: TeacherConfig, seed: int = 0) -> Path:
    """The folder of a teacher that is fine-tuned on the task's train split.

    AdamW, linear warm-up and decay (Devlin et al. 2019, appendix A.3). Departure: the word
    embeddings stay as they are. That saves a third of the optimiser's work, and students start
    from the teacher's embeddings anyway.

    Args:
        config: `config.name` is `minilm`, a Hugging Face model id, or a folder.

    Raises:
        UserError: the model can't be loaded, or has other labels than the task and is not to be
            fine-tuned.
    """
    source = model_source(config.name)
    if not config.fine_tune:
        load_classifier(source)
        try:
            label_numbers(task, source, f"the teacher {config.name}")
        except LabelError as error:
            raise LabelError(f"{error}; or leave out --no-fine-tune") from None
        return source
    folder = _folder(source, task, config, seed)
    if not (folder / "config.json").exists():
        with new_folder(folder) as made:
            _fine_tune(source, task, config, seed, made)
    return folder


def saved_teacher(task: Task, config: TeacherConfig, seed: int = 0) -> Path | None:
    """The folder that `fit_teacher` gives, or None where that teacher would first be trained."""
    source = model_source(config.name)
    if not config.fine_tune:
        return source
    folder = _folder(source, task, config, seed)
    return folder if (folder / "config.json").exists() else None


def _folder(source: Path, task: Task, config: TeacherConfig, seed: int) -> Path:
    how = {k: v for k, v in asdict(config).items() if k not in ("weak", "sampling", "device")}
    if config.sampling == "balanced" and uneven(task.train.labels):
        how["sampling"] = config.sampling  # else as in versions without a choice
    if Path(config.name).is_dir():  # its content tells which it is, wherever it lies
        del how["name"]
    decisive = [VERSION, content_hash(source), how, seed, task.labelled.fingerprint]
    recipe = json.dumps(decisive, sort_keys=True)
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    return resources.cache_dir() / "teachers" / f"{task.name}-{digest}"


def _fine_tune(source: Path, task: Task, config: TeacherConfig, seed: int, folder: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, tokenizer = load_classifier(source, task.classes)
        model.config.id2label = dict(enumerate(task.label_names))
        model.config.label2id = {name: i for i, name in enumerate(task.label_names)}
        model.get_input_embeddings().weight.requires_grad = False
        train_classifier(to_device(model, config.device), tokenizer, task, config, seed)
    with quiet_transformers():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def train_classifier(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    task: Task,
    config: TeacherConfig,
    seed: int,
) -> None:
    """Train a classifier on the task's labels, where it is, as `fit_teacher` does; weights change
    in place.

    Args:
        task: its labels are numbered as the model numbers them.
        config: epochs, share of the train split, rate, batch size, length and precision.
        seed: of the order of the examples; dropout draws from torch's global generator.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(task.train))[: max(1, round(config.train_share * len(task.train)))]
    texts = [task.train.texts[i] for i in chosen]
    device = model.device
    labels = torch.tensor([task.train.labels[i] for i in chosen], device=device)
    encoded = tokenized(tokenizer, texts, config.max_length, takes_types(model, tokenizer))
    model.eval()
    left = together(model, tokenizer) != "padded" and tokenizer.padding_side == "left"
    lengths = [len(e.ids) for e in encoded]
    batches = []
    for _ in range(config.epochs):
        even = config.sampling == "plain"
        rows = np.arange(len(texts)) if even else balanced_rows(labels.tolist(), rng)
        drawn = bucketed_epoch([lengths[i] for i in rows], config.batch_size, rng)
        batches += [rows[batch] for batch in drawn]

    def loss_of(batch: np.ndarray) -> Tensor:
        inputs = model_inputs([encoded[i] for i in batch], tokenizer.pad_token_id, left)
        with autocast(config.precision, device.type):
            logits = model(**{name: x.to(device) for name, x in inputs.items()}).logits  # (B, C)
        return F.cross_entropy(logits.float(), labels[batch])

    title = f"fine-tuning the teacher {config.name} on {task.name}"
    train(model, batches, loss_of, config.learning_rate, title)
