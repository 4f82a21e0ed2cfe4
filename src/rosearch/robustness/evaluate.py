"""How robust is a model? Attack it on a task's texts and keep every result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.certificates import certified
from rosearch.attacks.goals import Goal
from rosearch.attacks.methods import load_attacks, resources_for
from rosearch.attacks.result import AttackResult
from rosearch.errors import UserError
from rosearch.models.classifier import Classifier, Predict
from rosearch.models.open import open_classifier
from rosearch.robustness.journal import Journal
from rosearch.robustness.journaled import decisive, journaled, key_of
from rosearch.robustness.report import AttackReport, similarities
from rosearch.robustness.settings import AttackSettings
from rosearch.tasks import Split, Task
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
    decides = decisive(victim, task, chosen.split, goal, budget) if journal else []
    results: dict[str, list[AttackResult]] = {}
    for name in chosen.attacks:
        key = key_of(name, resources, decides) if journal else ""
        attacks = load_attacks(name, resources, goal, budget)
        with Journal(journal, name, key) as lines:
            title = f"attacking with {name}"
            results[name], _ = journaled(attacks, victim, split, lines, title=title)
    alike = similarities(results) if chosen.similarity else {}
    sure = certain(victim, split, resources)
    names, labels = task.label_names, data.labels
    return AttackReport(victim.name, task.name, chosen.split, names, results, alike, labels, sure)


def certain(victim: Classifier, split: Split, resources: AttackResources) -> dict[str, int]:
    """How many texts no attack can flip, by what it does to them; see `certified`."""
    return certified(victim, split.texts, split.labels, resources.lexicons, edits=True)


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


def _goal(target: str | None, task: Task) -> Goal:
    return Goal(None if target is None else task.label_names.index(target))
