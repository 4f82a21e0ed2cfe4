"""What every executor offers."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, TypeVarTuple

from rosearch.errors import DiskError, UserError, one_line, system_trouble
from rosearch.executors.faults import Limits, NotFinite
from rosearch.types import Job, Score, Trial

if TYPE_CHECKING:
    from rosearch.evaluation.context import Context

R = TypeVar("R")
C = TypeVar("C")  # of the context that all tasks share
Args = TypeVarTuple("Args")
Evaluate = Callable[..., Score]  # of a job and the context
ATTEMPTS = 2  # a candidate that fails is tried once more


class Executor(Protocol):
    """Runs evaluations; used as a context manager.

    A task that fails is run once more, unless the error is the user's to mend; then its future
    holds the exception. What happens to one task disturbs no other one.
    """

    workers: int

    def submit(self, job: Job) -> Future[Score]:
        """Evaluate a candidate some time; the future may hold the exception it raised."""
        ...

    def call(self, function: Callable[[*Args, C], R], *args: *Args) -> Future[R]:
        """Run a module-level `function(*args, context)` some time, without a time limit."""
        ...

    def __enter__(self) -> Executor: ...

    def __exit__(self, *error: object) -> None: ...


def evaluate(job: Job, context: Context) -> Score:
    """`rosearch.evaluation.candidate.evaluate`, imported where it runs: it brings torch."""
    from rosearch.evaluation import candidate as fitness

    return fitness.evaluate(job, context)


@dataclass(frozen=True)
class ExecutorSettings:
    """What an executor is asked for; each reads what concerns it.

    Attributes:
        workers: by default 2, or with Ray as many as the cluster has room for.
        address, per_device: see `rosearch.executors.ray_pool.RayPool`.
    """

    workers: int | None = None
    limits: Limits | None = None
    evaluate: Evaluate = evaluate
    address: str | None = None
    per_device: int | None = None


def on_this_machine(name: str, settings: ExecutorSettings) -> None:
    """Refuse settings that only a cluster has.

    Raises:
        UserError: one is given.
    """
    for option, value in (("address", settings.address), ("per-device", settings.per_device)):
        if value is not None:
            raise UserError(f"--{option} needs --executor ray, found --executor {name}")


@dataclass(frozen=True)
class NamedExecutor:
    """A named executor.

    Attributes:
        make: the executor, of the context that all evaluations share.
        check: refuses what it cannot do, before any work is done; gets its name, too.
    """

    name: str
    make: Callable[[object, ExecutorSettings], Executor]
    check: Callable[[str, ExecutorSettings], None] = on_this_machine


def finite(evaluate: Evaluate, job: Job, context: object) -> Score:
    """A score whose numbers can be compared.

    Raises:
        NotFinite: one of them is NaN or infinite.
    """
    score = evaluate(job, context)
    seconds = {"train_seconds": score.train_seconds, "attack_seconds": score.attack_seconds}
    numbers = {"clean": score.clean, "fitness": score.fitness, **score.measurements, **seconds}
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise NotFinite(f"{name} is {value}")
    return score


def worth_retrying(error: Exception, attempt: int) -> bool:
    """Whether a task that failed in its attempt (1, 2, ...) gets another one."""
    return attempt < ATTEMPTS and not isinstance(error, UserError) and not system_trouble(error)


def check_disk(error: BaseException, what: str) -> None:
    """Refuse to go on where a task failed over the disk: others would, too.

    Raises:
        DiskError: it did.
    """
    reason = str(error) if isinstance(error, DiskError) else system_trouble(error)
    if reason is not None:
        raise DiskError(f"{what} was stopped: {reason}; then go on with `rosearch resume`")


def trial_of(job: Job, future: Future[Score]) -> Trial:
    """The trial of a finished job; an exception becomes the reason of its failure.

    Raises:
        DiskError: it failed over a full disk or the like, which is no fault of the candidate.
    """
    error = future.exception()
    if error is None:
        return Trial(job.candidate, future.result(), rung=job.rung)
    check_disk(error, f"candidate {job.candidate.id}")
    reason = f"{type(error).__name__}: {one_line(error)}"
    return Trial(job.candidate, error=reason, rung=job.rung)
