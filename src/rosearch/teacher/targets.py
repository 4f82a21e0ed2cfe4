"""The teacher's outputs on the train split: computed once, on disk, shared by all students."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rosearch import resources
from rosearch.batches import model_inputs, sorted_batches, takes_types, tokenized
from rosearch.files import new_file
from rosearch.progress import stage
from rosearch.tasks import Task
from rosearch.teacher.fit import autocast, content_hash, load_classifier
from rosearch.types import Text

TOKEN_BUDGET = 4096
SLACK = 4


def cache_targets(
    task: Task, teacher: Path, split: str, precision: str = "auto", max_length: int = 128
) -> Path:
    """File of the teacher's logits (examples, C), float16, in the order of a split.

    The name holds a hash of the task's content and the teacher's weights and tokenizer, so a file
    is never used for another task or teacher; a half-written one is never seen.

    Args:
        split: `train` or `validation`.
    """
    recipe = f"{task.fingerprint}:{content_hash(teacher)}:{precision}:{max_length}"
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    path = resources.cache_dir() / "targets" / f"{task.name}-{split}-{key}.npy"
    if not path.exists():
        model, tokenizer = load_classifier(teacher)
        logits = predict_logits(model, tokenizer, getattr(task, split).texts, precision, max_length)
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as stream:
            np.save(stream, logits.astype(np.float16))
    return path


def load_targets(path: Path) -> np.ndarray:
    """The logits as a read-only memory map."""
    targets: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return targets


def predict_logits(
    model: Any, tokenizer: Any, texts: Sequence[Text], precision: str, max_length: int
) -> np.ndarray:
    """Logits (texts, C), float32, with a progress bar."""
    encoded = tokenized(tokenizer, texts, max_length, takes_types(model, tokenizer))
    logits = np.zeros((len(texts), model.config.num_labels), dtype=np.float32)
    model.eval()
    with (
        stage("computing the teacher's targets", len(texts)) as advance,
        torch.inference_mode(),
        autocast(precision),
    ):
        for chosen in sorted_batches([len(e.ids) for e in encoded], TOKEN_BUDGET, SLACK):
            inputs = model_inputs([encoded[i] for i in chosen], tokenizer.pad_token_id)
            logits[chosen] = model(**inputs).logits.float().numpy()
            advance(len(chosen), "")
    return logits
