"""The runs of a folder, one line each. Only reads: stores of earlier versions stay as they are."""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from rosearch.config import MOST_CANDIDATES
from rosearch.errors import UserError, one_line
from rosearch.results.decode import decode
from rosearch.results.entries import ModelEntry
from rosearch.results.folder import RunFolder
from rosearch.results.meta import read_meta
from rosearch.results.rows import after_attack_of, learned_in
from rosearch.results.store import SCHEMA
from rosearch.types import Json

State = Literal["running", "finished", "interrupted", "unreadable"]
LARGEST = 1e11  # seconds: some 3,000 years
TIMEOUT = 5.0  # seconds to wait for a process that writes


@dataclass(frozen=True)
class Listed:
    """One run. What is not known, as of an unreadable one, is None.

    Attributes:
        reason: why a run is unreadable.
        done, total: candidates with a result, and candidates wanted, None without a limit.
        fitness, after_attack: of the fittest candidate, on the validation split; of those trained
            longest, where there are rungs.
        final_after_attack: of the best student, on the test split, under the attack of the search;
            balanced over the labels, but for runs of early versions.
        started: seconds since 1970.
        seconds: of work, over all processes.
        size: bytes of the folder.
    """

    name: str
    folder: str
    state: State
    reason: str | None = None
    task: str | None = None
    done: int | None = None
    total: int | None = None
    fitness: float | None = None
    after_attack: float | None = None
    final_after_attack: float | None = None
    started: float | None = None
    seconds: float | None = None
    size: int = 0

    def to_json(self) -> Json:
        """All fields; `started` as a date and time in UTC."""
        when = None if self.started is None else datetime.fromtimestamp(self.started, UTC)
        return {**asdict(self), "started": when and when.isoformat(timespec="seconds")}


def list_runs(folder: Path) -> list[Listed]:
    """The runs in a folder, newest first; of a run folder, that run.

    A run is a folder with a file `run.db`; whatever else is there is passed over.

    Raises:
        UserError: no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"no folder {folder}; name one with runs, such as that of --out")
    try:
        found = [folder] if RunFolder(folder).exists() else [*_runs_below(folder)]
    except OSError as error:
        raise UserError(f"cannot read the folder {folder}: {error.strerror}") from None
    listed = [listed_run(path) for path in found]
    return sorted(listed, key=lambda run: (-(run.started or 0.0), run.name))


def listed_run(folder: Path) -> Listed:
    """One run, whatever its state."""
    run, size = RunFolder(folder), _size(folder)
    try:
        return _read(run, size)
    # A store that others made or a disk damaged can fail in any way; the other runs are listed.
    except Exception as error:
        return Listed(run.name, str(run), "unreadable", _reason(error), size=size)


@dataclass(frozen=True)
class _Search:
    candidates: int


@dataclass(frozen=True)
class _Settings:
    """Of the settings what settings of every version have."""

    search: _Search


def _read(run: RunFolder, size: int) -> Listed:
    with _opened(run.database) as db:
        rows = db.execute("SELECT key, value FROM meta")
        meta = read_meta({key: json.loads(value) for key, value in rows}, run.database)
        # Columns that stores of every version have.
        scores = db.execute("SELECT score FROM trials WHERE score IS NOT NULL").fetchall()
        (done,) = db.execute("SELECT COUNT(DISTINCT idx) FROM trials").fetchone()
    fitness, after_attack = _best(json.loads(text) for (text,) in scores)
    best = meta.summary.best if meta.summary else None
    total = decode(_Settings, meta.config, "the settings").search.candidates
    return Listed(
        name=run.name,
        folder=str(run),
        state=_state(run, bool(meta.summary)),
        task=meta.task,
        done=done,
        total=total if total < MOST_CANDIDATES else None,
        fitness=fitness,
        after_attack=after_attack,
        final_after_attack=_number(_after_attack(best)),
        started=_number(meta.started),
        seconds=_number(meta.seconds),
        size=size,
    )


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The store, for reading only.

    Raises:
        UserError: it is of another program or of a newer version.
    """
    # With a write-ahead log a process is writing, or was killed. Without one nothing is opened for
    # writing, which even a reader does with such a store, leaving files behind.
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    uri = f"{path.resolve().as_uri()}?{mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=TIMEOUT)) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            raise UserError(f"store version {version}; this rosearch reads up to {SCHEMA}")
        names = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
        if version < 1 or not {"meta", "trials"} <= names:
            raise UserError("no RoSearch run store")
        yield db


def _best(scores: Iterator[Json]) -> tuple[float | None, float | None]:
    """Fitness and after-attack accuracy of the fittest of those that were trained longest."""
    best: tuple[bool, float, float] | None = None
    found: tuple[float | None, float | None] = (None, None)
    for score in scores:
        fitness = float(score["fitness"])
        rank = (learned_in(score), float(score["fidelity"].get("portion", 1.0)), fitness)
        if math.isfinite(fitness) and (best is None or rank > best):
            best, found = rank, (fitness, _number(after_attack_of(score)))
    return found


def _after_attack(best: ModelEntry | None) -> float | None:
    """The balanced accuracy, where it is known."""
    if best is None:
        return None
    balanced = best.balanced_after_attack
    return best.after_attack if balanced is None else balanced


def _state(run: RunFolder, summarised: bool) -> State:
    if _locked(run.lock):
        return "running"
    return "finished" if summarised else "interrupted"


def _locked(path: Path) -> bool:
    """Whether a process works on the run; a dead one's lock is gone with it."""
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # someone else's folder
        return False


def _runs_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if RunFolder(path).exists())


def _size(folder: Path) -> int:
    """Bytes of the files below a folder; links count as nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            try:
                total += 0 if path.is_symlink() else path.stat().st_size
            except OSError:  # gone meanwhile
                continue
    return total


def _number(value: float | None) -> float | None:
    """A number that can be shown, also as a date."""
    if value is None:
        return None
    if not abs(value) <= LARGEST:  # also refuses NaN
        raise ValueError(f"found the number {value}")
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, UserError | sqlite3.Error | OSError):
        return one_line(error)
    return f"damaged or incomplete ({type(error).__name__}: {one_line(error, 80)})"
