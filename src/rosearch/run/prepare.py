"""From a configuration to the `Context` that all evaluations share: the first half of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rosearch.attacks.methods import load_attacks, resources_for
from rosearch.attacks.precompute import judge_in_advance
from rosearch.config import (
    DistillConfig,
    RunConfig,
    SpaceConfig,
    TeacherConfig,
    attacks_read,
    codings_of,
    fidelities,
)
from rosearch.distill.augment import AugmentConfig, augmented
from rosearch.distill.data import TrainData
from rosearch.distill.defences import asked_defences
from rosearch.distill.match_schemes import layers_for
from rosearch.encodings.base import Encoding
from rosearch.evaluation.context import Context
from rosearch.evaluation.encode import EncodeSettings, encoded_texts, material_of
from rosearch.io.progress import stage
from rosearch.models.load import load_classifier
from rosearch.space.genotype import Genotype, Node
from rosearch.space.ops import OPS
from rosearch.tasks import Task
from rosearch.teacher.fit import fit_teacher
from rosearch.teacher.masked_lm import attack_folders, masked_lm_folder
from rosearch.teacher.targets import cache_outputs, cache_targets, layers_in, load_targets


@dataclass(frozen=True)
class Prepared:
    """A run's context, and the folder of the teacher it was made with."""

    context: Context
    teacher_folder: Path


def prepare(
    config: RunConfig,
    task: Task,
    wanted: Sequence[Encoding] | None = None,
    students: Sequence[Genotype] | None = None,
) -> Prepared:
    """Teacher, targets, encodings and attack tables; what takes long is made once and reused.

    Args:
        wanted: encodings to prepare besides the plain one; by default all of the run.
        students: those that will be matched with the teacher's layers; by default any of the run.
    """
    folder = fit_teacher(task, config.teacher, config.seed)
    accuracy = _teacher_accuracy(task, folder, config.teacher)
    attacks = attacks_read(config)
    # Before texts are added: what attacks ask must not depend on how students are trained.
    models = attack_folders(attacks, None, task, config.teacher.name)
    wanted = codings_of(config) if wanted is None else wanted
    students = any_student(config.space) if students is None else students
    train = _train_data(config, task, folder, wanted, students)
    with stage("preparing attacks", 1) as advance:
        read = resources_for(attacks, (*task.validation.texts, *task.test.texts), models)
        advance(1, "")
    for suite in config.search.suites:
        for attack in load_attacks(suite, read, exact=False):
            judge_in_advance(attack, task.validation.texts[: config.search.attacked])
    context = Context(
        train=train,
        validation=task.validation,
        test=task.test,
        attack_resources=read,
        teacher_accuracy=accuracy,
        distill=config.distill,
        fitness=config.fitness,
        fidelities=fidelities(config),
        objectives=config.search.objectives,
    )
    return Prepared(context, folder)


def _teacher_accuracy(task: Task, folder: Path, teacher: TeacherConfig) -> float:
    """Clean accuracy of the teacher on the validation split."""
    path = cache_targets(task, folder, "validation", teacher.precision, teacher.max_length)
    answers = load_targets(path).argmax(1)
    return float((answers == np.asarray(task.validation.labels)).mean())


def _train_data(
    config: RunConfig,
    task: Task,
    folder: Path,
    wanted: Sequence[Encoding],
    students: Sequence[Genotype],
) -> TrainData:
    """The train split with its copies, encoded, and what the teacher says of it."""
    model, tokenizer = load_classifier(folder)
    own = len(task.train.texts)
    lexicons, body = config.encoding.lexicons, config.teacher.name
    task = with_copies(task, config.distill, lexicons, body, tokenizer.mask_token, config.seed)
    how = (config.teacher.precision, config.teacher.max_length)
    targets = np.asarray(load_targets(cache_targets(task, folder, "train", *how)))
    outputs = None
    if config.distill.matching != "none":
        layers = layers_for(config.distill.matching, students, layers_in(folder))
        outputs = cache_outputs(task, folder, "train", *how, *layers)
    with stage("preparing encodings", 1) as advance:
        material = material_of(task.train.texts, own, targets, tokenizer)
        table = model.get_input_embeddings().weight.detach().numpy()
        settings = encode_settings(config)
        encoded = encoded_texts(settings, wanted, task.train.texts, material, table)
        advance(1, "")
    size = sum(p.numel() for p in model.parameters())
    return TrainData(encoded, task.train.labels, targets, task.label_names, size, outputs)


def encode_settings(config: RunConfig) -> EncodeSettings:
    """How a run's train texts are encoded."""
    return EncodeSettings(
        config.encoding.lexicons,
        config.encoding.trim,
        asked_defences(config.distill),
        config.teacher.max_length,
        max(config.space.embedding_dims),
        config.seed,
    )


def with_copies(
    task: Task, d: DistillConfig, lexicons: tuple[str, ...], body: str, mask_token: str, seed: int
) -> Task:
    """The task with augmented copies of its train texts after its own, if any are wanted.

    Args:
        body: of the masked language model that is asked for replacements, if it is.
    """
    if d.augment == "none":
        return task
    how = AugmentConfig(d.augment, d.augment_copies, lexicons=lexicons)  # type: ignore[arg-type]
    masked_lm = masked_lm_folder(None, task, body) if d.augment == "masked_lm" else None
    return augmented(task, how, seed, masked_lm, mask_token).extended(task)


def any_student(space: SpaceConfig) -> list[Genotype]:
    """Genotypes that are matched with every layer of the teacher that any of a run may be."""
    attention = Node((0,), next(op for op in OPS if op.startswith("attention")))
    dims, width = space.embedding_dims[0], space.widths[0]
    return [
        Genotype(dims, width, (attention,), repeat=repeat)
        for repeat in range(1, space.max_repeat + 1)
    ]
