"""Answers of a model that are kept on disk, shared by all students and processes of a machine."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

from rosearch.errors import DiskError
from rosearch.io.files import writing

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Model = Callable[[Sequence[Item]], Iterable[Answer]]  # items to answers, one each and in order
ENTRIES = 500_000  # answers kept in memory
AT_ONCE = 500  # keys of one look-up; SQLite allows 999 parameters
WAIT = 60.0  # seconds for another process to finish writing


class DiskCache(Generic[Item, Answer]):
    """A model that is asked about each item once, ever.

    A new answer is written in a transaction, so other processes see whole answers or none. Two
    processes that ask the same thing at the same time both compute it and write the same.

    Args:
        make: gives the model; called once, when there is something new to ask it.
        path: the SQLite file; its name must tell the model's content.
        key: an item as text, different for different items.
    """

    def __init__(
        self, make: Callable[[], Model[Item, Answer]], path: Path, key: Callable[[Item], str]
    ) -> None:
        self.make = make
        self.path = path
        self.key = key
        self.known: dict[bytes, Answer] = {}

    @cached_property
    def model(self) -> Model[Item, Answer]:
        return self.make()

    def __call__(self, items: Sequence[Item]) -> list[Answer]:
        """One answer per item, a number or a text."""
        keys = [self._digest(item) for item in items]
        if len(self.known) > ENTRIES:
            self.known.clear()
        new = {key: item for key, item in zip(keys, items, strict=True) if key not in self.known}
        if new:
            try:
                self._learn(new)
            except sqlite3.Error as error:
                raise DiskError(
                    f"cannot use {self.path}: {error}; delete it, or set ROSEARCH_CACHE to another "
                    "folder"
                ) from None
        return [self.known[key] for key in keys]

    def _digest(self, item: Item) -> bytes:
        text = self.key(item).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=16).digest()

    def _learn(self, new: dict[bytes, Item]) -> None:
        """Answers that are stored by now, then those of the model, which are stored too."""
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=WAIT)) as store:
            store.execute(
                "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, answer) WITHOUT ROWID"
            )
            keys = list(new)
            for start in range(0, len(keys), AT_ONCE):
                some = keys[start : start + AT_ONCE]
                marks = ",".join("?" * len(some))
                self.known.update(
                    store.execute(f"SELECT * FROM answers WHERE key IN ({marks})", some).fetchall()
                )
            left = [key for key in keys if key not in self.known]
            if not left:
                return
            answers = self.model([new[key] for key in left])
            made = [
                (key, answer.item() if hasattr(answer, "item") else answer)
                for key, answer in zip(left, answers, strict=True)
            ]
            with store:
                store.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?)", made)
            self.known.update(made)
