"""The run store: one SQLite file in the run folder; every result is one transaction.

Tables: `meta` (key, JSON value); `trials` (the search: one row per candidate and rung); `sample`
(the uniform random sample, kept apart from the search); `race` (further results of those near the
front; the rung is the round); `finals` (models trained from scratch and evaluated on the test
split, one row per model and seed); `examples` (attacked texts of those).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Unpack

from rosearch.attacks.result import AttackResult
from rosearch.errors import UserError
from rosearch.results.database import find_database
from rosearch.results.meta import MetaValues, RunMeta, read_meta
from rosearch.results.rows import final_of, trial_of, trial_row
from rosearch.types import Final, Trial

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
_WITH_RUNGS = """CREATE TABLE {table} (
    idx INTEGER NOT NULL, rung INTEGER NOT NULL, hash TEXT NOT NULL, genotype TEXT NOT NULL,
    seed INTEGER NOT NULL, parent TEXT, score TEXT, error TEXT, finished REAL NOT NULL,
    PRIMARY KEY (hash, rung))"""


def _add_rungs(table: str) -> tuple[str, ...]:
    """Statements that give a table of trials a rung; SQLite cannot change a key in place.

    An index is no key any more: a run that an earlier version began goes on in another order, and
    what it has evaluated stays.
    """
    columns = "hash, genotype, seed, parent, score, error, finished"
    return (
        f"ALTER TABLE {table} RENAME TO old_{table}",
        _WITH_RUNGS.format(table=table),
        f"INSERT INTO {table} (idx, rung, {columns}) SELECT idx, 0, {columns} FROM old_{table}",
        f"DROP TABLE old_{table}",
    )


# Version -> the statements that make it of the version before; a new store runs them all.
MIGRATIONS: dict[int, tuple[str, ...]] = {
    2: (
        """CREATE TABLE sample (
        idx INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, genotype TEXT NOT NULL,
        seed INTEGER NOT NULL, parent TEXT, score TEXT, error TEXT, finished REAL NOT NULL)""",
    ),
    3: (*_add_rungs("trials"), *_add_rungs("sample")),
    4: (),  # scores by attack suite; rows from before are read as they are
    5: (_WITH_RUNGS.format(table="race"),),
}
SCHEMA = max(MIGRATIONS)
_SELECT = "SELECT idx, rung, genotype, seed, parent, score, error FROM"
_ONE = "WHERE hash = ? AND rung = ?"


class Store:
    """Reads and writes one run's results.

    Reads may come from any thread or process, also while another one writes. Writes go through one
    connection that stays open, as opening one would take longer than the write. Of a store that is
    read-only a copy is read.

    Raises:
        UserError: the file is no store, damaged, or of a newer version; it is left as it is.
    """

    def __init__(self, path: Path, create: bool = False) -> None:
        if not create and not path.is_file():
            raise UserError(f"no run store at {path}; `rosearch search` makes one")
        self.path = path
        self._database = find_database(path)
        if self._database.scratch is not None:
            weakref.finalize(self, shutil.rmtree, self._database.scratch, ignore_errors=True)
        self._writer: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        new = not path.exists()
        if not new:
            self._check_untouched()
        with self._connected() as db:
            if new:
                db.executescript(FIRST_TABLES)
            version = db.execute("PRAGMA user_version").fetchone()[0]
            names = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
        self._check_version(version)
        if version < 1 or not {"meta", "trials", "finals", "examples"} <= names:
            raise UserError(f"{path} is not a RoSearch run store")
        if version < SCHEMA:
            self.check()
            self._migrate()

    def _check_untouched(self) -> None:
        """Refuse what is no store, or of a newer version, without changing a byte.

        SQLite may change a file that it opens, but not one that is told to be immutable. Reading
        the header as of any file would end the locks that this process has on it
        (https://www.sqlite.org/howtocorrupt.html, 2.2).
        """
        uri = f"{self.path.resolve().as_uri()}?mode=ro&immutable=1"
        with self._errors_told(), closing(sqlite3.connect(uri, uri=True)) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
        self._check_version(version)

    def _check_version(self, version: int) -> None:
        if version > SCHEMA:
            raise UserError(
                f"{self.path} has store version {version}; this rosearch reads up to {SCHEMA}: "
                "update it"
            )

    def check(self) -> None:
        """Read the whole file once, as is well before a run goes on.

        Raises:
            UserError: it is damaged.
        """
        with self._connected() as db:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise UserError(
                f"the run store {self.path} is damaged ({' '.join(found.split())}); "
                "restore it from a copy, or start a new run"
            )

    def _migrate(self) -> None:
        with self._connected() as db:
            db.execute("BEGIN IMMEDIATE")
            version = db.execute("PRAGMA user_version").fetchone()[0]  # another may have been first
            for number in range(version + 1, SCHEMA + 1):
                for statement in MIGRATIONS[number]:
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A connection of one call, to read."""
        with self._errors_told(), closing(self._database.reader()) as db, db:
            yield db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction on the connection for writes; none or all of it is kept."""
        with self._lock, self._errors_told():
            db = self._open_writer()
            db.execute("BEGIN IMMEDIATE")
            with db:
                yield db

    def _open_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = self._database.writer()
            weakref.finalize(self, self._writer.close)  # not only when cycles are collected
        return self._writer

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise UserError(f"cannot use the run store {self.path}: {error}") from None

    def close(self) -> None:
        """Close the connection for writes; it is opened again when it is needed."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def set_meta(self, **values: Unpack[MetaValues]) -> None:
        """Write some of the meta data; the rest stays."""
        with self._writing() as db:
            _set_meta(db, values)

    def meta(self) -> RunMeta:
        """The meta data.

        Raises:
            UserError: it is damaged.
        """
        with self._connected() as db:
            rows = db.execute("SELECT key, value FROM meta").fetchall()
        return read_meta({key: json.loads(value) for key, value in rows}, self.path)

    def add_trial(self, *trials: Trial, **meta: Unpack[MetaValues]) -> None:
        """Record finished trials and values of the meta data, all or none.

        Raises:
            UserError: a second one of the same genotype on the same rung.
        """
        self._add("trials", trials, meta)

    def trials(self) -> list[Trial]:
        """All finished trials of the search in the order of their proposal, then of the rungs."""
        return self._trials("trials")

    def find(self, candidate: str, rung: int) -> Trial | None:
        """The trial of a candidate, by its hash, on a rung, if it is finished."""
        # Asked once for every evaluation, so on the connection that is open anyway.
        with self._lock, self._errors_told():
            row = self._open_writer().execute(f"{_SELECT} trials {_ONE}", (candidate, rung))
            return next(map(trial_of, row), None)

    def add_sampled(self, trial: Trial, **meta: Unpack[MetaValues]) -> None:
        """Record a trial of the uniform random sample; see `rosearch.strategies.uniform`."""
        self._add("sample", [trial], meta)

    def sample(self) -> list[Trial]:
        """The uniform random sample, as far as it is evaluated, in the order it was drawn."""
        return self._trials("sample")

    def add_raced(self, trial: Trial, **meta: Unpack[MetaValues]) -> None:
        """Record a result of the race after the search; see `rosearch.run.racing`."""
        self._add("race", [trial], meta)

    def raced(self) -> list[Trial]:
        """All results of the race, by round."""
        return self._trials("race")

    def _add(self, table: str, trials: Sequence[Trial], meta: MetaValues) -> None:
        now = time.time()
        with self._writing() as db:
            db.executemany(
                f"INSERT INTO {table} "
                "(idx, rung, hash, genotype, seed, parent, score, error, finished) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*trial_row(trial), now) for trial in trials],
            )
            _set_meta(db, meta)

    def _trials(self, table: str) -> list[Trial]:
        with self._connected() as db:
            return [*map(trial_of, db.execute(f"{_SELECT} {table} ORDER BY idx, rung"))]

    def counts(self) -> dict[int, tuple[int, int]]:
        """Rung -> how many trials of the search are finished, and how many of these failed."""
        with self._connected() as db:
            rows = db.execute("SELECT rung, COUNT(*), COUNT(error) FROM trials GROUP BY rung")
            return {rung: (n, failed) for rung, n, failed in rows}

    def finished(self) -> dict[tuple[int, int], float]:
        """When each trial was recorded, in seconds since 1970, by its index and rung."""
        with self._connected() as db:
            rows = db.execute("SELECT idx, rung, finished FROM trials")
            return {(idx, rung): at for idx, rung, at in rows}

    def version(self) -> str:
        """Changes with every result and every value of the meta data, and is cheap to read."""
        with self._connected() as db:
            rows = db.execute("SELECT key, value FROM meta ORDER BY key").fetchall()
            for table in ("trials", "sample", "race", "finals", "examples"):
                rows += db.execute(f"SELECT COUNT(*), MAX(rowid) FROM {table}").fetchall()
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]

    def add_final(self, final: Final) -> None:
        """Record a model evaluated on the test split."""
        with self._writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO finals VALUES (?, ?, ?)",
                (final.model, final.seed, json.dumps(asdict(final))),
            )

    def finals(self) -> list[Final]:
        """All models evaluated on the test split."""
        with self._connected() as db:
            rows = db.execute("SELECT result FROM finals ORDER BY model, seed").fetchall()
        return [final_of(json.loads(row[0])) for row in rows]

    def add_examples(self, model: str, attack: str, examples: Sequence[AttackResult]) -> None:
        """Record attacked texts."""
        with self._writing() as db:
            db.executemany(
                "INSERT OR REPLACE INTO examples VALUES (?, ?, ?, ?)",
                [(model, attack, e.index, json.dumps(vars(e))) for e in examples],
            )

    def examples(self, model: str, attack: str) -> list[AttackResult]:
        """Attacked texts of one model under one attack; runs of version 0.1 kept one attack's."""
        with self._connected() as db:
            rows = db.execute(
                "SELECT example FROM examples WHERE model = ? AND attack = ? ORDER BY idx",
                (model, attack),
            ).fetchall()
        return [AttackResult.from_json(json.loads(row[0])) for row in rows]


def _set_meta(db: sqlite3.Connection, values: MetaValues) -> None:
    rows = [(key, json.dumps(value)) for key, value in values.items()]
    db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)
