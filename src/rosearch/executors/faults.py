"""What may go wrong with a worker, and the limits that are put on it.

The names and messages of these exceptions are stored as the reason why a candidate failed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rosearch.errors import UserError


class WorkerLost(Exception):
    """A task's worker is gone; it has to be replaced."""


class WorkerDied(WorkerLost):
    """It ended in the middle of a task, or its machine did."""


class TimeLimit(WorkerLost):
    """It took longer than allowed, and was ended."""


class MemoryLimit(WorkerLost):
    """It held more memory than allowed, and was ended."""


class NotFinite(Exception):
    """An evaluation gave NaN or infinity."""


class TaskFailed(Exception):
    """Stands for an exception that cannot be sent from one process to another."""


@dataclass(frozen=True)
class Limits:
    """What workers may use.

    Attributes:
        seconds: of one evaluation; tasks that are no evaluation have no time limit.
        gigabytes: resident memory of one worker process (10^9 bytes), its share of the context and
            the libraries included: about 0.5 before it does anything.
        recycle: tasks after which a worker is replaced by a fresh one, so that leaks don't add up.

    Raises:
        UserError: a limit that nothing could keep.
    """

    seconds: float | None = 3600.0
    gigabytes: float | None = None
    recycle: int = 100

    def __post_init__(self) -> None:
        for name, value in (("time limit", self.seconds), ("memory limit", self.gigabytes)):
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise UserError(f"{name}: expected a positive number, found {value}")
        if self.recycle < 1:
            raise UserError(f"recycle: expected 1 task or more, found {self.recycle}")
