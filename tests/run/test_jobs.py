"""How jobs are handed to workers: never more than there are, one asked for after each that ends."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from rosearch.run.jobs import run_jobs


class Workers:
    """Keeps what it was given; `end` lets the oldest job end."""

    def __init__(self) -> None:
        self.under_way: list[tuple[int, Future[int]]] = []
        self.most = 0

    def submit(self, job: int) -> Future[int]:
        future: Future[int] = Future()
        self.under_way.append((job, future))
        self.most = max(self.most, len(self.under_way))
        return future

    def end(self) -> None:
        job, future = self.under_way.pop(0)
        future.set_result(10 * job)


@pytest.mark.parametrize("n", [1, 3])
def test_no_more_jobs_are_under_way_than_there_are_workers(n: int):
    workers = Workers()

    def submit(job: int) -> Future[int]:
        future = workers.submit(job)
        if len(workers.under_way) == n or job == 7:
            while workers.under_way:
                workers.end()
        return future

    found = [(job, future.result()) for job, future in run_jobs(range(1, 8), submit, n)]
    assert found == [(job, 10 * job) for job in range(1, 8)]
    assert workers.most == n


def test_a_job_that_waits_for_a_result_is_asked_for_after_it():
    results: list[int] = []

    def jobs() -> Iterator[int | None]:
        yield 1
        while not results:  # depends on the first
            yield None
        yield results[0] + 1

    workers = Workers()

    def submit(job: int) -> Future[int]:
        future = workers.submit(job)
        workers.end()
        return future

    for _, future in run_jobs(jobs(), submit, 4):
        results.append(future.result())
    assert results == [10, 110]


def test_nothing_to_do_ends_at_once():
    assert list(run_jobs([], Workers().submit, 2)) == []
