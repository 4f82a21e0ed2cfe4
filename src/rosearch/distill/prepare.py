"""From a task and its teacher to what students are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rosearch.attacks.sources import LEXICONS
from rosearch.config import DistillConfig, SpaceConfig, TeacherConfig
from rosearch.distill.augment import AugmentConfig, augmented
from rosearch.distill.data import TrainData
from rosearch.distill.encode import EncodeSettings, encoded_texts, material_of, reader_for
from rosearch.distill.match_schemes import layers_for
from rosearch.encodings.base import Encoding
from rosearch.encodings.plain import PLAIN
from rosearch.io.progress import stage
from rosearch.models.load import load_classifier
from rosearch.models.pretrained import load_pretrained
from rosearch.space.genotype import Genotype, Node
from rosearch.space.ops import OPS
from rosearch.tasks import Split, Task
from rosearch.teacher.masked_lm import masked_lm_folder
from rosearch.teacher.targets import cache_outputs, cache_targets, layers_in, load_targets

UNKNOWN = -1  # the label of a text that nobody labelled, until the teacher did

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def train_data(
    task: Task,
    folder: Path,
    teacher: TeacherConfig,
    distill: DistillConfig,
    settings: EncodeSettings,
    wanted: Sequence[Encoding],
    students: Sequence[Genotype],
) -> TrainData:
    """The train split with its copies and the texts without labels, encoded, and what the teacher
    says of it.

    Args:
        folder: of the fitted teacher.
        wanted: encodings to prepare besides the plain one.
        students: those that will be matched with the teacher's layers.
    """
    model, tokenizer = load_classifier(folder)
    task = unlabelled_in_train(task)
    own = len(task.train.texts)
    task = with_copies(task, distill, settings, teacher.name, tokenizer.mask_token)
    whole = len(task.train.texts)
    task = with_phrases(task, distill.phrases, settings)
    how, on = (teacher.precision, teacher.max_length), teacher.device
    targets = np.asarray(load_targets(cache_targets(task, folder, "train", *how, on)))
    task = taught(task, targets)
    outputs = None
    if distill.matching != "none":
        layers = layers_for(distill.matching, students, layers_in(folder))
        outputs = cache_outputs(task, folder, "train", *how, *layers, on)
    train = _encoded(task, own, targets, model, tokenizer, settings, wanted)
    return replace(train, whole=whole, outputs=outputs)


def untaught_data(
    task: Task,
    body: Path,
    phrases: int,
    settings: EncodeSettings,
    wanted: Sequence[Encoding],
) -> TrainData:
    """As `train_data`, with the labels where a teacher's answers would be: students take as long to
    learn them.

    Args:
        body: folder of the teacher before it is fine-tuned.
    """
    model, tokenizer = load_pretrained("AutoModel", body, f"cannot load the model {str(body)!r}")
    whole = len(task.train.texts)
    task = with_phrases(task, phrases, settings)
    targets = 4 * np.eye(task.classes, dtype=np.float32)[list(task.train.labels)] - 2
    train = _encoded(task, whole, targets, model, tokenizer, settings, wanted)
    return replace(train, whole=whole)


def _encoded(
    task: Task,
    own: int,
    targets: np.ndarray,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    settings: EncodeSettings,
    wanted: Sequence[Encoding],
) -> TrainData:
    """The train split under all encodings; after its first `own` texts come copies and phrases."""
    texts, labels, names = task.train.texts, task.train.labels, task.label_names
    with stage("preparing encodings", 1) as advance:
        known = settings.known(PLAIN)
        material = material_of(texts, own, targets, tokenizer, known, settings.given)
        table = model.get_input_embeddings().weight.detach().numpy()
        reader = reader_for(settings, wanted, texts[:own], material) if settings.reading else None
        encoded = encoded_texts(settings, wanted, texts, material, table, reader)
        advance(1, "")
    size = sum(p.numel() for p in model.parameters())
    return TrainData(encoded, labels, targets, names, size, reader=reader)


def unlabelled_in_train(task: Task) -> Task:
    """The task with its texts without labels after the labelled ones."""
    if not task.unlabelled:
        return task
    labels = (*task.train.labels, *[UNKNOWN] * len(task.unlabelled))
    return replace(task, train=Split((*task.train.texts, *task.unlabelled), labels), unlabelled=())


def taught(task: Task, targets: np.ndarray) -> Task:
    """The task with labels of the teacher in the place of unknown ones.

    Args:
        targets: (n, C) logits of the teacher.
    """
    said = targets.argmax(1).tolist()
    known = zip(task.train.labels, said, strict=True)
    labels = tuple(guess if label == UNKNOWN else label for label, guess in known)
    return replace(task, train=Split(task.train.texts, labels))


def with_copies(
    task: Task, d: DistillConfig, settings: EncodeSettings, body: str, mask_token: str
) -> Task:
    """The task with augmented copies of its train texts after its own, if any are wanted.

    Lexicons that are made of the teacher play no part: copies are known by their settings alone.

    Args:
        body: of the masked language model that is asked for replacements, if it is.
    """
    if d.augment == "none":
        return task
    by_name = tuple(name for name in settings.lexicons if not LEXICONS[name].given)
    how = AugmentConfig(d.augment, d.augment_copies, lexicons=by_name)  # type: ignore[arg-type]
    masked_lm = masked_lm_folder(None, task, body) if d.augment == "masked_lm" else None
    return augmented(task, how, settings.seed, masked_lm, mask_token).extended(task)


def with_phrases(task: Task, phrases: int, settings: EncodeSettings) -> Task:
    """The task with phrases of its train texts, up to eight words each, after all others; as it
    is where no student votes, which alone reads them."""
    if not (phrases and settings.votes):
        return task
    how = AugmentConfig("mask", phrases, share=0.0, ngram=1.0, longest=8)
    return augmented(task, how, settings.seed).extended(task)


def any_student(space: SpaceConfig) -> list[Genotype]:
    """Genotypes that are matched with every layer of the teacher that any of a run may be."""
    attention = Node((0,), next(op for op in OPS if op.startswith("attention")))
    dims, width = space.embedding_dims[0], space.widths[0]
    return [
        Genotype(dims, width, (attention,), repeat=repeat)
        for repeat in range(1, space.max_repeat + 1)
    ]
