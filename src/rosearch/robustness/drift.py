"""Whether texts have drifted away from those that a classifier was made for, and what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from rosearch.robustness.profile import Mean, Profile, Share
from rosearch.types import Interval, Json

LEVEL = 0.05  # of the tests of all recalls together, and of those of all other figures
LEAST = 0.05  # difference of shares that matters
FEW = 100  # texts below which little can be seen


@dataclass(frozen=True)
class Change:
    """A figure on the task's test split and on new texts.

    Attributes:
        harm: whether it is a recall, which is what drift does harm to.
        p: of no difference, two-sided, adjusted for all recalls, or for all other figures (Holm
            1979).
    """

    what: str
    before: Share | Mean
    now: Share | Mean
    harm: bool = False
    p: float = 1.0

    @property
    def difference(self) -> float:
        """New less old."""
        return self.now.value - self.before.value

    def shifted(self, least: float) -> bool:
        """Whether it differs beyond chance, and by no less than matters; of recalls, a fall."""
        size = -self.difference if self.harm else abs(self.difference)
        return self.p < LEVEL and size >= least

    def to_json(self, least: float) -> Json:
        """For programs."""
        return {
            "figure": self.what,
            "before": _estimate(self.before),
            "now": _estimate(self.now),
            "p_holm": self.p,
            "shifted": self.shifted(least),
        }


@dataclass(frozen=True)
class Drift:
    """What has changed, and the verdict.

    With labels, it is time to search again if the recall of a label has fallen; without, if any
    figure has changed: both beyond chance after Holm's correction, and by `least` or more.

    Attributes:
        texts: how many new ones, and how many of these have a label.
    """

    changes: tuple[Change, ...]
    texts: int
    labelled: int
    least: float = LEAST

    @property
    def reasons(self) -> tuple[Change, ...]:
        """What speaks for searching again."""
        decides = (c for c in self.changes if c.harm or not self.labelled)
        return tuple(c for c in decides if c.shifted(self.least))

    @property
    def search_again(self) -> bool:
        """The verdict."""
        return bool(self.reasons)

    @property
    def words(self) -> tuple[str, ...]:
        """The verdict in sentences."""
        return (_verdict(self), *_notes(self))

    def to_json(self) -> Json:
        """For programs."""
        return {
            "search_again": self.search_again,
            "verdict": list(self.words),
            "texts": self.texts,
            "labelled": self.labelled,
            "least": self.least,
            "level": LEVEL,
            "figures": [change.to_json(self.least) for change in self.changes],
        }


def compare(before: Profile, now: Profile, names: Sequence[str], least: float = LEAST) -> Drift:
    """Every figure of two profiles, tested together.

    Args:
        names: of the labels.
    """
    found = [Change("unknown words", before.unknown, now.unknown)]
    if before.corrected and now.corrected:
        found.append(Change("corrected words", before.corrected, now.corrected))
    found.append(Change("confidence", before.confidence, now.confidence))
    for name, old, new in zip(names, before.predicted, now.predicted, strict=True):
        what = f"share taken for {name}"
        found.append(Change(what, Share.of(old, before.texts), Share.of(new, now.texts)))
    for name, a, b in zip(names, before.classes, now.classes, strict=False):
        if a.n and b.n:
            old_share, new_share = Share.of(a.correct, a.n), Share.of(b.correct, b.n)
            found.append(Change(f"recall of {name}", old_share, new_share, harm=True))
    recalls, others = [c for c in found if c.harm], [c for c in found if not c.harm]
    changes = (*_holm(others), *_holm(recalls))
    return Drift(changes, now.texts, sum(c.n for c in now.classes), least)


def _holm(changes: Sequence[Change]) -> list[Change]:
    """The changes with p values adjusted for testing all of them (Holm 1979)."""
    p = [_p(change.before, change.now) for change in changes]
    adjusted, largest = dict[int, float](), 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = largest
    return [replace(change, p=adjusted[i]) for i, change in enumerate(changes)]


def _p(a: Share | Mean, b: Share | Mean) -> float:
    """Of no difference: Fisher's exact test of counts, else that of a normal difference."""
    if isinstance(a, Mean) or isinstance(b, Mean):
        assert isinstance(a, Mean) and isinstance(b, Mean)
        return _normal(a.value - b.value, math.hypot(a.error, b.error))
    if a.effective == a.n and b.effective == b.n:
        from scipy.stats import fisher_exact

        return float(fisher_exact([[a.hits, a.n - a.hits], [b.hits, b.n - b.hits]]).pvalue)
    pooled = (a.value * a.effective + b.value * b.effective) / (a.effective + b.effective)
    error = math.sqrt(pooled * (1 - pooled) * (1 / a.effective + 1 / b.effective))
    return _normal(a.value - b.value, error)


def _normal(difference: float, error: float) -> float:
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return 2 * NormalDist().cdf(-abs(difference) / error)


def _verdict(drift: Drift) -> str:
    if drift.search_again:
        told = ", ".join(
            f"{c.what} {c.before.value:.3f} -> {c.now.value:.3f}" for c in drift.reasons
        )
        how = "" if drift.labelled else "; label some of these texts to see what it does to recall"
        return f"search again: {told} (beyond chance, and by {drift.least:g} or more){how}"
    what = "the recall of no label has fallen" if drift.labelled else "no figure has changed"
    return f"no need to search again: {what} beyond chance and by {drift.least:g} or more"


def _notes(drift: Drift) -> tuple[str, ...]:
    """What else to know before the verdict is believed."""
    found = []
    others = [c.what for c in drift.changes if not c.harm and c.shifted(drift.least)]
    if drift.labelled and others:
        found.append(f"changed as well, which alone is no reason: {', '.join(others)}")
    seen = drift.labelled or drift.texts
    if seen < FEW:
        kind = "labelled texts" if drift.labelled else "texts"
        found.append(f"only {seen} {kind}: much can change unseen")
    few = [c.what for c in drift.changes if c.harm and isinstance(c.now, Share) and c.now.n < 30]
    if few:
        found.append(f"fewer than 30 texts: {', '.join(few)}; see the intervals")
    return tuple(found)


def _estimate(found: Share | Mean) -> Json:
    interval: Interval = found.interval
    n = {"n": found.n} if isinstance(found, Share) else {}
    return {"value": found.value, "interval": [interval.low, interval.high], **n}
