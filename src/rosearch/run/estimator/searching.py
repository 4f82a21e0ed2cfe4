"""What an estimator's `fit` does with its parameters: settings, a run, what it may print."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from rosearch.config import MOST_CANDIDATES, RunConfig, make_config, merged
from rosearch.errors import UserError
from rosearch.executors.local import InProcess
from rosearch.results.summary import Summary
from rosearch.run.callbacks import Silent
from rosearch.run.estimator.saved import Record
from rosearch.run.lifecycle import search
from rosearch.tasks import Task

if TYPE_CHECKING:
    pass

# As little of the final evaluation as there can be: one training of one student, to have it.
SHORTEST = {"finalists": 1, "seeds": 1, "attacked": 1, "held_out": []}


def config_of(
    preset: str,
    seed: int,
    candidates: int | None,
    minutes: float | None,
    teacher: str | None,
    final_seeds: int | None,
    settings: Mapping[str, object] | None,
) -> RunConfig:
    """The configuration that parameters of an estimator stand for.

    Raises:
        UserError: an unknown setting, one out of its range, or one that is not for settings.
    """
    if candidates is None and minutes is not None:
        candidates = MOST_CANDIDATES
    final: Mapping[str, object] = SHORTEST if final_seeds == 0 else {"seeds": final_seeds}
    found: dict[str, object] = {
        "seed": seed,
        "search": _given({"candidates": candidates, "minutes": minutes}),
        "teacher": _given({"name": teacher}),
        "final": _given(final),
    }
    for name, value in (settings or {}).items():
        found = merged(found, _nested(name, value))
    return make_config(preset, None, found)


def run(config: RunConfig, task: Task, folder: Path, workers: int, record: Record) -> Summary:
    """Search, and leave the run with its record in `folder`."""
    alone = (lambda context, _workers: InProcess(context)) if workers == 1 else None
    return search(config, folder, workers, alone, [_Keeps(record)], task)


def new_run(folder: Path) -> Path:
    """Where in a folder of runs the next one may be: fits at the same time have their own."""
    return folder / f"texts-{datetime.now():%Y%m%d-%H%M%S}-{token_hex(3)}"


@contextmanager
def told(verbose: bool) -> Iterator[None]:
    """Progress on stderr where it is wanted; else only its warnings, as Python's."""
    if verbose:
        yield
        return
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            yield
    finally:
        for line in said.getvalue().splitlines():
            if line.startswith("warning: "):
                warnings.warn(line.removeprefix("warning: "), stacklevel=4)
        sys.stderr.flush()


@dataclass(frozen=True)
class _Keeps(Silent):
    """Writes the record as soon as there is a run folder: a stopped run can be resumed."""

    record: Record

    def started(self, config: RunConfig, folder: Path) -> None:
        self.record.write(folder)


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _nested(name: str, value: object) -> dict[str, object]:
    section, _, key = name.partition(".")
    if section in ("task", "seed"):
        instead = "random_state" if section == "seed" else "X and y of fit"
        raise UserError(f"settings: {name!r} is not set here: {instead} decides")
    return {section: {key: value}} if key else {section: value}
