"""Executors on this machine: in this process, or a pool of worker processes, one thread each."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from rosearch.executors.base import (
    Args,
    C,
    Evaluate,
    NamedExecutor,
    R,
    evaluate,
    finite,
    worth_retrying,
)
from rosearch.executors.faults import Limits
from rosearch.executors.pool import Pool
from rosearch.executors.worker import Spool, Worker
from rosearch.io.plugins import loaded_plugins
from rosearch.io.threads import one_thread
from rosearch.types import Job, Score

WORKERS = 2


class InProcess:
    """Evaluates at once, in this process, on one thread; nothing limits time and memory."""

    workers = 1

    def __init__(self, context: object, evaluate: Evaluate = evaluate) -> None:
        self.context = context
        self.evaluate = evaluate

    def submit(self, job: Job) -> Future[Score]:
        return self.call(partial(finite, self.evaluate), job)

    def call(self, function: Callable[[*Args, C], R], *args: *Args) -> Future[R]:
        run: Callable[..., R] = function
        future: Future[R] = Future()
        attempt = 1
        while not future.done():
            try:
                with one_thread():
                    future.set_result(run(*args, self.context))
            except Exception as error:
                if not worth_retrying(error, attempt):
                    future.set_exception(error)
            attempt += 1
        return future

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class ProcessPool(Pool):
    """Worker processes that each hold the context, which is pickled once for all of them."""

    def __init__(
        self,
        context: object,
        workers: int,
        limits: Limits | None = None,
        evaluate: Evaluate = evaluate,
    ) -> None:
        limits = limits or Limits()
        spool = Spool(pickle.dumps(context), loaded_plugins())
        super().__init__(partial(Worker, spool, limits.gigabytes), workers, limits, evaluate)


IN_PROCESS = NamedExecutor(
    "in-process", lambda context, settings: InProcess(context, settings.evaluate)
)
LOCAL = NamedExecutor(
    "local",
    lambda context, settings: ProcessPool(
        context, settings.workers or WORKERS, settings.limits, settings.evaluate
    ),
)
