"""How pools end: with work left, by Ctrl-C, by the death of their owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from worker_tasks import context_of, note, noted, pid, sleep

from rosearch.errors import UserError
from rosearch.executors.local import ProcessPool

OWNER = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from worker_tasks import sleep
from rosearch.executors.local import ProcessPool
if __name__ == "__main__":
    with ProcessPool(Path({folder!r}), 2) as pool:
        futures = [pool.call(sleep, 1000) for _ in range(4)]
        futures[0].result()
"""


class Broken:
    """A context that cannot be loaded."""

    def __init__(self, folder: Path, error: str) -> None:
        self.folder, self.error = folder, error

    def __setstate__(self, state: dict[str, object]) -> None:
        note(Path(str(state["folder"])), "loading")
        if state["error"] == "exit":
            sys.exit(1)
        if state["error"] == "kill" and noted(Path(str(state["folder"])), "loading") == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if state["error"] == "raise":
            raise ValueError("cannot be loaded")


def heed_signals() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def owner(tmp_path: Path) -> subprocess.Popen[str]:
    """A program whose two workers are both busy."""
    script = tmp_path / "owner.py"
    script.write_text(OWNER.format(tests=str(Path(__file__).parent), folder=str(tmp_path)))
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a test run in the background ignores SIGINT, one under nohup SIGHUP, and hands that on
        preexec_fn=heed_signals,
    )
    while noted(tmp_path, "asleep") < 2:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    return process


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=60)[1]


@pytest.mark.parametrize(
    ("number", "presses"), [(signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGHUP, 1)]
)
def test_ctrl_c_and_a_closed_terminal_end_the_workers_without_a_word_from_them(
    tmp_path: Path, number: int, presses: int
):
    process = owner(tmp_path)
    workers = psutil.Process(process.pid).children(recursive=True)
    for _ in range(presses):
        os.killpg(process.pid, number)  # as a terminal sends it: to all of them
        time.sleep(0.02)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == -number
    assert gone(workers)
    assert "sleep(seconds" not in errors  # no traceback of a worker
    assert noted(tmp_path, "asleep") == 2


def test_workers_do_not_outlive_a_killed_owner(tmp_path: Path):
    process = owner(tmp_path)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    process.kill()
    process.communicate()
    assert gone(workers)


def test_leaving_by_an_exception_ends_what_is_under_way(tmp_path: Path):
    pool = ProcessPool(tmp_path, 1)
    running, waiting = pool.call(sleep, 1000), pool.call(sleep, 1000)
    while not noted(tmp_path, "asleep"):
        time.sleep(0.02)
    with pytest.raises(ZeroDivisionError), pool:
        _ = 1 / 0
    assert "stopped" in str(running.exception(timeout=0))
    assert waiting.cancelled()
    with pytest.raises(RuntimeError, match="closed"):
        pool.call(sleep, 0)


def test_leaving_waits_for_what_was_submitted(tmp_path: Path):
    with ProcessPool(tmp_path, 1) as pool:
        futures = [pool.call(pid, i) for i in range(3)]
    assert len({future.result(timeout=0) for future in futures}) == 1


def test_nothing_is_started_for_nothing(tmp_path: Path):
    before = len(psutil.Process().children())
    with ProcessPool(tmp_path, 2):
        time.sleep(0.3)
        assert len(psutil.Process().children()) <= before


def test_a_worker_killed_as_it_starts_is_replaced(tmp_path: Path):
    with ProcessPool(Broken(tmp_path, "kill"), 1) as pool:
        assert pool.call(pid, 0).result(timeout=60) > 0


@pytest.mark.parametrize(
    ("broken", "error", "message"),
    [
        ("exit", UserError, "ended as it started"),
        ("raise", ValueError, "cannot be loaded"),
    ],
)
def test_a_context_that_cannot_be_loaded_fails_the_tasks(
    tmp_path: Path, broken: str, error: type[Exception], message: str
):
    with ProcessPool(Broken(tmp_path, broken), 1) as pool:
        futures = [pool.call(context_of, i) for i in range(2)]
        for future in futures:
            with pytest.raises(error, match=message):
                future.result(timeout=60)
