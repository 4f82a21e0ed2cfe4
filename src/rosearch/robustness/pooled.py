"""What is reported of several training seeds of one model, each measured on the same texts.

Intervals are over texts and seeds: what seeds differ by widens them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, variance

from rosearch.results.classes import ByClass, Pair, class_entries, mean_of, rounded
from rosearch.results.entries import AttackEntry, attack_entry
from rosearch.types import ClassCounts, Robustness, Stratum, effective, mean, recalls, wilson


def pooled(runs: Sequence[Sequence[Stratum]]) -> Pair:
    """95 % interval of the mean share over seeds, one list of strata for each.

    The variance of the mean over texts and that of the mean over seeds add up.
    """
    shares = [mean(strata) for strata in runs]
    share = fmean(shares)
    n = effective([mean_of(same) for same in zip(*runs, strict=True)])
    if len(shares) > 1 and 0 < share < 1:
        between = variance(shares) / len(shares)
        n = 1 / (1 / n + between / (share * (1 - share)))
    return rounded(wilson(share * n, n))


def attacked(runs: Sequence[Robustness]) -> AttackEntry:
    """One attack by the counts of each seed."""
    found = attack_entry(runs)
    balanced = None
    if found.balanced_interval is not None:
        balanced = pooled([run.strata("balanced") for run in runs])
    plain = pooled([run.strata("accuracy") for run in runs])
    return replace(found, interval=plain, balanced_interval=balanced)


def clean_classes(runs: Sequence[Sequence[ClassCounts]]) -> ByClass:
    """The classes of a clean result by the counts of each seed."""
    found = class_entries(runs)
    found["balanced_clean_interval"] = pooled([recalls(counts) for counts in runs])
    return found
