"""A worker process and the handle that its owner has of it.

The owner sends one task at a time through a pipe and watches: the process may end, take too long
or hold too much memory. Limits on the address space (RLIMIT_AS) do not serve, since torch reserves
many times of what it uses; so the owner reads the resident memory while it waits.
"""

from __future__ import annotations

import mmap
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from multiprocessing import connection, get_context, reduction
from typing import Protocol, TypeVar, cast

import psutil

from rosearch.errors import UserError, one_line
from rosearch.executors.faults import MemoryLimit, TaskFailed, TimeLimit, WorkerDied
from rosearch.io.plugins import load_plugins

R = TypeVar("R")
TICK = 0.1  # seconds between two looks at the memory of a worker
PATIENCE = 5.0  # seconds for a killed process to be gone
# Processes are started and reaped by one thread at a time: multiprocessing reaps finished children
# of other threads whenever it starts one, and their exit code would be lost.
_processes = threading.Lock()


class Spool:
    """A pickled context in a file without a name: read by workers, gone with its last reader.

    Args:
        plugins: modules that have to be imported before the context can be unpickled.
    """

    def __init__(self, pickled: bytes, plugins: Sequence[str] = ()) -> None:
        self.plugins = tuple(plugins)
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the spool
        self.file.write(pickled)
        self.file.flush()


class Worker:
    """One worker process; its methods are called by one thread, except for `stop`."""

    def __init__(self, spool: Spool, gigabytes: float | None = None) -> None:
        self.spool = spool
        self.gigabytes = gigabytes
        self.stopped = False

    def start(self) -> None:
        """Return when the process has loaded the context.

        Raises:
            WorkerDied: it was killed meanwhile.
            UserError: it cannot start.
        """
        # spawn: a forked child would share torch's thread state with its parent.
        spawn = get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        with _processes:
            self.process = spawn.Process(
                target=_work, args=(theirs, _Inherited(self.spool)), daemon=True
            )
            self.process.start()
        theirs.close()
        try:
            opened(self._receive(None))
        except WorkerDied as error:
            if self.process.exitcode == 1:
                raise UserError(
                    "a worker process ended as it started, for the reason printed above; a script "
                    "that starts a search does so under `if __name__ == '__main__':`"
                ) from error
            raise

    def run(self, function: Callable[..., R], args: tuple[object, ...], seconds: float | None) -> R:
        """The result of `function(*args, context)`.

        Raises:
            WorkerLost: the process is gone.
            Exception: what the function raised.
        """
        return cast(R, opened(self.exchange(pickle.dumps((function, args)), seconds)))

    def exchange(self, task: bytes, seconds: float | None) -> bytes:
        """The packed outcome of a pickled task; see `run`."""
        try:
            self.pipe.send_bytes(task)
        except OSError:
            raise WorkerDied(self._ending()) from None
        return self._receive(seconds)

    def stop(self) -> None:
        """End the process now."""
        self.stopped = True
        process = getattr(self, "process", None)
        if process is not None and process.pid is not None:
            with _processes:
                process.kill()
                process.join(PATIENCE)

    def _receive(self, seconds: float | None) -> bytes:
        end = None if seconds is None else time.monotonic() + seconds
        while not self.stopped:
            left = TICK if end is None else min(TICK, end - time.monotonic())
            if connection.wait([self.pipe, self.process.sentinel], max(0.0, left)):
                try:
                    if self.pipe.poll():  # what came last counts even if the process has ended
                        return self.pipe.recv_bytes()
                except (EOFError, OSError):
                    pass
                break
            if left <= 0:
                self.stop()
                raise TimeLimit(f"no result within {seconds:g} s")
            if self.gigabytes is not None and self._resident() > self.gigabytes * 1e9:
                self.stop()
                raise MemoryLimit(f"more than {self.gigabytes:.1f} GB")
        raise WorkerDied(self._ending())

    def _resident(self) -> int:
        try:
            return int(psutil.Process(self.process.pid).memory_info().rss)
        except psutil.Error:  # it has just ended
            return 0

    def _ending(self) -> str:
        with _processes:
            self.process.join(PATIENCE)
            code = self.process.exitcode
        if self.stopped or code is None:
            return "worker was stopped"
        if code < 0:
            return f"worker was killed by signal {-code} ({signal.Signals(-code).name})"
        return f"worker ended with exit code {code}"


def outcome(work: Callable[[], object]) -> bytes:
    """What came of `work`, packed to be sent: its result, or the exception with its causes."""
    try:
        return pickle.dumps((work(), ()))
    except Exception as error:
        return failure(error)


def failure(error: Exception) -> bytes:
    """The packed outcome of work that raised."""
    return pickle.dumps((None, _sendable(error)))


def opened(packed: bytes) -> object:
    """The result of a packed outcome.

    Raises:
        Exception: the one that is in it.
    """
    value: object
    value, errors = pickle.loads(packed)
    if not errors:
        return value
    for error, cause in pairwise(errors):
        error.__cause__ = cause  # pickling drops it
    raise errors[0]


def _sendable(error: Exception) -> tuple[BaseException, ...]:
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    try:
        pickle.loads(pickle.dumps(chain))
    except Exception:
        return (TaskFailed(f"{type(error).__name__}: {one_line(error)}"),)
    return tuple(chain)


class _Detachable(Protocol):
    """A file descriptor that was sent to this process."""

    def detach(self) -> int: ...


class _Inherited:
    """Hands the open file of a spool to a process that is being spawned."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool

    def __reduce__(self) -> tuple[object, ...]:
        return _load, (reduction.DupFd(self.spool.file.fileno()), self.spool.plugins)


def _load(handle: _Detachable, plugins: Sequence[str]) -> Callable[[], object]:
    def load() -> object:
        load_plugins(plugins)
        file = handle.detach()
        with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as pickled:
            os.close(file)
            context: object = pickle.loads(pickled)
            return context

    return load


def _work(pipe: connection.Connection, load: Callable[[], object]) -> None:
    """The main function of a worker process."""
    # Ctrl-C and a closed terminal are the owner's to handle; it may end this process by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    _follow_parent()
    # One thread: two processes with two threads each on two cores are many times slower than two
    # with one, since their threads wait for each other by spinning.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    loaded: list[object] = []
    pipe.send_bytes(outcome(lambda: loaded.append(load())))
    if "torch" in sys.modules:  # imported before the variables were set
        sys.modules["torch"].set_num_threads(1)
    while True:
        try:
            task = pipe.recv_bytes()
        except EOFError:
            return

        def work(task: bytes = task) -> object:
            function: Callable[..., object]
            function, args = pickle.loads(task)
            return function(*args, *loaded)

        try:
            pipe.send_bytes(outcome(work))
        except BrokenPipeError:  # the owner is gone meanwhile
            return


def _follow_parent() -> None:
    """End this process when its parent is gone: a killed search leaves no workers behind."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            threading.Event().wait(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
