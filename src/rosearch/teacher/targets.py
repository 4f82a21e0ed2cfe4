"""The teacher's outputs on a split: computed once, on disk, shared by all students and runs.

Files are known by their content: the task, the teacher's weights and tokenizer, and how they were
computed. Each is written whole or not at all. Shapes: N texts, T tokens, D width, H heads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from rosearch.io import resources
from rosearch.io.files import new_file, writing_to
from rosearch.io.progress import stage
from rosearch.models.batches import (
    PASSES,
    Encoded,
    model_inputs,
    sorted_batches,
    takes_types,
    tokenized,
)
from rosearch.models.device import autocast, to_device
from rosearch.models.labels import names_in, numbers
from rosearch.models.load import content_hash, load_classifier
from rosearch.models.padding import budget_of, together
from rosearch.tasks import Task
from rosearch.teacher.outputs import Ragged, RaggedMaps, TeacherOutputs, is_whole
from rosearch.teacher.states import Layer, write_states
from rosearch.types import Text

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

WHAT = "the teacher's outputs"


def cache_targets(
    task: Task,
    teacher: Path,
    split: str,
    precision: str = "auto",
    max_length: int = 128,
    device: str = "cpu",
) -> Path:
    """File of the teacher's logits (N, C), float16, in the order of a split and of its labels.

    Args:
        split: `train` or `validation`.
        device: where they are computed, if they are not there.

    Raises:
        UserError: the file can't be written (there is none then, and other files stay), or the
            teacher has other labels than the task.
    """
    path = Path(f"{_stem(task, teacher, split, precision, max_length)}.npy")
    if not is_whole(path):
        model, tokenizer = load_classifier(teacher)
        model, texts = to_device(model, device), getattr(task, split).texts
        logits = predict_logits(model, tokenizer, texts, precision, max_length)
        with writing_to(path.parent, WHAT):
            _save(path, logits[:, label_numbers(task, teacher)].astype(np.float16))
    return path


def load_targets(path: Path) -> np.ndarray:
    """The logits as a read-only memory map."""
    targets: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return targets


def cache_outputs(
    task: Task,
    teacher: Path,
    split: str,
    precision: str = "auto",
    max_length: int = 128,
    hidden: Sequence[int] = (),
    attention: Sequence[int] = (),
    device: str = "cpu",
) -> TeacherOutputs:
    """Logits, token ids and chosen layers' states and attention maps of the teacher on a split.

    Every layer is a file of its own, so layers that an earlier call computed are reused. States
    come from a pass of their own: logits never depend on which layers are wanted.

    Args:
        hidden: layers whose states (T, D) are wanted; 0 is the embeddings' output.
        attention: layers, from 1, whose attention maps (H, T, T) are wanted.

    Raises:
        UserError: the teacher has no such layer, or the disk has no room; nothing is left of an
            unfinished file, and other files stay.
    """
    logits = cache_targets(task, teacher, split, precision, max_length, device)
    stem = str(logits).removesuffix(".npy")
    ids, starts = Path(f"{stem}-ids.npy"), Path(f"{stem}-starts.npy")
    wanted = [*(Layer("hidden", i) for i in hidden), *(Layer("attention", i) for i in attention)]
    layers = {layer: Path(f"{stem}-{layer.kind}{layer.number}.npy") for layer in sorted(wanted)}
    missing = {layer: path for layer, path in layers.items() if not is_whole(path)}
    if missing or not (is_whole(ids) and is_whole(starts)):
        model, tokenizer = load_classifier(teacher)
        texts = getattr(task, split).texts
        encoded = tokenized(tokenizer, texts, max_length, takes_types(model, tokenizer))
        with writing_to(ids.parent, WHAT):
            _save_ids(ids, starts, encoded)
            if missing:
                what = f"{task.name} ({split})"
                budget = budget_of(together(model.eval(), tokenizer), PASSES)
                pad_id = tokenizer.pad_token_id
                model = to_device(model, device)
                write_states(model, pad_id, encoded, missing, precision, what, budget)
    states = {i: Ragged(path, starts) for (kind, i), path in layers.items() if kind == "hidden"}
    maps = {i: RaggedMaps(path, starts) for (kind, i), path in layers.items() if kind != "hidden"}
    return TeacherOutputs(logits, Ragged(ids, starts), states, maps, layers_in(teacher))


def label_numbers(task: Task, teacher: Path, name: str = "the teacher") -> list[int]:
    """For each label of the task, the output of a saved teacher.

    Raises:
        UserError: it has other labels than the task.
    """
    return list(numbers(_own_labels(teacher), task.label_names, task.label_map, name))


def label_names_in_order(task: Task, teacher: Path) -> list[str]:
    """A saved teacher's names of the task's labels, in the order of the task."""
    own = _own_labels(teacher)
    return [own[i] for i in label_numbers(task, teacher)]


def _own_labels(teacher: Path) -> tuple[str, ...]:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(teacher, local_files_only=True, trust_remote_code=False)
    return names_in(config)


def layers_in(teacher: Path) -> int:
    """How many Transformer layers a saved teacher has."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(teacher, local_files_only=True, trust_remote_code=False)
    return int(config.num_hidden_layers)


def predict_logits(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    texts: Sequence[Text],
    precision: str,
    max_length: int,
) -> np.ndarray:
    """Logits (texts, C), float32, with a progress bar."""
    encoded = tokenized(tokenizer, texts, max_length, takes_types(model, tokenizer))
    logits = np.zeros((len(texts), model.config.num_labels), dtype=np.float32)
    model.eval()
    budget = budget_of(together(model, tokenizer), PASSES)
    with (
        stage("computing the teacher's targets", len(texts)) as advance,
        torch.inference_mode(),
        autocast(precision, model.device.type),
    ):
        for chosen in sorted_batches([len(e.ids) for e in encoded], *budget):
            inputs = model_inputs([encoded[i] for i in chosen], tokenizer.pad_token_id)
            inputs = {name: x.to(model.device) for name, x in inputs.items()}
            logits[chosen] = model(**inputs).logits.float().cpu().numpy()
            advance(len(chosen), "")
    return logits


def _stem(task: Task, teacher: Path, split: str, precision: str, max_length: int) -> Path:
    """Start of the names of all files of a split."""
    recipe = f"{task.fingerprint}:{content_hash(teacher)}:{precision}:{max_length}"
    order = label_numbers(task, teacher)
    if order != sorted(order):  # files from before there was an order are in that of the teacher
        recipe += f":{order}"
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    return resources.cache_dir() / "targets" / f"{task.name}-{split}-{key}"


def _save_ids(ids: Path, starts: Path, encoded: Sequence[Encoded]) -> None:
    _save(ids, np.concatenate([np.asarray(e.ids, dtype=np.int32) for e in encoded]))
    _save(starts, np.cumsum([0, *(len(e.ids) for e in encoded)], dtype=np.int64))


def _save(path: Path, array: np.ndarray) -> None:
    with new_file(path) as stream:
        np.save(stream, array)
