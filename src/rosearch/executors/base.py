"""What every executor offers."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from rosearch.types import Candidate, Fidelity, Score


class Executor(Protocol):
    """Runs evaluations; used as a context manager."""

    workers: int

    def submit(self, candidate: Candidate, fidelity: Fidelity) -> Future[Score]:
        """Evaluate a candidate some time; the future may hold the exception it raised."""
        ...

    def __enter__(self) -> Executor: ...

    def __exit__(self, *error: object) -> None: ...
