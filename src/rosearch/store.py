"""The run store: one SQLite file in the run folder; every result is one transaction.

Tables: `meta` (key, JSON value); `trials` (the search); `sample` (the uniform random sample, kept
apart from the search); `finals` (models trained from scratch and evaluated on the test split, one
row per model and seed); `examples` (attacked texts of those).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rosearch.errors import UserError
from rosearch.space.genotype import from_json
from rosearch.types import Candidate, Fidelity, Robustness, Score, Trial

FIRST_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE trials (
    idx INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, genotype TEXT NOT NULL,
    seed INTEGER NOT NULL, parent TEXT, score TEXT, error TEXT,
    finished REAL NOT NULL);
CREATE TABLE finals (
    model TEXT NOT NULL, seed INTEGER NOT NULL, result TEXT NOT NULL, PRIMARY KEY (model, seed));
CREATE TABLE examples (
    model TEXT NOT NULL, attack TEXT NOT NULL, idx INTEGER NOT NULL, example TEXT NOT NULL,
    PRIMARY KEY (model, attack, idx));
PRAGMA user_version = 1;
"""
# Version -> the statement that makes it of the version before; a new store runs them all.
MIGRATIONS: dict[int, str] = {
    2: """CREATE TABLE sample (
        idx INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, genotype TEXT NOT NULL,
        seed INTEGER NOT NULL, parent TEXT, score TEXT, error TEXT, finished REAL NOT NULL)""",
}
SCHEMA = max(MIGRATIONS)


@dataclass(frozen=True)
class Final:
    """One model with one training seed, evaluated once on the test split.

    Attributes:
        model: `teacher`, `reference`, or the hash of a genotype.
        genotype: JSON text; None for the teacher.
        correct, n: clean results on the whole test split.
        attacks: attack name -> counts on the attacked part of the test split.
        fitness: on the validation split, to choose the best finalist by; None for the teacher.
    """

    model: str
    seed: int
    genotype: str | None
    params: int
    correct: int
    n: int
    attacks: Mapping[str, Robustness]
    latency_ms: float
    seconds: float
    fitness: float | None = None

    @property
    def clean(self) -> float:
        """Clean accuracy on the whole test split."""
        return self.correct / self.n


class Store:
    """Reads and writes one run's results.

    Raises:
        UserError: the file is no store, damaged, or of a newer version; it is left as it is.
    """

    def __init__(self, path: Path, create: bool = False) -> None:
        if not create and not path.is_file():
            raise UserError(f"no run store at {path}; `rosearch search` makes one")
        self.path = path
        new = not path.exists()
        with self._connected() as db:
            if new:
                db.executescript(FIRST_TABLES)
            version = db.execute("PRAGMA user_version").fetchone()[0]
            names = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
        if version > SCHEMA:
            raise UserError(
                f"{path} has store version {version}; this rosearch reads up to {SCHEMA}: update it"
            )
        if version < 1 or not {"meta", "trials", "finals", "examples"} <= names:
            raise UserError(f"{path} is not a RoSearch run store")
        if version < SCHEMA:
            self._migrate()
        if new:
            with self._connected() as db:
                # Readers and the writer don't block each other.
                db.execute("PRAGMA journal_mode = WAL")

    def _migrate(self) -> None:
        with self._connected() as db:
            db.execute("BEGIN IMMEDIATE")  # another process may be about to do the same
            version = db.execute("PRAGMA user_version").fetchone()[0]
            for number in range(version + 1, SCHEMA + 1):
                db.execute(MIGRATIONS[number])
                db.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """One connection per call: safe across threads and processes, one transaction each."""
        try:
            with closing(sqlite3.connect(self.path, timeout=30)) as db, db:
                yield db
        except sqlite3.DatabaseError as error:
            raise UserError(f"cannot use the run store {self.path}: {error}") from None

    def set_meta(self, **values: Any) -> None:
        """Write JSON values under keys."""
        with self._connected() as db:
            db.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                [(key, json.dumps(value)) for key, value in values.items()],
            )

    def meta(self) -> dict[str, Any]:
        """All JSON values by key."""
        with self._connected() as db:
            return {k: json.loads(v) for k, v in db.execute("SELECT key, value FROM meta")}

    def add_trial(self, *trials: Trial) -> None:
        """Record finished trials, all or none; a second one of the same genotype is an error."""
        self._add("trials", trials)

    def trials(self) -> list[Trial]:
        """All finished trials of the search in the order of their proposal."""
        return self._trials("trials")

    def add_sampled(self, trial: Trial) -> None:
        """Record a trial of the uniform random sample; see `rosearch.strategies.uniform`."""
        self._add("sample", [trial])

    def sample(self) -> list[Trial]:
        """The uniform random sample, as far as it is evaluated, in the order it was drawn."""
        return self._trials("sample")

    def _add(self, table: str, trials: Sequence[Trial]) -> None:
        now = time.time()
        with self._connected() as db:
            db.executemany(
                f"INSERT INTO {table} (idx, hash, genotype, seed, parent, score, error, finished) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(*_trial_row(trial), now) for trial in trials],
            )

    def _trials(self, table: str) -> list[Trial]:
        with self._connected() as db:
            rows = db.execute(
                f"SELECT idx, genotype, seed, parent, score, error FROM {table} ORDER BY idx"
            ).fetchall()
        return [
            Trial(Candidate(idx, from_json(genotype), seed, parent), _score(score), error)
            for idx, genotype, seed, parent, score, error in rows
        ]

    def finished(self) -> dict[int, float]:
        """When each trial was recorded, in seconds since 1970, by its index."""
        with self._connected() as db:
            return dict(db.execute("SELECT idx, finished FROM trials").fetchall())

    def version(self) -> str:
        """Changes with every result and every value of the meta data, and is cheap to read."""
        with self._connected() as db:
            rows = db.execute("SELECT key, value FROM meta ORDER BY key").fetchall()
            for table in ("trials", "sample", "finals", "examples"):
                rows += db.execute(f"SELECT COUNT(*), MAX(rowid) FROM {table}").fetchall()
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]

    def add_final(self, final: Final) -> None:
        """Record a model evaluated on the test split."""
        with self._connected() as db:
            db.execute(
                "INSERT OR REPLACE INTO finals VALUES (?, ?, ?)",
                (final.model, final.seed, json.dumps(asdict(final))),
            )

    def finals(self) -> list[Final]:
        """All models evaluated on the test split."""
        with self._connected() as db:
            rows = db.execute("SELECT result FROM finals ORDER BY model, seed").fetchall()
        return [_final(json.loads(row[0])) for row in rows]

    def add_examples(self, model: str, attack: str, examples: Sequence[Mapping[str, Any]]) -> None:
        """Record attacked texts (`AttackResult` as mappings, each with an `index`)."""
        with self._connected() as db:
            db.executemany(
                "INSERT OR REPLACE INTO examples VALUES (?, ?, ?, ?)",
                [(model, attack, e["index"], json.dumps(e)) for e in examples],
            )

    def examples(self, model: str, attack: str) -> list[dict[str, Any]]:
        """Attacked texts of one model under one attack; runs of version 0.1 kept one attack's."""
        with self._connected() as db:
            rows = db.execute(
                "SELECT example FROM examples WHERE model = ? AND attack = ? ORDER BY idx",
                (model, attack),
            ).fetchall()
        return [json.loads(row[0]) for row in rows]


def _trial_row(trial: Trial) -> tuple[int | str | None, ...]:
    c = trial.candidate
    score = None if trial.score is None else json.dumps(asdict(trial.score))
    return c.index, c.id, c.genotype.to_json(), c.seed, c.parent, score, trial.error


def _score(text: str | None) -> Score | None:
    if text is None:
        return None
    data = json.loads(text)
    return Score(**{**data, "fidelity": Fidelity(**data["fidelity"])})


def _final(data: dict[str, Any]) -> Final:
    attacks = {name: Robustness(**counts) for name, counts in data["attacks"].items()}
    return Final(**{**data, "attacks": attacks})
