"""How an executor carries out jobs: those of the search, of its random sample and of the finals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

J = TypeVar("J")
R = TypeVar("R")


def run_jobs(
    jobs: Iterable[J | None], submit: Callable[[J], Future[R]], workers: int
) -> Iterator[tuple[J, Future[R]]]:
    """Submit as many jobs as there are workers, and give each with its future as it ends.

    No more than that: an executor in this process evaluates at once, and a result can be recorded
    only after it. What is done with a result comes before the next job is asked for.

    Args:
        jobs: None among them: no further one can start before another has ended.
    """
    upcoming = iter(jobs)
    running: dict[Future[R], J] = {}
    ended: SimpleQueue[Future[R]] = SimpleQueue()
    while True:
        while len(running) < workers and (job := next(upcoming, None)) is not None:
            future = submit(job)
            running[future] = job
            future.add_done_callback(ended.put)
        if not running:
            return
        future = ended.get()
        yield running.pop(future), future
