"""How robust is a model? Attack it on a task's texts and keep every result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rosearch.attacks.attack import AnyAttack
from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.certificates import certified
from rosearch.attacks.engine import attacked
from rosearch.attacks.goals import Goal
from rosearch.attacks.lexicon import FILE
from rosearch.attacks.methods import (
    lexicons_of,
    load_attacks,
    models_of,
    resources_for,
)
from rosearch.attacks.result import AttackResult
from rosearch.attacks.sources import LEXICONS
from rosearch.errors import UserError
from rosearch.models.classifier import Classifier, Predict
from rosearch.models.load import content_hash
from rosearch.models.open import open_classifier
from rosearch.robustness.journal import Journal
from rosearch.robustness.report import AttackReport, similarities
from rosearch.robustness.settings import AttackSettings
from rosearch.tasks import Split, Task
from rosearch.tasks.sample import LEAST_PER_CLASS, SEED
from rosearch.teacher.attack_folders import attack_folders


def attack(
    model: str | Path | Predict,
    task: Task,
    settings: AttackSettings | None = None,
    journal: Path | None = None,
    **changes: Any,
) -> AttackReport:
    """Attack a saved student, any Hugging Face classifier, or any function.

    Args:
        model: a folder, a hub id, or a function from texts (or pairs `(first, second)`, if the task
            has pairs) to probabilities (texts, C) in the order of the task's labels.
        settings: see `AttackSettings`; single ones may be given by name: `n=50, max_queries=100`.
        journal: a JSON Lines file that gets every result at once. If it holds results of the same
            attack on the same model and texts, these are not computed again.

    Raises:
        UserError: see `AttackSettings.check`; a model whose labels are not the task's, or
            seem to be swapped; a journal that holds results of something else.
    """
    chosen = replace(settings or AttackSettings(), **changes)
    chosen.check(task.label_names)
    data = _attackable(labelled(task, chosen.split), chosen.target, task)
    split = data.sample(chosen.n)
    folders = attack_folders(chosen.attacks, chosen.masked_lm, task)
    resources = resources_for(chosen.attacks, split.texts, folders)
    victim = open_classifier(model, chosen.device).fitted(task, split)
    goal, budget = _goal(chosen.target, task), chosen.budget(len(split))
    decisive = _decisive(victim, goal, budget, task, chosen.split) if journal else []
    results: dict[str, list[AttackResult]] = {}
    for name in chosen.attacks:
        key = _key(name, resources, decisive) if journal else ""
        attacks = load_attacks(name, resources, goal, budget)
        with Journal(journal, name, key) as lines:
            results[name] = _attacked(name, attacks, victim, split, lines)
    alike = similarities(results) if chosen.similarity else {}
    sure = certified(victim, split.texts, split.labels, resources.lexicons)
    names, labels = task.label_names, data.labels
    return AttackReport(victim.name, task.name, chosen.split, names, results, alike, labels, sure)


def labelled(task: Task, name: str) -> Split:
    """The split of that name.

    Raises:
        UserError: its labels are hidden, and what stands for it is a part of the train texts, which
            a trained model knows.
    """
    if name in task.hidden:
        raise UserError(
            f"the labels of the {name} texts are hidden, so nobody can say what an attack changes; "
            f"give {name} texts with labels (`rosearch predict MODEL --file FILE` guesses them)"
        )
    split: Split = getattr(task, name)
    return split


def _attackable(split: Split, target: str | None, task: Task) -> Split:
    """The examples that are not of the target's label, which there is nothing to change about.

    Raises:
        UserError: all are.
    """
    if target is None:
        return split
    label = task.label_names.index(target)
    found = split.take([row for row, own in enumerate(split.labels) if own != label])
    if not found:
        raise UserError(f"all texts are labelled {target!r} already; choose another --target")
    return found


def _attacked(
    name: str,
    attacks: Sequence[AnyAttack],
    victim: Classifier,
    split: Split,
    journal: Journal,
) -> list[AttackResult]:
    """The results of a suite, those that the journal holds among them."""
    done = {i: AttackResult.from_json(line) for i, line in journal.known.items() if i < len(split)}

    def keep(result: AttackResult) -> None:
        journal.add(asdict(result))

    title = f"attacking with {name}"
    texts, labels = split.texts, split.labels
    return attacked(attacks, victim, texts, labels, done=done, on_result=keep, title=title)


def _goal(target: str | None, task: Task) -> Goal:
    return Goal(None if target is None else task.label_names.index(target))


def _decisive(
    victim: Classifier, goal: Goal, budget: int | None, task: Task, split: str
) -> list[object]:
    """What decides the result of a text besides the text and the attack.

    Raises:
        UserError: the victim is a function.
    """
    if victim.content is None:
        raise UserError("a journal needs a saved model: results of a function can't be told apart")
    order = [] if victim.order is None else [victim.order]
    sampled = [SEED, LEAST_PER_CLASS]
    return [victim.content, asdict(goal), budget, task.fingerprint, split, sampled, *order]


def _key(attack: str, resources: AttackResources, decisive: Sequence[object]) -> str:
    """Results are reused under equal keys."""
    files = [name.removeprefix(FILE) for name in lexicons_of(attack) if name.startswith(FILE)]
    read = [hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files]
    read += [content_hash(resources.models[name]) for name in models_of(attack)]
    made = [name for name in lexicons_of(attack) if name in LEXICONS and LEXICONS[name].given]
    read += [json.dumps(sorted(resources.lexicons[name].items())) for name in made]
    return hashlib.sha256(json.dumps([attack, read, *decisive]).encode()).hexdigest()[:16]
