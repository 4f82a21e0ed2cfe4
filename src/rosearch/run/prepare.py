"""From a configuration to the `Context` that all evaluations share: the first half of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rosearch.attacks.methods import load_attacks, resources_for
from rosearch.attacks.precompute import judge_in_advance
from rosearch.config import RunConfig, attacks_read, codings_of, fidelities
from rosearch.distill.augment import AugmentConfig, augmented
from rosearch.distill.data import TrainData
from rosearch.distill.match_schemes import layers_for
from rosearch.encodings.base import Encoding
from rosearch.evaluation.context import Context
from rosearch.evaluation.encode import encoded_texts, material_of
from rosearch.io.progress import stage
from rosearch.models.load import load_classifier
from rosearch.space.genotype import Genotype, Node
from rosearch.space.ops import OPS
from rosearch.tasks import Task
from rosearch.teacher.fit import fit_teacher
from rosearch.teacher.masked_lm import attack_folders, masked_lm_folder
from rosearch.teacher.outputs import TeacherOutputs
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
    wanted = codings_of(config) if wanted is None else wanted
    folder = fit_teacher(task, config.teacher, config.seed)
    how = (config.teacher.precision, config.teacher.max_length)
    answers = load_targets(cache_targets(task, folder, "validation", *how)).argmax(1)
    attacks = attacks_read(config)
    # Before texts are added: what attacks ask must not depend on how students are trained.
    folders = attack_folders(attacks, None, task, config.teacher.name)
    model, tokenizer = load_classifier(folder)
    own = len(task.train.texts)
    task = with_copies(task, config, tokenizer.mask_token)
    targets = load_targets(cache_targets(task, folder, "train", *how))
    outputs = _outputs(config, task, folder, students)
    with stage("preparing encodings and attacks", 3) as advance:
        material = material_of(task.train.texts, own, np.asarray(targets), tokenizer)
        table = model.get_input_embeddings().weight.detach().numpy()
        encoded = encoded_texts(config, wanted, task.train.texts, material, table)
        advance(2, "")
        found = resources_for(attacks, (*task.validation.texts, *task.test.texts), folders)
        advance(1, "")
    for suite in config.search.suites:
        for attack in load_attacks(suite, found, exact=False):
            judge_in_advance(attack, task.validation.texts[: config.search.attacked])
    train = TrainData(
        encoded=encoded,
        labels=task.train.labels,
        targets=np.asarray(targets),
        label_names=task.label_names,
        teacher_params=sum(p.numel() for p in model.parameters()),
        outputs=outputs,
    )
    context = Context(
        train=train,
        validation=task.validation,
        test=task.test,
        attack_resources=found,
        teacher_accuracy=float((answers == np.asarray(task.validation.labels)).mean()),
        distill=config.distill,
        fitness=config.fitness,
        fidelities=fidelities(config),
        objectives=config.search.objectives,
    )
    return Prepared(context, folder)


def with_copies(task: Task, config: RunConfig, mask_token: str) -> Task:
    """The task with augmented copies of its train texts after its own, if any are wanted."""
    d = config.distill
    if d.augment == "none":
        return task
    how = AugmentConfig(d.augment, d.augment_copies, lexicons=config.encoding.lexicons)  # type: ignore[arg-type]
    body = config.teacher.name
    masked_lm = masked_lm_folder(None, task, body) if d.augment == "masked_lm" else None
    return augmented(task, how, config.seed, masked_lm, mask_token).extended(task)


def any_student(config: RunConfig) -> list[Genotype]:
    """Genotypes that are matched with every layer of the teacher that any of a run may be."""
    attention = Node((0,), next(op for op in OPS if op.startswith("attention")))
    dims, width = config.space.embedding_dims[0], config.space.widths[0]
    return [
        Genotype(dims, width, (attention,), repeat=repeat)
        for repeat in range(1, config.space.max_repeat + 1)
    ]


def _outputs(
    config: RunConfig, task: Task, folder: Path, students: Sequence[Genotype] | None
) -> TeacherOutputs | None:
    """The layers of the teacher that students are matched with on the train texts, if any are."""
    if config.distill.matching == "none":
        return None
    how = (config.teacher.precision, config.teacher.max_length)
    students = any_student(config) if students is None else students
    layers = layers_for(config.distill.matching, students, layers_in(folder))
    return cache_outputs(task, folder, "train", *how, *layers)
