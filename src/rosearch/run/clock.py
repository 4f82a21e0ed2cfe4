"""How long a run and its search have taken, and whether there is time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rosearch.results.meta import Spent
from rosearch.results.store import Store

if TYPE_CHECKING:
    pass


class Clock:
    """Seconds of a run and of its search, those of earlier processes included."""

    def __init__(self, store: Store, minutes: float | None) -> None:
        meta = store.meta()
        self.before, self.earlier = meta.seconds, meta.search_seconds
        self.limit = None if minutes is None else 60 * minutes
        self.started = time.monotonic()
        self.searching: float | None = None  # since when
        self.searched = 0.0

    def start_search(self) -> None:
        self.searching = time.monotonic()

    def stop_search(self) -> None:
        self.searched, self.searching = self.search() - self.earlier, None

    def run(self) -> float:
        """Seconds of the run."""
        return self.before + time.monotonic() - self.started

    def search(self) -> float:
        """Seconds of the search."""
        now = 0.0 if self.searching is None else time.monotonic() - self.searching
        return self.earlier + self.searched + now

    def time_is_left(self) -> bool:
        """Whether the search may go on."""
        return self.limit is None or self.search() < self.limit

    def meta(self) -> Spent:
        """What the store keeps of it."""
        return {"seconds": self.run(), "search_seconds": self.search()}
