"""One behaviour suite for every executor."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from worker_tasks import (
    SCORE,
    Traced,
    context_of,
    evaluate,
    job,
    noted,
    pid,
    sleep,
    threads,
    unpicklable,
)

from rosearch.errors import UserError
from rosearch.executors import make_executor
from rosearch.executors.base import Executor, trial_of
from rosearch.executors.faults import Limits

_numbers = count()
TIMED = ("hangs", "nan")


def error_of(executor: Executor, what: str) -> tuple[int, str | None]:
    """What a candidate that does `what` leaves as the reason of its failure, and its index."""
    index = next(_numbers)
    if what in TIMED:
        future = executor.submit(job(index, what))
    else:  # no time limit, which a busy machine would exceed
        future = executor.call(evaluate, job(index, what))
    assert future.exception(timeout=60) is not None
    return index, trial_of(job(index), future).error


def test_scores_come_back(executor: Executor):
    futures = {i: executor.submit(job(i)) for i in range(1000, 1005)}
    for i, future in futures.items():
        assert future.result(timeout=60).params == i
        assert future.result().clean == SCORE.clean


def test_functions_get_the_context_last(executor: Executor, traces: Path):
    assert executor.call(context_of, 1).result(timeout=60).parent == traces


@pytest.mark.parametrize("name", ["in-process", "local"])
def test_work_is_done_on_one_thread(name: str):
    with make_executor(name, None, 1) as executor:
        assert executor.call(threads).result(timeout=60) == 1


@pytest.mark.parametrize(
    ("what", "reason"),
    [("raises", "ValueError: 'the root'"), ("nan", "NotFinite: fitness is nan")],
)
def test_an_error_is_retried_once_and_told_in_one_line(
    executor: Executor, folder: Path, what: str, reason: str
):
    index, error = error_of(executor, what)
    assert error == reason
    assert noted(folder, f"attempt-{index}") == 2


def test_an_error_that_goes_away_is_forgotten(executor: Executor):
    future = executor.submit(job(next(_numbers), "fails once"))
    assert future.result(timeout=60).fitness == SCORE.fitness


def test_an_error_of_the_user_is_not_retried(executor: Executor, folder: Path):
    index, error = error_of(executor, "user")
    assert error == "UserError: no such attack"
    assert noted(folder, f"attempt-{index}") == 1


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("dies", "WorkerDied: worker was killed by signal 9 (SIGKILL)"),
        ("exits", "WorkerDied: worker ended with exit code 3"),
        ("hangs", "TimeLimit: no result within 3 s"),
        ("grows", "MemoryLimit: more than 0.4 GB"),
        ("odd", "TaskFailed: OddError: this and that"),
    ],
)
def test_a_fault_costs_one_candidate(pool: Executor, folder: Path, what: str, reason: str):
    """The one that is under way at the same time is neither lost nor done again."""
    other = next(_numbers)
    beside = pool.call(evaluate, job(other, "slow"))
    index, error = error_of(pool, what)
    assert error == reason
    assert noted(folder, f"attempt-{index}") == 2
    assert beside.result(timeout=60).params == other
    assert noted(folder, f"attempt-{other}") == 1


def test_a_result_that_cannot_be_sent_is_an_error(pool: Executor):
    with pytest.raises(Exception, match="pickle"):
        pool.call(unpicklable).result(timeout=60)


def test_calls_have_no_time_limit(pool: Executor):
    pool.call(sleep, 3.2).result(timeout=60)


def test_a_cancelled_task_is_not_run(pool: Executor, folder: Path):
    busy = [pool.call(sleep, 0.5) for _ in range(pool.workers)]
    index = next(_numbers)
    waiting = pool.submit(job(index))
    assert waiting.cancel()
    assert [b.result(timeout=60) > 0 for b in busy]
    pool.call(context_of, None).result(timeout=60)
    assert noted(folder, f"attempt-{index}") == 0


def test_the_context_reaches_each_worker_once(tmp_path: Path):
    with make_executor("local", Traced(tmp_path), 2) as executor:
        pids = {f.result() for f in [executor.call(pid, i) for i in range(12)]}
    assert noted(tmp_path, "loaded") <= 2
    assert len(pids) <= 2


def test_workers_are_replaced_after_some_tasks(tmp_path: Path):
    with make_executor("local", Traced(tmp_path), 1, Limits(recycle=2)) as executor:
        pids = [executor.call(pid, i).result() for i in range(5)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]
    assert noted(tmp_path, "loaded") == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "slurm"}, "no executor 'slurm'; the executors are local, ray, in-process"),
        ({"name": "local", "address": "auto"}, "--address needs --executor ray, found --executor"),
        ({"name": "in-process", "per_device": 2}, "--per-device needs --executor ray"),
    ],
)
def test_unknown_executors_and_options(options: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        make_executor(context=None, **options)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"seconds": 0.0}, "time limit: expected a positive number, found 0"),
        ({"gigabytes": float("nan")}, "memory limit: expected a positive number, found nan"),
        ({"recycle": 0}, "recycle: expected 1 task or more, found 0"),
    ],
)
def test_limits_that_nothing_could_keep(limits: dict[str, float], message: str):
    with pytest.raises(UserError, match=message):
        Limits(**limits)
