"""What is reported of each class: parts of the entries of models and attacks.

Shares are fractions in [0, 1], rounded; intervals are 95 % Wilson intervals (low, high).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TypedDict

from rosearch.types import (
    AttackedClass,
    ClassCounts,
    Interval,
    Stratum,
    balanced,
    interval,
    macro_f1,
    recalls,
    wilson,
)

Pair = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class ClassEntry:
    """What a model says of the texts of one class, mean over its training seeds.

    Attributes:
        precision: 0 where nothing is taken for one of the class.
        interval: of the recall, on `n` distinct texts.
    """

    n: int
    recall: float
    interval: Pair
    precision: float


@dataclass(frozen=True, kw_only=True)
class AttackedClassEntry:
    """One attack on the texts of one class, mean over the training seeds.

    Attributes:
        clean, after_attack: recall before and after the attack.
        interval: of the recall after it, on `n` distinct texts.
    """

    n: int
    clean: float
    after_attack: float
    interval: Pair


class ByClass(TypedDict, total=False):
    """What is told of a model where its classes were counted apart."""

    balanced_clean: float
    balanced_clean_interval: Pair
    macro_f1: float
    classes: tuple[ClassEntry, ...]


def class_entries(runs: Sequence[Sequence[ClassCounts]]) -> ByClass:
    """The classes of a clean result by the counts of each training seed."""
    if not all(runs):
        return {}
    recalled = [mean_of(strata) for strata in zip(*map(recalls, runs), strict=True)]
    return {
        "balanced_clean": round(fmean(map(balanced, runs)), 4),
        "balanced_clean_interval": rounded(interval(recalled)),
        "macro_f1": round(fmean(map(macro_f1, runs)), 4),
        "classes": tuple(
            ClassEntry(
                n=s.n,
                recall=round(fmean(c.correct for c in counts) / max(1, s.n), 4),
                interval=rounded(wilson(s.successes, s.n)),
                precision=round(fmean(c.correct / max(1, c.predicted) for c in counts), 4),
            )
            for s, counts in zip(recalled, zip(*runs, strict=True), strict=True)
        ),
    }


def mean_of(seeds: Sequence[Stratum]) -> Stratum:
    """The same texts with each training seed as one stratum; successes are the mean, rounded."""
    return replace(seeds[0], successes=round(fmean(s.successes for s in seeds)))


def attacked_class(runs: Sequence[AttackedClass]) -> AttackedClassEntry:
    """One attack on the texts of one class, by the counts of each training seed."""
    n = runs[0].n
    survived = fmean(run.survived for run in runs)
    return AttackedClassEntry(
        n=n,
        clean=round(fmean(run.correct for run in runs) / max(1, n), 4),
        after_attack=round(survived / max(1, n), 4),
        interval=rounded(wilson(survived, n)),
    )


def rounded(interval: Interval) -> Pair:
    """An interval as it is reported."""
    return round(interval.low, 4), round(interval.high, 4)
