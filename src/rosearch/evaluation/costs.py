"""What one evaluation takes, as measured in a worker; imports torch only there."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.types import Job, Score

if TYPE_CHECKING:
    from rosearch.evaluation.context import Context

TEXTS = 5  # attacked of the teacher, by each attack


@dataclass(frozen=True)
class Measured:
    """One evaluation, and the peak memory of the process that it ran in."""

    score: Score
    gigabytes: float


def measured(job: Job, context: Context) -> Measured:
    """An evaluation in a worker, with the peak memory of that process."""
    from rosearch.evaluation.candidate import evaluate

    score = evaluate(job, context)
    return Measured(score, peak_gigabytes())


def attack_seconds(teacher: Path, attacks: Sequence[str], context: Context) -> dict[str, float]:
    """Seconds that each attack takes on one text of the teacher."""
    from rosearch.attacks.engine import attacked

    victim, split, found = context.opened(teacher), context.validation.sample(TEXTS), {}
    for name in attacks:
        start = time.perf_counter()
        attacked(context.attacks(name), victim, split.texts, split.labels)
        found[name] = (time.perf_counter() - start) / TEXTS
    return found


def peak_gigabytes() -> float:
    """The most memory that this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9
