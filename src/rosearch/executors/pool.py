"""A pool of workers: one thread per worker feeds it, retries what failed and replaces it.

`concurrent.futures.ProcessPoolExecutor` gives up all of its workers when one dies, and knows no
limits of time and memory.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, Protocol, Self, TypeAlias

from rosearch.executors.base import Args, C, Evaluate, R, evaluate, finite, worth_retrying
from rosearch.executors.faults import Limits, WorkerDied, WorkerLost
from rosearch.types import Job, Score

PATIENCE = 4.0  # seconds for the threads to end when the pool is given up


class Handle(Protocol):
    """What a pool needs of a worker; see `rosearch.executors.worker.Worker`."""

    def start(self) -> None: ...

    def run(
        self, function: Callable[..., R], args: tuple[object, ...], seconds: float | None
    ) -> R: ...

    def stop(self) -> None: ...


@dataclass(frozen=True)
class _Task(Generic[R]):
    future: Future[R]
    function: Callable[..., R]
    args: tuple[object, ...]
    seconds: float | None
    attempt: int = 1


AnyTask: TypeAlias = _Task[Any]


class Pool:
    """Runs tasks on `workers` workers made by `make`.

    Left by an exception, it ends its workers at once and fails what was under way; otherwise it
    waits for what was submitted. Workers are started when there is something to do.
    """

    def __init__(
        self,
        make: Callable[[], Handle],
        workers: int,
        limits: Limits,
        evaluate: Evaluate = evaluate,
    ) -> None:
        self.make = make
        self.workers = workers
        self.limits = limits
        self.evaluate = evaluate
        self.tasks: deque[AnyTask] = deque()
        self.live: set[Handle] = set()
        self.changed = threading.Condition()
        self.closed = self.aborted = False
        self.threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]
        for thread in self.threads:
            thread.start()

    def submit(self, job: Job) -> Future[Score]:
        work = partial(finite, self.evaluate)
        return self._add(_Task(Future(), work, (job,), self.limits.seconds))

    def call(self, function: Callable[[*Args, C], R], *args: *Args) -> Future[R]:
        return self._add(_Task(Future(), function, args, None))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if any(error):
            self._abort()
            return
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        try:
            for thread in self.threads:
                thread.join()
        except BaseException:  # Ctrl-C
            self._abort()
            raise

    def _abort(self) -> None:
        with self.changed:
            self.closed = self.aborted = True
            left, live = list(self.tasks), list(self.live)
            self.tasks.clear()
            self.changed.notify_all()
        for task in left:
            task.future.cancel()
        for handle in live:
            handle.stop()
        end = time.monotonic() + PATIENCE
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _add(self, task: _Task[R]) -> Future[R]:
        with self.changed:
            if self.closed:
                raise RuntimeError("the executor is closed")
            self.tasks.append(task)
            self.changed.notify()
        return task.future

    def _serve(self) -> None:
        # Ctrl-C and the like go to the main thread, and worker processes inherit the mask: even one
        # that is just starting, with no handler yet, is not disturbed.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP, signal.SIGTERM})
        handle: Handle | None = None
        used = 0
        while self._wait_for_task():
            not_started = None
            if handle is None:
                handle, used = self.make(), 0
                not_started = self._start(handle)  # without a task, which another is ready for
            task = self._take()
            error = not_started
            if task is not None:
                error = error or self._run(handle, task)
                used += 1
                if error is not None:
                    self._failed(task, error)
            if not_started or isinstance(error, WorkerLost) or used >= self.limits.recycle:
                self._retire(handle)
                handle = None
        if handle is not None:
            self._retire(handle)

    def _start(self, handle: Handle) -> Exception | None:
        with self.changed:
            if self.aborted:
                return WorkerDied("worker was stopped")
            self.live.add(handle)
        try:
            handle.start()
        except Exception as error:
            return error
        return None

    def _run(self, handle: Handle, task: _Task[R]) -> Exception | None:
        try:
            result = handle.run(task.function, task.args, task.seconds)
        except Exception as error:
            return error
        task.future.set_result(result)
        return None

    def _failed(self, task: _Task[R], error: Exception) -> None:
        with self.changed:
            if worth_retrying(error, task.attempt) and not self.aborted:
                self.tasks.appendleft(replace(task, attempt=task.attempt + 1))
                self.changed.notify()
                return
        task.future.set_exception(error)

    def _retire(self, handle: Handle) -> None:
        handle.stop()
        with self.changed:
            self.live.discard(handle)

    def _wait_for_task(self) -> bool:
        """Whether there is one; False when the pool is closed and nothing is left to do."""
        with self.changed:
            self.changed.wait_for(lambda: self.tasks or self.closed)
            return bool(self.tasks)

    def _take(self) -> AnyTask | None:
        with self.changed:
            while self.tasks:
                task = self.tasks.popleft()
                if task.attempt > 1 or task.future.set_running_or_notify_cancel():
                    return task
        return None
