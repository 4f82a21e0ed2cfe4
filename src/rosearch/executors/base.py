"""What every executor offers."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from rosearch.errors import one_line
from rosearch.types import Candidate, Fidelity, Score, Trial


class Executor(Protocol):
    """Runs evaluations; used as a context manager."""

    workers: int

    def submit(self, candidate: Candidate, fidelity: Fidelity) -> Future[Score]:
        """Evaluate a candidate some time; the future may hold the exception it raised."""
        ...

    def __enter__(self) -> Executor: ...

    def __exit__(self, *error: object) -> None: ...


def trial_of(candidate: Candidate, future: Future[Score]) -> Trial:
    """The trial of a finished evaluation; an exception becomes the reason of its failure."""
    error = future.exception()
    if error is None:
        return Trial(candidate, future.result())
    return Trial(candidate, error=f"{type(error).__name__}: {one_line(error)}")
