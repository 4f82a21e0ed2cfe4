"""Recall of a rare label where the other one may hardly ever be taken for it: spam, abuse, fraud.

A text is an alarm if the log-odds of the rare label are above a threshold, which is chosen on the
validation split. Attacks aim at the threshold, not at the likeliest label: they have got through
when the score of a rare text is no longer above it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rosearch.attacks.result import AttackResult, robustness
from rosearch.errors import UserError
from rosearch.models.calibration import at_threshold, logits_of
from rosearch.models.classifier import Classifier
from rosearch.robustness.report import ALL, worst_case
from rosearch.robustness.rows import Bench, Done, carry_out
from rosearch.tasks import Split, Task
from rosearch.tasks.sample import uneven
from rosearch.types import ClassCounts, Robustness

MARGIN = 1e-3  # of log-odds, by which texts of a validation split stay below a threshold


@dataclass(frozen=True)
class Alarms:
    """A model with a threshold.

    Attributes:
        label: the rare one.
        rate: share of the other label's validation texts that may be alarms.
        threshold: log-odds.
        calm: validation texts of the other label, by which it was chosen.
        clean: test texts.
        after: row -> what is left of the attacked rare texts; `all` is the worst case.
    """

    label: int
    rate: float
    threshold: float
    calm: int
    clean: tuple[ClassCounts, ...]
    after: Mapping[str, Robustness]


def rare_label(task: Task, named: str | None) -> int | None:
    """The label whose alarms count: the named one, else the rarer of two that are uneven.

    Raises:
        UserError: the task has no such label, not two of them, or no validation texts to choose a
            threshold on.
    """
    labels = () if "validation" in task.hidden else task.validation.labels
    fits = task.classes == 2 and len(set(labels)) == 2
    if named is None:
        return (
            min(Counter(labels).items(), key=lambda x: x[1])[0] if fits and uneven(labels) else None
        )
    if named not in task.label_names:
        raise UserError(f"no label {named!r}; the labels are {', '.join(task.label_names)}")
    if not fits:
        raise UserError(
            f"a threshold for {named!r} takes a task of two labels and validation texts of both; "
            "this one has "
            + (f"{task.classes} labels" if task.classes != 2 else "no such validation texts")
        )
    return task.label_names.index(named)


def alarms(
    label: int, rates: Sequence[float], bench: Bench, done: Sequence[Done]
) -> Iterator[Alarms]:
    """The model at the threshold of each rate: clean, and after the attack of each row."""
    task, split = bench.task, bench.split
    rare = split.take([i for i, own in enumerate(split.labels) if own == label])
    calm = log_odds(bench.victim, others(task.validation, label), label)
    for rate in rates:
        threshold = threshold_of(calm, rate)
        own = replace(
            bench,
            split=rare,
            threshold=(label, threshold),
            journals=bench.journals / f"{rate:g}",
        )
        clean = at_threshold(bench.victim, label, threshold).counts(task.test)
        found = {one.row.name: carry_out(one.row, one.suite, own).results for one in done}
        yield Alarms(label, rate, threshold, len(calm), clean, _counts(found))


def _counts(found: Mapping[str, list[AttackResult]]) -> dict[str, Robustness]:
    every = {**found, ALL: worst_case(list(found.values()))} if found else {}
    return {name: robustness(name, results) for name, results in every.items()}


def others(split: Split, label: int) -> Split:
    """The texts of other labels."""
    return split.take([i for i, own in enumerate(split.labels) if own != label])


def log_odds(victim: Classifier, split: Split, label: int) -> np.ndarray:
    """Log-odds (N,) of one of two labels."""
    logits = logits_of(victim.probabilities(split.texts))
    found: np.ndarray = logits[:, label] - logits[:, 1 - label]
    return found


def threshold_of(scores: np.ndarray, rate: float) -> float:
    """The least threshold with at most a share `rate` of the scores (N,) above it: of few scores
    none."""
    allowed = int(rate * len(scores) + 1e-9)
    return round(float(np.sort(scores)[::-1][allowed]) + MARGIN, 4)
