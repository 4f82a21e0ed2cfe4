"""What a run tells while it goes on, behind one small Protocol.

A callback only looks on: one that raises is switched off with a warning, and the run goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from rosearch.errors import one_line
from rosearch.types import Trial

if TYPE_CHECKING:
    from rosearch.config import RunConfig
    from rosearch.results.summary import Summary


class Callback(Protocol):
    """Looks on while a run goes on.

    A run that is resumed calls `started` again. It may call `trial` again with trials that an
    earlier process has told, so that none is missing after a kill: those are not to count twice.
    """

    def started(self, config: RunConfig, folder: Path) -> None:
        """The run in `folder` starts, or goes on."""
        ...

    def trial(self, trial: Trial, done: int, total: int) -> None:
        """An evaluation is done and stored.

        Args:
            done: results so far, this one included.
            total: results that the run is to have.
        """
        ...

    def finished(self, summary: Summary) -> None:
        """The run is finished; the summary and the report are written."""
        ...

    def stopped(self) -> None:
        """The run ends before it is finished, by Ctrl-C or an error; it may be resumed."""
        ...


class Silent:
    """A callback that does nothing: a base for those that need only some of the calls.

    Attributes:
        trace: file or folder that it leaves in a run folder, if any: where it is, a run that goes
            on is looked at by the same callback as before.
    """

    trace: ClassVar[str] = ""

    def started(self, config: RunConfig, folder: Path) -> None:
        pass

    def trial(self, trial: Trial, done: int, total: int) -> None:
        pass

    def finished(self, summary: Summary) -> None:
        pass

    def stopped(self) -> None:
        pass


class NamedCallback(Protocol):
    """What `rosearch.run.callbacks.CALLBACKS` holds: a class with a name, based on `Silent`."""

    @property
    def name(self) -> str: ...

    @property
    def trace(self) -> str: ...

    def __call__(self) -> Callback: ...


class Callbacks:
    """Several callbacks as one that never raises.

    Args:
        callbacks: by name; what each is called in a warning.
    """

    def __init__(self, callbacks: Iterable[tuple[str, Callback]] = ()) -> None:
        self.active = list(callbacks)

    def started(self, config: RunConfig, folder: Path) -> None:
        self._tell(lambda callback: callback.started(config, folder))

    def trial(self, trial: Trial, done: int, total: int) -> None:
        self._tell(lambda callback: callback.trial(trial, done, total))

    def finished(self, summary: Summary) -> None:
        self._tell(lambda callback: callback.finished(summary))

    def stopped(self) -> None:
        self._tell(lambda callback: callback.stopped())

    def _tell(self, call: Callable[[Callback], None]) -> None:
        for name, callback in [*self.active]:
            try:
                call(callback)
            except Exception as error:
                self.active.remove((name, callback))
                reason = f"{type(error).__name__}: {one_line(error)}"
                print(f"warning: {name} is switched off: {reason}", file=sys.stderr)
