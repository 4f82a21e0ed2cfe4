"""Whose label is whose: a model's labels against those of a task. Torch-free.

Shapes: N texts, C classes.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from rosearch.errors import UserError
from rosearch.tasks.labels import bare, folded, label_pairs
from rosearch.types import balanced, class_counts

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# Pairs (a model's name, the task's name).
LabelMap: TypeAlias = Sequence[tuple[str, str]]

SURE = 3.0  # standard errors below chance at which a model is taken to have its labels mixed up
CLEAR = 2.0  # standard errors above chance that a teacher has to be
MOST = 20  # names that an error lists
ALIKE = 0.5  # how similar names are that a proposal pairs, in [0, 1]


class LabelError(UserError):
    """A model's labels are not those of the task, or it does not tell them apart."""


def numbers(
    theirs: Sequence[str], ours: Sequence[str], label_map: LabelMap = (), model: str = "the model"
) -> tuple[int, ...]:
    """How a model numbers a task's labels: for each of the task's, the model's output.

    By name, first as written, then without case and spaces, then without separators. A model
    without names, such as a function, has the order of the task.

    Args:
        theirs: the model's names, in its order.
        ours: the task's.
        label_map: what the model calls otherwise; entries that it does not know are of others.
        model: how an error calls it.

    Raises:
        LabelError: the names do not agree.
    """
    if not theirs:
        return tuple(range(len(ours)))
    if len(theirs) != len(ours):
        raise LabelError(
            f"{model} has {len(theirs)} labels ({listed(theirs)}) and the task has {len(ours)} "
            f"({listed(ours)}); give a model of these labels, or texts with those"
        )
    named = renamed(theirs, label_map)
    for fold in (str, folded, bare):
        a, b = [fold(name) for name in named], [fold(name) for name in ours]
        if len(set(a)) == len(a) and set(a) == set(b):
            return tuple(a.index(name) for name in b)
    raise LabelError(
        f"the labels of {model} ({listed(theirs)}) are not called as those of the task "
        f"({listed(ours)}): say which is which, such as {option(proposal(theirs, ours))}"
    )


def names_in(config: PretrainedConfig | None) -> tuple[str, ...]:
    """A network's names of its labels, in their order; none if it has no configuration."""
    if config is None:
        return ()
    return tuple(str(config.id2label.get(i, f"LABEL_{i}")) for i in range(config.num_labels))


def renamed(theirs: Sequence[str], label_map: LabelMap) -> list[str]:
    """A model's names, those of the map in the words of the task."""
    known = {folded(name): ours for name, ours in label_map} | dict(label_map)
    return [known.get(name) or known.get(folded(name)) or name for name in theirs]


def relabelled(names: Sequence[str], label_map: str | None) -> list[str]:
    """A model's names with those of a map in their place.

    Raises:
        UserError: it is no map, names a label that the model has not, or makes two alike.
    """
    pairs = [] if label_map is None else label_pairs(label_map)
    known = {folded(name) for name in names}
    found = renamed(names, pairs)
    lost = [theirs for theirs, _ in pairs if folded(theirs) not in known]
    if lost or len(set(found)) < len(set(names)):
        wrong = f"no label {lost[0]!r}" if lost else f"two labels of one name in {found}"
        raise UserError(
            f"label map {label_map!r}: {wrong}; the model's labels are {', '.join(names)}"
        )
    return found


def proposal(theirs: Sequence[str], ours: Sequence[str]) -> list[tuple[str, str]]:
    """Which label is likely which, by the likeness of names; the rest in the order it stands."""
    if all(bare(name).isdigit() for name in theirs):  # LABEL_0, ...: no likeness to go by
        return list(zip(theirs, ours, strict=True))
    alike = sorted(((likeness(a, b), a, b) for a in theirs for b in ours), reverse=True)
    found: dict[str, str] = {}
    for score, a, b in alike:
        if score > ALIKE and a not in found and b not in found.values():
            found[a] = b
    left = iter([name for name in ours if name not in found.values()])
    return [(name, found.get(name) or next(left)) for name in theirs]


def likeness(a: str, b: str) -> float:
    """Of two names, in [0, 1]: 1 for what begins with the other, too."""
    a, b = bare(a), bare(b)
    if min(len(a), len(b)) > 1 and (a.startswith(b) or b.startswith(a)):
        return 1.0
    return SequenceMatcher(None, a, b).ratio()


def listed(names: Sequence[str]) -> str:
    """Names in a line, of many the first ones."""
    more = [f"{len(names) - MOST} more"] if len(names) > MOST else []
    return ", ".join([*names[:MOST], *more])


def option(pairs: LabelMap) -> str:
    """The option that says which label is which, as a shell takes it."""
    plain = ",".join(f"{theirs}={ours}" for theirs, ours in pairs)
    awkward = any(c in name for pair in pairs for name in pair for c in ",=")
    return "--label-map " + shlex.quote(json.dumps(dict(pairs)) if awkward else plain)


def check_labels(
    said: np.ndarray, labels: Sequence[int], ours: Sequence[str], theirs: Sequence[str], model: str
) -> None:
    """Refuse a model that is so often wrong that its labels must be others than it says.

    Args:
        said: its answers (N,), as the task numbers labels.
        labels: the true ones.
        ours: the task's names.
        theirs: the model's own names for them, in the same order; none if it has none.

    Raises:
        LabelError: its balanced accuracy is significantly below chance; names the likely swap.
    """
    found, error = against_chance(said, labels, len(ours))
    chance = 1 / len(ours)
    if found >= chance - SURE * error:
        return
    order = likely_order(said, labels, len(ours))
    advice = "look at the order of its labels"
    if order != tuple(range(len(ours))):
        pairs = [(theirs[i] if theirs else ours[i], ours[j]) for i, j in enumerate(order)]
        said_so = option(pairs) if theirs else ", ".join(f"{a} is {b}" for a, b in pairs)
        advice = f"its labels are likely swapped: {said_so}"
    raise LabelError(
        f"{model} is far worse than chance on {len(labels)} texts (balanced accuracy {found:.3f}, "
        f"chance {chance:.3f}); {advice}"
    )


def check_teacher(said: np.ndarray, labels: Sequence[int], classes: int, model: str) -> None:
    """Refuse a teacher that knows no more than a constant guess.

    Args:
        said: its answers (N,) on the validation split.

    Raises:
        LabelError: its balanced accuracy is not above chance by two standard errors.
    """
    found, error = against_chance(said, labels, classes)
    needed = 1 / classes + CLEAR * error
    if found < needed:
        raise LabelError(
            f"the teacher {model} is no better than a constant guess: balanced accuracy "
            f"{found:.3f} on {len(labels)} validation texts, and {needed:.3f} is the least that is "
            "not chance; give another teacher, more texts or more teacher.epochs, or go on all the "
            "same with --set teacher.weak=keep"
        )


def against_chance(said: np.ndarray, labels: Sequence[int], classes: int) -> tuple[float, float]:
    """Balanced accuracy, and the standard error that it would have of answers by chance."""
    counts = class_counts(said, labels, classes)
    there = [c.n for c in counts if c.n]
    variance = sum(1 / classes * (1 - 1 / classes) / n for n in there)
    return balanced(counts), math.sqrt(variance) / len(there)


def likely_order(said: np.ndarray, labels: Sequence[int], classes: int) -> tuple[int, ...]:
    """For each label as the model says it, the true one that it most likely stands for."""
    from scipy.optimize import linear_sum_assignment

    counts = confusion(said, labels, classes)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    true, answered = linear_sum_assignment(-shares)
    order = dict(zip(answered.tolist(), true.tolist(), strict=True))
    return tuple(order[i] for i in range(classes))


def confusion(said: np.ndarray, labels: Sequence[int], classes: int) -> np.ndarray:
    """Counts (C, C): row the true label, column the answer."""
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (np.asarray(labels, dtype=int), np.asarray(said, dtype=int)), 1)
    return counts
