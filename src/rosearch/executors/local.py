"""Executors on this machine: in this process, or a pool of worker processes.

One thread per worker: two processes with two threads each on two cores are many times slower than
two with one, since their threads wait for each other by spinning.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

from rosearch.types import Candidate, Fidelity, Score

R = TypeVar("R")
_context: Any = None  # of a worker process; set once when it starts


class InProcess:
    """Evaluates at once, in this process, on one thread."""

    workers = 1

    def __init__(self, context: Any) -> None:
        self.context = context

    def submit(self, candidate: Candidate, fidelity: Fidelity) -> Future[Score]:
        from rosearch.fitness import evaluate

        return self.call(evaluate, candidate, fidelity)

    def call(self, function: Callable[..., R], *args: Any) -> Future[R]:
        """Run `function(*args, context)`."""
        future: Future[R] = Future()
        with one_thread():
            try:
                future.set_result(function(*args, self.context))
            except Exception as error:
                future.set_exception(error)
        return future

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class ProcessPool:
    """A pool of worker processes that each hold the context.

    A worker that dies takes the pool with it; what was under way then is run again once in a new
    pool, and its future fails if that happens again.
    """

    def __init__(self, context: Any, workers: int) -> None:
        self.context = context
        self.workers = workers
        self.lock = threading.Lock()
        self.closing = False
        self.pool = self._new_pool()

    def submit(self, candidate: Candidate, fidelity: Fidelity) -> Future[Score]:
        return self.call(_evaluate, candidate, fidelity)

    def call(self, function: Callable[..., R], *args: Any) -> Future[R]:
        """Run a module-level `function(*args, context)` in a worker."""
        outcome: Future[R] = Future()
        self._start(outcome, function, args, retry=True)
        return outcome

    def _start(
        self, outcome: Future[R], function: Callable[..., R], args: tuple[Any, ...], retry: bool
    ) -> None:
        def finished(inner: Future[R]) -> None:
            if inner.cancelled() or self.closing:
                outcome.cancel()
                return
            error = inner.exception()
            if isinstance(error, BrokenProcessPool) and retry:
                self._replace(pool)
                self._start(outcome, function, args, retry=False)
            elif error is not None:
                outcome.set_exception(error)
            else:
                outcome.set_result(inner.result())

        while True:
            pool = self.pool
            try:
                inner = pool.submit(_run, function, args)
            except BrokenProcessPool:
                self._replace(pool)
                continue
            inner.add_done_callback(finished)
            return

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        with self.lock:
            if self.pool is broken:
                self.pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        # spawn: a forked child would share torch's thread state with its parent.
        return ProcessPoolExecutor(
            self.workers, get_context("spawn"), initializer=_start_worker, initargs=(self.context,)
        )

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(self, *error: object) -> None:
        self.closing = any(error)  # interrupted: don't wait for a training to end
        processes = list((getattr(self.pool, "_processes", None) or {}).values())
        self.pool.shutdown(wait=False, cancel_futures=True)
        if self.closing:
            for process in processes:
                process.terminate()
        else:
            self.pool.shutdown(wait=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread while the block runs: results are the same as in a worker."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _start_worker(context: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _follow_parent()
    import torch

    torch.set_num_threads(1)
    global _context
    _context = context


def _follow_parent() -> None:
    """End this process when its parent is gone: a killed search leaves no workers behind."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            threading.Event().wait(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _run(function: Callable[..., R], args: tuple[Any, ...]) -> R:
    return function(*args, _context)


def _evaluate(candidate: Candidate, fidelity: Fidelity, context: Any) -> Score:
    from rosearch.fitness import evaluate

    return evaluate(candidate, fidelity, context)
