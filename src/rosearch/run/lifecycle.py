"""The run: prepare, search, final evaluation, report. Every step is stored as soon as it is done,
so `resume` goes on where a killed run stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from rosearch.config import (
    RunConfig,
    SearchConfig,
    codings_of,
    objectives_of,
    of_run,
    read_toml,
    to_dict,
    to_toml,
)
from rosearch.errors import MissingExtra, UserError
from rosearch.evaluation.held_out import check
from rosearch.executors.base import Executor
from rosearch.io.files import new_folder, write_text, writing
from rosearch.models.labels import LabelError
from rosearch.results.folder import ComparisonFolder, RunFolder
from rosearch.results.meta import StoredConfig
from rosearch.results.store import Store
from rosearch.results.summary import Choice, Summary, machine, summarise
from rosearch.run.budget import Amount, extended, without_budget
from rosearch.run.callbacks.base import Callback, Callbacks
from rosearch.run.clock import Clock
from rosearch.run.places import found_again, settled, teacher_content
from rosearch.run.reference import with_reference
from rosearch.run.sampling import run_sample
from rosearch.run.search import run_search
from rosearch.run.space import check_space, searched_space
from rosearch.strategies.points import choose
from rosearch.strategies.population import last_rung
from rosearch.strategies.posterior import Standard, posterior
from rosearch.tasks import Task
from rosearch.tasks.assemble import cut_task
from rosearch.tasks.named import task_of, task_of_run
from rosearch.tasks.written import write_task
from rosearch.types import Json, Trial

if TYPE_CHECKING:
    from rosearch.evaluation.context import Context

# Makes an executor of the run's context and a number of workers.
Executors = Callable[["Context", int], Executor]


def search(
    config: RunConfig,
    out: Path,
    workers: int = 2,
    executor: Executors | None = None,
    callbacks: Sequence[Callback] = (),
    task: Task | None = None,
) -> Summary:
    """A new run in the folder `out`; its summary.

    Args:
        executor: makes what evaluates; by default a pool of worker processes.
        callbacks: look on.
        task: in the place of that of the configuration; the run folder keeps its texts.

    Raises:
        UserError: bad configuration or data, or a teacher that does not fit these, and nothing is
            left behind; `out` exists.
    """
    check(config)
    if out.exists():
        raise UserError(f"{out} exists; choose another --out, or `rosearch resume {out}`")
    check_space(config.space, codings_of(config))
    given = None if task is None else cut_task(task, config.task.max_words)
    task = given or task_of(config.task, config.seed, aloud=False)  # `resume` is
    config = settled(config)
    teacher = teacher_content(config, None, out)
    with new_folder(out, replace=False) as made:
        made.mkdir()
        new = RunFolder(made)
        if given is not None:
            config = replace(config, task=write_task(given, new.data, RunFolder(out).data))
        write_text(new.config, to_toml(config))
        with closing(Store(new.database, create=True)) as store:
            store.set_meta(
                **config_meta(config),
                started=time.time(),
                seconds=0.0,
                machine=machine(),
                task=task.name,
                label_names=task.label_names,
                fingerprint=task.fingerprint,
                teacher_sha256=teacher,
                data=task.about,
            )
    for line in task.advice:
        print(f"note: {line}", file=sys.stderr)
    try:
        return resume(out, workers, executor=executor, callbacks=callbacks)
    except LabelError:  # found before any evaluation; a run's settings cannot be changed
        shutil.rmtree(out)
        raise


def resume(
    folder: Path,
    workers: int = 2,
    *,
    candidates: Amount | None = None,
    minutes: Amount | None = None,
    queries: Amount | None = None,
    places: Mapping[str, str] | None = None,
    executor: Executors | None = None,
    callbacks: Sequence[Callback] = (),
) -> Summary:
    """Go on with a run until it is finished, or extend it; its summary.

    Args:
        candidates, minutes, queries: a larger budget of the search: so much in all, or as text
            `+` and so much more. Finalists that stay are not evaluated again.
        places: where its `teacher` and its data (`train`, `validation`, `test`, or `name` of a
            folder) are now, if they were moved.

    Raises:
        UserError: no run there, another process works on it, or its data, its teacher or its
            settings changed. The run is as before then.
    """
    run = RunFolder(folder)
    with closing(run.open()) as store, locked(run):
        store.check()
        config = found_again(stored_config(store, run), places or {}, run)
        longer = extended(config, candidates, minutes, queries)
        audience = Callbacks((type(callback).__name__, callback) for callback in callbacks)
        try:
            return _go_on(longer, run, store, workers, executor, audience)
        except BaseException:  # Ctrl-C among them
            audience.stopped()
            raise


def _go_on(
    config: RunConfig,
    run: RunFolder,
    store: Store,
    workers: int,
    executor: Executors | None,
    callbacks: Callbacks,
) -> Summary:
    from rosearch.executors.local import ProcessPool
    from rosearch.run.finals import checked, final_jobs, finish
    from rosearch.run.prepare import prepare
    from rosearch.run.racing import run_race

    known = store.meta()
    task = task_of_run(config.task, config.seed, run, known.task, known.fingerprint)
    teacher = teacher_content(config, known.teacher_sha256, run)
    clock = Clock(store, config.search.minutes)
    prepared = prepare(_begun(config) if store.trials() else config, task)
    context = with_reference(_in_folder(prepared.context, config.search, run), config, store)
    standard = Standard(config.fitness, context.teacher_accuracy, context.reference_accuracy)
    make: Executors = executor or ProcessPool
    with make(context, workers) as pool:
        # Not before all that the run needs is there: a finished one stays so until it can go on.
        keep_config(config, run, store)
        store.set_meta(teacher_sha256=teacher, teacher_accuracy=context.teacher_accuracy)
        callbacks.started(config, run.path)
        space = searched_space(config.space, codings_of(config), context, store)
        s, seed, floor = config.search, config.seed, standard.floor
        run_search(s, seed, space, context, pool, store, clock, callbacks, floor)
        raced = run_race(config, space, standard, context, pool, store, clock)
        run_sample(s, seed, space, context, pool, store, clock)
        trials = store.trials()
        believed = posterior(checked(trials), raced, space, standard, objectives_of(s))
        chosen = choose(believed, config.final.finalists)
        jobs = final_jobs(chosen, prepared.teacher_folder, config, run)
        finals = finish(jobs, run, store, pool)
    shutil.rmtree(run.checkpoints, ignore_errors=True)
    store.set_meta(**clock.meta())
    choice = Choice(believed, chosen)
    summary = summarise(task.name, s, seed, trials, finals, clock.run(), choice)
    names, metric = task.label_names, config.fitness.metric
    summary = replace(summary, label_names=names, metric=metric)
    summary = replace(summary, statistics=related(trials, store.sample()))
    store.set_meta(summary=summary.to_json())
    write_text(run.summary, json.dumps(summary.to_json(), indent=2) + "\n")
    make_report(run.path)
    callbacks.finished(summary)
    return summary


def _begun(config: RunConfig) -> RunConfig:
    """The settings of a run that has results: whatever its teacher is worth, it goes on."""
    return replace(config, teacher=replace(config.teacher, weak="keep"))


def _in_folder(context: Context, s: SearchConfig, run: RunFolder) -> Context:
    """The context of a search that keeps trainings, and weights if it does, in the run folder."""
    from rosearch.distill.inherit import Lineage

    lineage = Lineage(run.weights, s.rungs[0]) if s.inherit else None
    return replace(context, checkpoints=run.checkpoints, lineage=lineage)


@contextmanager
def locked(folder: RunFolder | ComparisonFolder) -> Iterator[None]:
    """Keep other processes from going on with the same run or comparison.

    Raises:
        UserError: one is at it, or the folder can't be written.
    """
    try:
        with writing(folder.path):
            lock = FileLock(folder.lock, timeout=0).acquire()
    except Timeout:
        raise UserError(f"another process is working on {folder}") from None
    with lock:
        yield


def keep_config(config: RunConfig, run: RunFolder, store: Store) -> None:
    """Write the settings that a run goes on with, if they are not those that it has."""
    if config != store.meta().run_config:
        write_text(run.config, to_toml(config))
        store.set_meta(**config_meta(config), summary=None)


def config_meta(config: RunConfig) -> StoredConfig:
    """A configuration as the store keeps it, with its checksum."""
    plain = to_dict(config)
    return {"config": plain, "config_sha256": _digest(plain)}


def stored_config(store: Store, run: RunFolder) -> RunConfig:
    """The configuration that a run was started with.

    Raises:
        UserError: it was changed since, in the store or in `config.toml`; runs of versions before
            there were checksums are trusted.
    """
    meta = store.meta()
    if meta.config_sha256 not in (None, _digest(meta.config)):
        raise UserError(
            f"the settings in {store.path} are not those that the run was started with (their "
            "checksum differs); restore the file from a copy, or start a new run"
        )
    config, file = meta.run_config, run.config
    if file.exists():
        told = of_run(read_toml(file))
        if without_budget(told) != without_budget(config):
            raise UserError(
                f"{file} was changed since the run was started, and a run ends with the settings "
                "that it began with: undo the change, or start a new run with that file"
            )
    return config


def _digest(plain: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def make_report(folder: Path) -> None:
    """Write the report, or say why there is none: a finished search is never lost over it."""
    from rosearch.report.page import write_report

    try:
        write_report(folder)
    except UserError as error:
        print(f"no report: {error}", file=sys.stderr)


def related(trials: Sequence[Trial], sample: Sequence[Trial]) -> Json:
    """The statistics for `summary.json`, or why there are none."""
    from rosearch.report.findings import words
    from rosearch.report.statistics import statistics

    try:
        found = statistics(last_rung(trials), sample)
        return {**found.to_json(), "words": [asdict(paragraph) for paragraph in words(found)]}
    except MissingExtra as error:
        return {"missing": str(error)}
