"""Recall of a rare label where the other one may hardly ever be taken for it: spam, abuse, fraud.

A text is an alarm if the log-odds of the rare label are above a threshold, which is chosen on the
validation split. Attacks aim at the threshold, not at the likeliest label: they have got through
when the score of a rare text is no longer above it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from rosearch.errors import UserError
from rosearch.models.calibration import at_threshold, logits_of
from rosearch.models.classifier import Classifier
from rosearch.robustness.assessment import AlarmEntry
from rosearch.robustness.pooled import share_entry
from rosearch.robustness.report import ALL, worst_case
from rosearch.robustness.rows import Bench, Done, carry_out
from rosearch.tasks import Task
from rosearch.tasks.sample import uneven
from rosearch.types import Text

MARGIN = 1e-3  # of log-odds, by which texts of a validation split stay below a threshold


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


def alarm_entries(
    label: int, rates: Sequence[float], benches: Sequence[Bench], runs: Sequence[Sequence[Done]]
) -> Iterator[AlarmEntry]:
    """A model at the threshold of each rate, clean and after each row.

    Args:
        benches, runs: of each training seed, as without a threshold.
    """
    validation, split = benches[0].task.validation, benches[0].split
    calm = np.asarray(validation.labels) != label
    rare = split.take([i for i, own in enumerate(split.labels) if own == label])
    scores = [log_odds(bench.victim, validation.texts, label)[calm] for bench in benches]
    for rate in rates:
        thresholds = [threshold_of(own, rate) for own in scores]
        counts, after = [], []
        for bench, done, threshold in zip(benches, runs, thresholds, strict=True):
            counts.append(at_threshold(bench.victim, label, threshold).counts(bench.task.test))
            place = bench.journals / f"{rate:g}"
            above = replace(bench, split=rare, threshold=(label, threshold), journals=place)
            after.append(_after(above, done))
        n = counts[0][1 - label].n
        yield AlarmEntry(
            label=benches[0].task.label_names[label],
            rate=rate,
            calm=int(calm.sum()),
            thresholds=tuple(thresholds),
            false_alarms=share_entry([n - own[1 - label].correct for own in counts], n),
            recall=share_entry([own[label].correct for own in counts], counts[0][label].n),
            after={name: share_entry([own[name] for own in after], len(rare)) for name in after[0]},
        )


def log_odds(victim: Classifier, texts: Sequence[Text], label: int) -> np.ndarray:
    """Those (N,) of one of two labels."""
    logits = logits_of(victim.probabilities(texts))
    found: np.ndarray = logits[:, label] - logits[:, 1 - label]
    return found


def _after(bench: Bench, done: Sequence[Done]) -> dict[str, int]:
    """How many texts survive each row."""
    found = {one.row.name: carry_out(one.row, one.suite, bench).results for one in done}
    found[ALL] = worst_case(list(found.values()))
    return {name: sum(r.status == "survived" for r in own) for name, own in found.items()}


def threshold_of(scores: np.ndarray, rate: float) -> float:
    """The least threshold with at most a share `rate` of the scores (N,) above it: of few scores
    none."""
    allowed = int(rate * len(scores) + 1e-9)
    return round(float(np.sort(scores)[::-1][allowed]) + MARGIN, 4)
