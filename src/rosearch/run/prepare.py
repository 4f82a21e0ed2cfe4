"""From a configuration to the `Context` that all evaluations share: the first half of a run."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rosearch.config import (
    RunConfig,
    TeacherConfig,
    attacks_read,
    codings_of,
    fidelities,
    lexicons_read,
    readings_of,
    votes_of,
)
from rosearch.distill.data import TrainData
from rosearch.distill.defences import asked_defences
from rosearch.distill.encode import EncodeSettings
from rosearch.distill.prepare import any_student, train_data
from rosearch.encodings.base import Encoding
from rosearch.errors import UserError
from rosearch.evaluation.context import Context, resources_on
from rosearch.evaluation.fitness import accuracy_in
from rosearch.models.labels import check_labels, check_teacher
from rosearch.space.genotype import Genotype
from rosearch.tasks import Task
from rosearch.teacher.attack_folders import attack_folders, lexicon_files
from rosearch.teacher.fit import fit_teacher
from rosearch.teacher.targets import cache_targets, label_names_in_order, load_targets
from rosearch.types import Metric, class_counts

KEPT_PLAINLY = 0.91  # of the teacher's accuracy, by the plain reference: measured on `mr`


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
    metric = config.fitness.metric
    accuracy = teacher_accuracy(task, folder, config.teacher, metric)
    # Before texts are added: what attacks ask must not depend on how students are trained.
    body = config.teacher.name
    models = attack_folders(attacks_read(config), None, task, body, folder)
    given = lexicon_files(lexicons_read(config), task, body, folder)
    wanted = codings_of(config) if wanted is None else wanted
    students = any_student(config.space) if students is None else students
    settings = replace(encode_settings(config, students), given=given)
    train = train_data(task, folder, config.teacher, config.distill, settings, wanted, students)
    return Prepared(context_of(config, task, train, accuracy, models), folder)


def context_of(
    config: RunConfig,
    task: Task,
    train: TrainData,
    teacher_accuracy: float,
    models: Mapping[str, Path],
) -> Context:
    """What evaluations share, ready for the attacks of a run.

    Args:
        models: see `attack_folders`.
    """
    context = Context(
        train=train,
        validation=task.validation,
        test=task.test,
        attack_resources=resources_on(task, attacks_read(config), models),
        teacher_accuracy=teacher_accuracy,
        reference_accuracy=KEPT_PLAINLY * teacher_accuracy,
        distill=config.distill,
        fitness=config.fitness,
        fidelities=fidelities(config),
        objectives=config.search.objectives,
        label_map=task.label_map,
    )
    context.judge_in_advance()
    return context


def teacher_accuracy(task: Task, folder: Path, teacher: TeacherConfig, metric: Metric) -> float:
    """Clean accuracy of the teacher on the validation split, in the metric of the run.

    Raises:
        UserError: its labels seem to be swapped, or it is no better than a constant guess.
    """
    how = (teacher.precision, teacher.max_length, teacher.device)
    path = cache_targets(task, folder, "validation", *how)
    answers, labels = load_targets(path).argmax(1), task.validation.labels
    theirs = label_names_in_order(task, folder)
    check_labels(answers, labels, task.label_names, theirs, f"the teacher {teacher.name}")
    try:
        check_teacher(answers, labels, task.classes, teacher.name)
    except UserError as error:
        if teacher.weak != "keep":
            raise
        print(f"warning: {str(error).partition(';')[0]}", file=sys.stderr)
    return accuracy_in(metric, class_counts(answers, labels, task.classes))


def encode_settings(config: RunConfig, students: Sequence[Genotype] = ()) -> EncodeSettings:
    """How a run's train texts are encoded.

    Args:
        students: that there will be besides those of the search space.
    """
    votes = len(votes_of(config.space)) > 1 or any(g.votes is not None for g in students)
    reading = len(readings_of(config.space)) > 1 or any(g.reading is not None for g in students)
    return EncodeSettings(
        config.encoding.lexicons,
        config.distill.lexicons,
        config.encoding.trim,
        asked_defences(config.distill),
        config.teacher.max_length,
        max(config.space.embedding_dims),
        config.seed,
        votes,
        reading,
    )
