"""The run: prepare, search, final evaluation, report. Every step is stored as soon as it is done,
so `resume` goes on where a killed run stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from rosearch import config as configs
from rosearch.budget import Amount, extended, without_budget
from rosearch.callbacks.base import Callback, Callbacks
from rosearch.config import RunConfig
from rosearch.errors import MissingExtra, UserError
from rosearch.files import write_text
from rosearch.live import Course, SearchView
from rosearch.loop import search_loop
from rosearch.plan import check, fidelity_at, task_of
from rosearch.run_space import check_space, latency_of, seed_genotypes, space_of
from rosearch.sampling import evaluate_sample
from rosearch.space.cost import flops
from rosearch.space.vary import Space
from rosearch.store import Store
from rosearch.strategies import STRATEGIES, EvolutionConfig
from rosearch.strategies.population import last_rung
from rosearch.strategies.rungs import Rungs, expected_evaluations, increments
from rosearch.strategies.scheduler import Scheduler
from rosearch.strategies.uniform import uniform_sample
from rosearch.summary import machine, summarise
from rosearch.types import Job, Json, Trial

if TYPE_CHECKING:
    from rosearch.fitness import Context
    from rosearch.prepare import Prepared

# Makes an executor of the run's context and a number of workers.
Executors = Callable[["Context", int], Any]
# Work of a step that does not grow with the student, in FLOPs of one text; see `expected_cost`.
FIXED_FLOPS = 2e7


def search(
    config: RunConfig,
    out: Path,
    workers: int = 2,
    executor: Executors | None = None,
    callbacks: Sequence[Callback] = (),
) -> Json:
    """A new run in the folder `out`; its summary.

    Args:
        executor: makes what evaluates; by default a pool of worker processes.
        callbacks: look on.

    Raises:
        UserError: bad configuration or data, found before anything is written; `out` exists.
    """
    check(config)
    if out.exists():
        raise UserError(f"{out} exists; choose another --out, or `rosearch resume {out}`")
    check_space(config)
    task = task_of(config.task, config.seed)
    out.mkdir(parents=True)
    (out / "config.toml").write_text(configs.to_toml(config), encoding="utf-8")
    with closing(Store(out / "run.db", create=True)) as store:
        store.set_meta(
            **config_meta(config),
            started=time.time(),
            seconds=0.0,
            machine=machine(),
            task=task.name,
            label_names=task.label_names,
            fingerprint=task.fingerprint,
        )
    return resume(out, workers, executor=executor, callbacks=callbacks)


def resume(
    folder: Path,
    workers: int = 2,
    *,
    candidates: Amount | None = None,
    minutes: Amount | None = None,
    queries: Amount | None = None,
    executor: Executors | None = None,
    callbacks: Sequence[Callback] = (),
) -> Json:
    """Go on with a run until it is finished, or extend it; its summary.

    Args:
        candidates, minutes, queries: a larger budget of the search: so much in all, or as text
            `+` and so much more. Finalists that stay are not evaluated again.

    Raises:
        UserError: no run there, another process works on it, or its data or settings changed.
    """
    with closing(Store(folder / "run.db")) as store, locked(folder):
        store.check()
        config = stored_config(store, folder)
        longer = extended(config, candidates, minutes, queries)
        if longer != config:
            write_text(folder / "config.toml", configs.to_toml(longer))
            store.set_meta(**config_meta(longer), summary=None)
        told = Callbacks((type(callback).__name__, callback) for callback in callbacks)
        return _go_on(longer, store, workers, executor, told)


def _go_on(
    config: RunConfig, store: Store, workers: int, executor: Executors | None, told: Callbacks
) -> Json:
    from rosearch.executors.local import ProcessPool
    from rosearch.finals import finish
    from rosearch.prepare import prepare

    folder = store.path.parent
    task = task_of(config.task, config.seed)
    if task.fingerprint != store.meta()["fingerprint"]:
        raise UserError(f"the data of {task.name!r} changed since {folder} was started")
    told.started(config, folder)
    clock = Clock(store, config.search.minutes)
    prepared = prepare(config, task)
    unfinished = folder / "checkpoints"
    several = len(config.search.rungs) > 1
    context = replace(prepared.context, checkpoints=unfinished if several else None)
    make: Executors = executor or ProcessPool
    with make(context, workers) as pool:
        space = _searched(config, store, prepared, pool, clock, told)
        shutil.rmtree(unfinished, ignore_errors=True)
        trials = store.trials()
        drawn = uniform_sample(space, config.search.random_sample, config.seed)
        full = len(config.search.rungs) - 1

        def keep(trial: Trial) -> None:
            store.add_sampled(replace(trial, rung=full), **clock.meta())

        evaluate_sample(drawn, store.sample(), trials, pool, fidelity_at(config, full), keep)
        finals = finish(trials, config, store, pool.call, prepared.teacher_folder)
    store.set_meta(**clock.meta())
    summary = summarise(config, task.name, trials, finals, clock.run())
    summary["statistics"] = related(trials, store.sample())
    store.set_meta(summary=summary)
    write_text(folder / "summary.json", json.dumps(summary, indent=2) + "\n")
    make_report(folder)
    told.finished(summary)
    return summary


def _searched(
    config: RunConfig,
    store: Store,
    prepared: Prepared,
    pool: Any,
    clock: Clock,
    told: Callbacks,
) -> Space:
    """Go through with the search, whose results are in the store then; its space."""
    context, s = prepared.context, config.search
    rows = dict(context.sizes.rows)
    store.set_meta(rows=rows, trimmed_rows=dict(context.sizes.trimmed))
    latency = latency_of(config, store)
    classes = len(context.label_names)
    space = space_of(config, rows, classes, context.teacher_params, latency)
    if pool.workers > s.slots:
        print(
            f"note: at most {s.slots} of {pool.workers} workers are busy; a new run with "
            f"--set search.slots={2 * pool.workers} keeps all of them busy",
            file=sys.stderr,
        )
    course = course_of(config, clock.earlier)
    scheduler = scheduler_of(config, space)
    with SearchView(course, context.teacher_params) as view:
        clock.start_search()
        search_loop(
            scheduler,
            pool,
            [fidelity_at(config, rung) for rung in range(len(s.rungs))],
            lambda job: store.find(job.candidate.id, job.rung),
            lambda trial: store.add_trial(trial, **clock.meta()),
            Audience(view, told, course),
            clock.time_is_left,
        )
        clock.stop_search()
    if scheduler.exhausted:
        said = f"note: no new genotype was found after {scheduler.proposed} candidates"
        print(f"{said}: the space has hardly more", file=sys.stderr)
    return space


@dataclass
class Audience:
    """The live view and the callbacks, which see the same results."""

    view: SearchView
    callbacks: Callbacks
    course: Course
    done: int = 0

    def show(self, trial: Trial, running: int, fresh: bool) -> None:
        self.view.show(trial, running, fresh)
        self.done += 1
        self.callbacks.trial(trial, self.done, max(self.done, sum(self.course.evaluations)))


class Clock:
    """Seconds of a run and of its search, those of earlier processes included."""

    def __init__(self, store: Store, minutes: float | None) -> None:
        meta = store.meta()
        self.before = float(meta["seconds"])
        self.earlier = float(meta.get("search_seconds", 0.0))
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

    def meta(self) -> Json:
        """What the store keeps of it."""
        return {"seconds": self.run(), "search_seconds": self.search()}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from going on with the same run.

    Raises:
        UserError: one is at it.
    """
    try:
        lock = FileLock(folder / ".lock", timeout=0).acquire()
    except Timeout:
        raise UserError(f"another process is working on {folder}") from None
    with lock:
        yield


def config_meta(config: RunConfig) -> Json:
    """A configuration as the store keeps it, with its checksum."""
    plain = configs.to_dict(config)
    return {"config": plain, "config_sha256": _digest(plain)}


def stored_config(store: Store, folder: Path) -> RunConfig:
    """The configuration that a run was started with.

    Raises:
        UserError: it was changed since, in the store or in `config.toml`; runs of versions before
            there were checksums are trusted.
    """
    meta = store.meta()
    plain = meta["config"]
    if meta.get("config_sha256", _digest(plain)) != _digest(plain):
        raise UserError(
            f"the settings in {store.path} are not those that the run was started with (their "
            "checksum differs); restore the file from a copy, or start a new run"
        )
    config = configs.from_dict(plain)
    file = folder / "config.toml"
    if file.exists():
        told = configs.from_dict(configs.read_toml(file))
        if without_budget(told) != without_budget(config):
            raise UserError(
                f"{file} was changed since the run was started, and a run ends with the settings "
                "that it began with: undo the change, or start a new run with that file"
            )
    return config


def _digest(plain: Json) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def scheduler_of(config: RunConfig, space: Space) -> Scheduler:
    """What decides the order of the evaluations of a run."""
    s = config.search
    settings = EvolutionConfig(s.population, s.tournament, s.crossover)
    return Scheduler(
        STRATEGIES[s.strategy](space, settings),
        Rungs(len(s.rungs), s.keep),
        seed_genotypes(space),
        s.candidates,
        s.slots,
        config.seed,
        expected_cost(s.rungs, space),
        s.queries,
    )


def expected_cost(rungs: Sequence[float], space: Space) -> Callable[[Job], float]:
    """Expected duration of a job, as a share of its training and by its FLOPs.

    FLOPs tell durations well: over the 24 candidates of each of two runs on `mr`, the logarithms of
    both had correlations of 0.92 and 0.99.
    """
    added = increments(rungs)

    def cost(job: Job) -> float:
        return added[job.rung] * (FIXED_FLOPS + flops(job.candidate.genotype, space.sizes))

    return cost


def course_of(config: RunConfig, earlier: float = 0.0) -> Course:
    """What the search of a run is expected to do."""
    s = config.search
    return Course(
        expected_evaluations(s.candidates, len(s.rungs), s.keep),
        increments(s.rungs),
        None if s.minutes is None else 60 * s.minutes,
        earlier,
    )


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
