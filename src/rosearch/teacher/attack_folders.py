"""What attacks and lexicons need that is made of a task and its teacher."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rosearch.attacks.methods import lexicons_of, models_of
from rosearch.attacks.sources.encoder import ENCODER
from rosearch.config import TeacherConfig
from rosearch.tasks import Task
from rosearch.teacher.fit import fit_teacher
from rosearch.teacher.masked_lm import masked_lm_folder
from rosearch.teacher.words import encoder_words


def attack_folders(
    suites: Sequence[str],
    masked_lm: str | None,
    task: Task,
    body: str = "minilm",
    teacher: Path | None = None,
) -> dict[str, Path]:
    """What the models of attacks on a task are for -> their folders, besides the default ones, and
    the files of lexicons that are made of a teacher.

    Args:
        teacher: folder of the fine-tuned one; by default `body`, fine-tuned for one epoch.
    """
    found = {}
    if any("masked_lm" in models_of(suite) for suite in suites):
        found["masked_lm"] = masked_lm_folder(masked_lm, task, body)
    read = [name for suite in suites for name in lexicons_of(suite)]
    return found | lexicon_files(read, task, body, teacher)


def lexicon_files(
    lexicons: Iterable[str], task: Task, body: str, teacher: Path | None = None
) -> dict[str, Path]:
    """Files of those lexicons that are made of a teacher, by what they are given as."""
    if ENCODER.name not in lexicons:
        return {}
    fitted = teacher or fit_teacher(task, TeacherConfig(name=body, epochs=1))
    return {ENCODER.given: encoder_words(task, body, fitted)}
