"""What the tests of the executors run in workers; the context is a folder to leave traces in."""

from __future__ import annotations

import math
import os
import signal
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rosearch.errors import UserError
from rosearch.space.genotype import Genotype, Node
from rosearch.types import Candidate, Fidelity, Job, Robustness, Score

SCORE = Score(
    clean=0.8, n_clean=600, attacks={"fine": Robustness("fine", 200, 160, 40, 321)},
    measurements={"params": 10, "flops": 10, "latency_ms": 1.5},
    train_seconds=1.0, attack_seconds=2.0, fitness=1.9, fidelity=Fidelity(1, 1.0, 200, ("fine",)),
)  # fmt: skip


class OddError(Exception):
    """Can be pickled, but not be read again."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


@dataclass(frozen=True)
class Model:
    name: str
    folder: Path


def job(index: int, what: str = "fine") -> Job:
    """A job whose candidate tells `evaluate`, in place of its parent, what to do."""
    genotype = Genotype(32, 32, (Node((0,), "conv3"),), pooling="max")
    return Job(index, Candidate(index, genotype, seed=index, parent=what))


def evaluate(job: Job, context: Path) -> Score:
    """A made-up evaluation, that does or suffers what its job says."""
    attempt = note(context, f"attempt-{job.index}")
    what = job.candidate.parent
    if what == "fails once" and attempt > 1:
        what = "fine"
    if what == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "exits":
        os._exit(3)
    elif what == "hangs":
        time.sleep(1000)
    elif what == "grows":
        held = []
        while True:
            held.append(b"x" * 50_000_000)
            time.sleep(0.02)
    elif what == "raises" or what == "fails once":
        raise ValueError("two\nlines") from KeyError("the root")
    elif what == "user":
        raise UserError("no such attack")
    elif what == "odd":
        raise OddError("this", "that")
    elif what == "slow":
        time.sleep(1.0)
    measurements = {**SCORE.measurements, "params": job.index}
    return replace(SCORE, measurements=measurements, fitness=math.nan if what == "nan" else 1.9)


def note(folder: Path, name: str) -> int:
    """How often this was called with that name, in whatever process."""
    (folder / f"{name}.{uuid.uuid4().hex}").touch()
    return noted(folder, name)


def noted(folder: Path, name: str) -> int:
    return len(list(folder.glob(f"{name}.*")))


class Traced:
    """A context that leaves a trace when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state
        note(self.folder, "loaded")


def context_of(_: object, context: Any) -> Any:
    return context


def pid(_: object, context: Any) -> int:
    time.sleep(0.05)
    return os.getpid()


def threads(context: Any) -> int:
    import torch

    return torch.get_num_threads()


def sleep(seconds: float, context: Path) -> int:
    note(context, "asleep")
    time.sleep(seconds)
    return os.getpid()


def unpicklable(context: Any) -> Any:
    return lambda: None


def environment(name: str, context: Any) -> str | None:
    time.sleep(0.3)
    return os.environ.get(name)


def save(job: Model, context: Any) -> str:
    job.folder.mkdir()
    (job.folder / "deep").mkdir()
    (job.folder / "deep" / "weights").write_bytes(bytes(range(256)))
    (job.folder / "name").write_text(job.name)
    return str(job.folder)


def read(job: Model, context: Any) -> tuple[str, str]:
    return (job.folder / "name").read_text(), str(job.folder)
