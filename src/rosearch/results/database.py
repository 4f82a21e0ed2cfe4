"""How the file of a store is opened: for writing, or where that is not allowed, for reading."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rosearch.errors import DiskError

TIMEOUT = 30.0  # seconds to wait for another process that writes


@dataclass(frozen=True)
class Database:
    """A file of SQLite.

    Attributes:
        path: what it is called.
        uri: what is opened.
        scratch: folder of the copy that is read in its place, to be removed.
    """

    path: Path
    uri: str
    writable: bool = True
    scratch: Path | None = None

    def reader(self) -> sqlite3.Connection:
        """A connection of one call."""
        return sqlite3.connect(self.uri, uri=True, timeout=TIMEOUT)

    def writer(self) -> sqlite3.Connection:
        """A connection that stays open, for any thread.

        Raises:
            DiskError: the file or its folder can't be written.
        """
        if not self.writable:
            raise DiskError(
                f"cannot write {self.path}: the folder is read-only; go on with a copy of it"
            )
        db = sqlite3.connect(self.uri, uri=True, timeout=TIMEOUT, check_same_thread=False)
        # Readers and the writer don't block each other. A result that a power failure takes with it
        # is evaluated again; a killed process loses nothing.
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        return db


def find_database(path: Path) -> Database:
    """The file, whether it is there or not.

    SQLite writes beside a file that it only reads. Where it may not, it is given a copy, unless
    another process is at the file and has left there what a reader needs.
    """
    uri = path.resolve().as_uri()
    if not path.exists() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return Database(path, uri)
    if path.with_name(f"{path.name}-shm").exists():
        return Database(path, f"{uri}?mode=ro", writable=False)
    scratch = Path(tempfile.mkdtemp(prefix="rosearch-"))
    for name in (path.name, f"{path.name}-wal"):  # results that are not in the main file yet
        if path.with_name(name).exists():
            shutil.copyfile(path.with_name(name), scratch / name)
    return Database(path, (scratch / path.name).as_uri(), writable=False, scratch=scratch)
