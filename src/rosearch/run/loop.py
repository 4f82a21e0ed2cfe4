"""The loop of a search: ask, evaluate, record, tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rosearch.errors import UserError
from rosearch.executors.base import Executor, trial_of
from rosearch.run.jobs import run_jobs
from rosearch.run.live import Live
from rosearch.strategies.scheduler import Scheduler
from rosearch.types import Job, Trial

FAILURES = 3  # different candidates that fail alike, fewer having succeeded meanwhile, end a run


def search_loop(
    scheduler: Scheduler,
    executor: Executor,
    known: Callable[[Job], Trial | None],
    record: Callable[[Trial], None],
    view: Live,
    may_start: Callable[[], bool] = lambda: True,
) -> None:
    """Evaluate what the scheduler asks for, until it is finished.

    Nothing is kept of a result once it is recorded and told: memory does not grow with the run.

    Args:
        known: the result of an earlier, killed run; it is told again, not evaluated again.
        record: called with every new result as soon as it is there.
        may_start: whether a further evaluation may start; once it may not, those under way end,
            and so does the loop.

    Raises:
        UserError: candidates fail alike; see `AlikeFailures`.
    """
    failures = AlikeFailures()
    running = 0

    def fresh() -> Iterator[Job | None]:
        """What is to be evaluated; what is known already is told on the way."""
        nonlocal running
        while True:
            job = scheduler.ask()
            if job is None:
                yield None
            elif (trial := known(job)) is not None:
                scheduler.tell(job, trial)
                view.show(trial, running, fresh=False)
            elif may_start():
                running += 1
                yield job
            else:
                return

    for job, future in run_jobs(fresh(), executor.submit, executor.workers):
        running -= 1
        trial = trial_of(job, future)
        record(trial)
        scheduler.tell(job, trial)
        view.show(trial, running, fresh=True)
        failures.learn(trial)


class AlikeFailures:
    """Ends a run whose candidates fail for a reason that is not their own.

    That is when three different candidates have failed alike, and fewer than three evaluations
    succeeded since the first of these. Errors are alike if they differ in numbers, file names and
    quoted parts only. Results of an earlier, killed run do not count: its cause may be mended.
    """

    def __init__(self) -> None:
        self.succeeded = 0
        self.failed: dict[str, dict[str, int]] = {}  # kind -> candidate -> successes before it

    def learn(self, trial: Trial) -> None:
        """Take in a new result.

        Raises:
            UserError: enough have failed alike.
        """
        if trial.score is not None:
            self.succeeded += 1
            return
        error = trial.error or ""
        self.failed.setdefault(kind_of(error), {}).setdefault(trial.candidate.id, self.succeeded)
        recent = {
            kind: {name: at for name, at in before.items() if self.succeeded - at < FAILURES}
            for kind, before in self.failed.items()
        }
        self.failed = {kind: before for kind, before in recent.items() if before}
        if len(self.failed.get(kind_of(error), ())) >= FAILURES:
            raise UserError(
                f"{FAILURES} candidates failed in the same way: {error}; mend the cause and go on "
                "with `rosearch resume`"
            )


def kind_of(error: str) -> str:
    """An error without what differs from one candidate to the next."""
    error = re.sub(r"'[^']*'|\"[^\"]*\"|\S*/\S+", "_", error)
    return re.sub(r"\b(0x)?[0-9a-f]*\d[0-9a-f.]*\b", "#", error)
