"""What is to be exported: the model's folder, its task, its teacher, and what its run measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from rosearch.config import RunConfig, held_out_attacks, make_config
from rosearch.errors import UserError
from rosearch.export.provenance import Provenance, of_data, of_model
from rosearch.results.entries import ModelEntry, model_entry
from rosearch.results.folder import RunFolder, run_of
from rosearch.results.meta import RunMeta
from rosearch.results.store import Store
from rosearch.tasks import Task
from rosearch.tasks.named import moved, task_of, task_of_run
from rosearch.types import Final


@dataclass(frozen=True)
class RunRecord:
    """What a run measured on the test split, means over training seeds.

    Attributes:
        search_attack, held_out: names of its attacks.
        student: the one to export.
    """

    search_attack: str
    held_out: tuple[str, ...]
    student: ModelEntry
    teacher: ModelEntry
    reference: ModelEntry | None = None

    @property
    def further(self) -> tuple[str, ...]:
        """All attacks but the first: other suites of the search, then those held out."""
        return (*self.student.suites, *self.held_out)


@dataclass(frozen=True)
class Source:
    """A model to export.

    Attributes:
        name: how it is called in the model card; no path of this machine.
        data: where its task's data come from.
        base: of a student its teacher before it was fine-tuned, else the model itself.
        teacher: folder to compare latency with, or None.
        notes: what the user should know, such as why there is no teacher.
        run: None for a model that is of no run.
        seeds: folders of the same student trained with other seeds.
    """

    folder: Path
    name: str
    task: Task
    data: Provenance
    base: Provenance | None = None
    teacher: Path | None = None
    notes: tuple[str, ...] = ()
    run: RunRecord | None = None
    seeds: tuple[Path, ...] = ()

    @property
    def pairs(self) -> bool:
        """Whether the task is of pairs of texts."""
        return not isinstance(self.task.test.texts[0], str)


def find_source(
    what: str,
    flags: Mapping[str, object],
    teacher: str | None = None,
    test_alone: bool = False,
) -> Source:
    """The model of `RUN`, `RUN:ID`, a folder, or a hub id.

    Args:
        flags: overrides as `make_config` takes them; those of `task` name the task of a model
            (of a student's folder inside a run: another than the run's), or new places of the
            data of a run.
        teacher: folder or hub id of the teacher; by default that of the run. Of a run: another
            one, or the new place of its own before it was fine-tuned.
        test_alone: see `task_of`.

    Raises:
        UserError: nothing there, a run without finished students, or a task for a run.
    """
    from rosearch.models.load import model_source

    run, wanted = _of_which_run(what, flags)
    given = None if teacher is None else model_source(teacher)
    if run is not None:
        return _of_run(run, wanted, given, cast("Mapping[str, str]", flags.get("task") or {}))
    config = make_config("quick", None, dict(flags))
    task = task_of(config.task, config.seed, test_alone=test_alone)
    notes = () if given else ("no latency of a teacher: name one with --teacher",)
    folder = model_source(what)
    name = folder.resolve().name if Path(what).is_dir() else what
    base = teacher if _is_student(folder) else what
    data = of_data(config.task, task.name)
    return Source(folder, name, task, data, of_model(base) if base else None, given, notes)


def model_and_task(what: str, flags: Mapping[str, object]) -> tuple[str | Path, Task]:
    """A model as `find_source` finds it, and its task; stderr is told which, if none was given.

    Raises:
        UserError: see `find_source`.
    """
    given = cast("Mapping[str, str]", flags.get("task") or {})
    run, wanted = _of_which_run(what, flags)
    if run is None:
        config = make_config("quick", None, dict(flags))
        model: str | Path = what
        task = task_of(config.task, config.seed)
        origin = "as none was given; --task or --train name another one"
    else:
        model = run.find_student(wanted)
        task = _task_of(run, run.open().meta(), given)
        origin = f"that of {run}"
    if not given:
        print(f"task: {task.name}, {origin}", file=sys.stderr)
    return model, task


def _of_which_run(what: str, flags: Mapping[str, object]) -> tuple[RunFolder | None, str]:
    """As `split_run`; a student's folder is of no run where another task is given."""
    return (None, "") if flags.get("task") and run_of(Path(what)) else split_run(what)


def _is_student(folder: Path) -> bool:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # told where the model is opened
        return False
    return isinstance(found, dict) and found.get("model_type") == "rosearch-student"


def import_plugins_of(what: str) -> None:
    """Import the plugins of the run that `split_run` finds, if there is one.

    Raises:
        UserError: one can't be imported.
    """
    run, _ = split_run(what)
    if run is not None:
        run.open().close()


def model_folder(what: str) -> str | Path:
    """The folder of the student that `RUN` or `RUN:ID` means; what names another model, as it is,
    a student's own folder among them, whose run, and its plugins, are not asked then.

    Raises:
        UserError: a run without such a student.
    """
    run, wanted = split_run(what)
    if run is None or run_of(Path(what)):
        return what
    return run.find_student(wanted)


def split_run(what: str) -> tuple[RunFolder | None, str]:
    """The run of `RUN`, `RUN:ID` or `RUN/students/ID` and the id, which may be empty; no run of
    a model."""
    if found := run_of(Path(what)):
        return found
    if (run := RunFolder(Path(what))).exists():
        return run, ""
    head, _, wanted = what.rpartition(":")
    if head and (run := RunFolder(Path(head))).exists():
        return run, wanted
    return None, ""


def _of_run(run: RunFolder, wanted: str, teacher: Path | None, places: Mapping[str, str]) -> Source:
    from rosearch.models.load import content_hash

    store = run.open()
    meta = store.meta()
    config = meta.run_config
    student = run.find_student(wanted)
    task = _task_of(run, meta, places)
    notes: tuple[str, ...] = ()
    if teacher is not None and content_hash(teacher) == meta.teacher_sha256:  # in a new place
        config, teacher = replace(config, teacher=replace(config.teacher, name=str(teacher))), None
    if teacher is None:
        teacher, notes = _teacher_of_run(config, task)
    record = _record(store, config, student.name)
    data, base = of_data(meta.run_config.task, task.name), of_model(meta.run_config.teacher.name)
    seeds = tuple(run.other_seeds(student.name))
    return Source(student, student.name, task, data, base, teacher, notes, record, seeds)


def _task_of(run: RunFolder, meta: RunMeta, places: Mapping[str, str]) -> Task:
    config = meta.run_config
    now = moved(config.task, places, run)
    return task_of_run(now, config.seed, run, meta.task, meta.fingerprint)


def _teacher_of_run(config: RunConfig, task: Task) -> tuple[Path | None, tuple[str, ...]]:
    from rosearch.teacher.fit import saved_teacher

    try:
        found = saved_teacher(task, config.teacher, config.seed)
    except UserError as error:
        return None, (f"no latency of the teacher: {error}",)
    if found is None:
        note = "no latency of the teacher: it is not in the cache; name its folder with --teacher"
        return None, (note,)
    return found, ()


def _record(store: Store, config: RunConfig, student: str) -> RunRecord | None:
    """The run's final numbers; None where it has none of this student."""
    found: dict[str, list[Final]] = {}
    for final in store.finals():
        found.setdefault(final.model, []).append(final)
    if student not in found or "teacher" not in found:
        return None
    suites, params = config.search.suites, found["teacher"][0].params
    entries = {name: model_entry(runs, suites, params) for name, runs in found.items()}
    return RunRecord(
        suites[0],
        held_out_attacks(config),
        student=entries[student],
        teacher=entries["teacher"],
        reference=entries.get("reference"),
    )
