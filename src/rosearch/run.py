"""The run: prepare, search, final evaluation, report. Every step is stored as soon as it is done,
so `resume` goes on where a killed run stopped."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rosearch import config as configs
from rosearch.config import RunConfig, clusterings_of
from rosearch.errors import MissingExtra, UserError
from rosearch.executors.base import Executor, trial_of
from rosearch.files import write_text
from rosearch.live import Live, SearchView
from rosearch.sampling import evaluate_sample
from rosearch.space.cost import Limits, Sizes
from rosearch.space.genotype import Genotype, encoded_by
from rosearch.space.latency import LatencyTable
from rosearch.space.ops import OPS
from rosearch.space.presets import PRESETS, REFERENCE, preset
from rosearch.space.vary import Space
from rosearch.store import Final, Store
from rosearch.strategies.evolution import Evolution, EvolutionConfig
from rosearch.strategies.population import fitness
from rosearch.strategies.uniform import uniform_sample
from rosearch.summary import machine, summarise
from rosearch.types import Candidate, Fidelity, Json, Score, Trial

# The presets that a population starts from; the reference is evaluated on its own.
SEEDS = ("bilstm-synonym", "textcnn-synonym", "transformer1-synonym", "sepconv-synonym", "bilstm")
FAILURES = 3  # candidates that fail alike, none having succeeded, end a run


def search(config: RunConfig, out: Path, workers: int = 2) -> Json:
    """A new run in the folder `out`; its summary.

    Raises:
        UserError: bad configuration or data, found before anything is written; `out` exists.
    """
    from rosearch.plan import check, task_of

    check(config)
    if out.exists():
        raise UserError(f"{out} exists; choose another --out, or `rosearch resume {out}`")
    check_space(config)
    task = task_of(config.task, config.seed)
    out.mkdir(parents=True)
    (out / "config.toml").write_text(configs.to_toml(config), encoding="utf-8")
    store = Store(out / "run.db", create=True)
    store.set_meta(
        config=configs.to_dict(config),
        started=time.time(),
        seconds=0.0,
        machine=machine(),
        task=task.name,
        label_names=task.label_names,
        fingerprint=task.fingerprint,
    )
    return resume(out, workers)


def resume(folder: Path, workers: int = 2) -> Json:
    """Go on with a run until it is finished; its summary.

    Raises:
        UserError: no run there, another process works on it, or its data changed.
    """
    from rosearch.executors.local import ProcessPool
    from rosearch.plan import task_of
    from rosearch.prepare import prepare

    store = Store(folder / "run.db")
    config = configs.from_dict(store.meta()["config"])
    try:
        lock = FileLock(folder / ".lock", timeout=0).acquire()
    except Timeout:
        raise UserError(f"another process is working on {folder}") from None
    with lock:
        earlier, start = float(store.meta()["seconds"]), time.monotonic()

        def elapsed() -> float:
            return earlier + time.monotonic() - start

        def record(trial: Trial, add: Callable[[Trial], None] = store.add_trial) -> None:
            add(trial)
            store.set_meta(seconds=elapsed())

        task = task_of(config.task, config.seed)
        if task.fingerprint != store.meta()["fingerprint"]:
            raise UserError(f"the data of {task.name!r} changed since {folder} was started")
        prepared = prepare(config, task)
        context = prepared.context
        rows = dict(context.sizes.rows)
        store.set_meta(rows=rows, trimmed_rows=dict(context.sizes.trimmed))
        latency = latency_of(config, store)
        space = space_of(config, rows, task.classes, context.teacher_params, latency)
        strategy = Evolution(space, seed_genotypes(space), evolution_config(config), config.seed)
        with ProcessPool(context, workers) as pool:
            with SearchView(config.search.candidates, context.teacher_params) as view:
                trials = search_loop(strategy, pool, store.trials(), record, config, view)
            drawn = uniform_sample(space, config.search.random_sample, config.seed)
            keep = partial(record, add=store.add_sampled)
            evaluate_sample(drawn, store.sample(), trials, pool, search_fidelity(config), keep)
            finish(trials, config, store, pool.call, prepared.teacher_folder)
        store.set_meta(seconds=elapsed())
        summary = summarise(config, task.name, trials, store.finals(), elapsed())
        summary["statistics"] = related(trials, store.sample())
        store.set_meta(summary=summary)
        write_text(folder / "summary.json", json.dumps(summary, indent=2) + "\n")
        make_report(folder)
    return summary


def search_loop(
    strategy: Evolution,
    executor: Executor,
    known: Sequence[Trial],
    record: Callable[[Trial], None],
    config: RunConfig,
    view: Live,
) -> list[Trial]:
    """Ask, evaluate, record, tell, until enough candidates are told; all trials in order.

    Args:
        known: results of an earlier, killed run; they are told again, not evaluated again.
        record: called with every new result as soon as it is there.
    """
    total = config.search.candidates
    stored = {t.candidate.id: t for t in known}
    running: dict[Future[Score], Candidate] = {}
    arrived: dict[int, Trial] = {}
    while len(strategy.told) < total:
        while strategy.ready and len(strategy.asked) < total and len(running) < executor.workers:
            candidate = strategy.ask()
            if candidate.id in stored:
                arrived[candidate.index] = stored[candidate.id]
            else:
                running[executor.submit(candidate, search_fidelity(config))] = candidate
        while len(strategy.told) in arrived:
            strategy.tell(arrived.pop(len(strategy.told)))
            view.show(strategy.told, len(running))
        stop_if_all_fail(strategy.told)
        # Wait only when nothing else can go on: neither a further ask nor a further tell.
        if running and (
            not strategy.ready or len(running) >= executor.workers or len(strategy.asked) >= total
        ):
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                trial = trial_of(running.pop(future), future)
                record(trial)
                arrived[trial.candidate.index] = trial
    return strategy.told


def stop_if_all_fail(told: Sequence[Trial]) -> None:
    """End a run that cannot succeed.

    Raises:
        UserError: the first candidates all failed, in the same way.
    """
    errors = {t.error for t in told}
    if len(told) >= FAILURES and len(errors) == 1 and None not in errors:
        raise UserError(f"the first {len(told)} candidates all failed: {errors.pop()}")


def finish(
    trials: Sequence[Trial],
    config: RunConfig,
    store: Store,
    call: Callable[..., Future[Any]],
    teacher: Path,
) -> None:
    """Retrain the finalists and the reference from scratch; evaluate all on the test split.

    What is in the store already is not done again.
    """
    from rosearch.fitness import FinalJob, evaluate_final
    from rosearch.progress import stage

    students = store.path.parent / "students"
    attacks = (config.search.attack, *config.final.held_out)
    fidelity = final_fidelity(config)
    seeds = [config.seed + 1 + i for i in range(config.final.seeds)]
    models = {"reference": preset(REFERENCE)}
    models |= {t.candidate.id: t.candidate.genotype for t in finalists(trials, config)}
    common = (fidelity, attacks, config.final.attacked)
    jobs = [FinalJob("teacher", 0, None, teacher, *common)]  # the slowest one first
    for model, genotype in models.items():
        jobs += [
            FinalJob(
                model, seed, genotype, students / f".{model}-{seed}", *common, model == "reference"
            )
            for seed in seeds
        ]
    done = {(f.model, f.seed) for f in store.finals()}
    jobs = [job for job in jobs if (job.model, job.seed) not in done]
    running = {call(evaluate_final, job): job for job in jobs}
    with stage("final training and test-split evaluation", len(jobs)) as advance:
        while running:
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                job = running.pop(future)
                final, examples = future.result()
                if job.seed in (0, seeds[0]):  # one seed's texts, the same one in every run
                    for name, results in examples.items():
                        store.add_examples(job.model, name, [vars(e) for e in results])
                store.add_final(final)
                advance(1, f"{job.model} seed {job.seed}")
    keep_best_seeds(store.finals(), students)


def keep_best_seeds(finals: Sequence[Final], students: Path) -> None:
    """Of each model keep the seed that is best on the validation split, as `students/<id>`."""
    best: dict[str, Final] = {}
    for final in finals:
        old = best.get(final.model)
        if final.fitness is not None and (old is None or final.fitness > (old.fitness or 0.0)):
            best[final.model] = final
    for model, final in best.items():
        trained = students / f".{model}-{final.seed}"
        if trained.exists():
            shutil.rmtree(students / model, ignore_errors=True)
            os.replace(trained, students / model)
    for left in students.glob(".*-*"):
        shutil.rmtree(left, ignore_errors=True)


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
        found = statistics(trials, sample)
        return {**found.to_json(), "words": [asdict(paragraph) for paragraph in words(found)]}
    except MissingExtra as error:
        return {"missing": str(error)}


def finalists(trials: Sequence[Trial], config: RunConfig) -> list[Trial]:
    """The fittest trials; the reference is not among them, it is evaluated anyway."""
    ok = [t for t in trials if t.score is not None and t.candidate.id != preset(REFERENCE).hash]
    if not ok:
        raise UserError("no candidate succeeded; `rosearch report RUN` shows the reasons")
    return sorted(ok, key=lambda t: (-fitness(t), t.candidate.index))[: config.final.finalists]


def space_of(
    config: RunConfig,
    rows: Mapping[str, int],
    classes: int,
    teacher_params: int,
    latency: LatencyTable | None = None,
) -> Space:
    """The search space of a configuration.

    Args:
        rows: of the encodings that could be prepared.
        latency: needed for a limit on the latency.

    Raises:
        UserError: an unknown choice, or limits that no student can meet.
    """
    s = config.space
    allowed = int(teacher_params / s.min_compression) if s.min_compression else None
    limits = [n for n in (allowed, s.max_params) if n is not None]
    prepared = tuple(c for c in clusterings_of(config) if c.key in rows)
    # A teacher whose tokenizer forbids the synonym encoding leaves the plain one.
    encodings = tuple(e for e in s.encodings if e != "synonym" or prepared) or ("plain",)
    return Space(
        Sizes(rows, classes, latency=latency),
        Limits(min(limits, default=None), s.max_flops, s.max_latency_ms),
        ops=s.ops or tuple(OPS),
        widths=s.widths,
        embedding_dims=s.embedding_dims,
        encodings=encodings,  # type: ignore[arg-type]
        clusterings=prepared,
        max_nodes=s.max_nodes,
        max_repeat=s.max_repeat,
    )


def latency_of(config: RunConfig, store: Store) -> LatencyTable | None:
    """The run's latency table, measured when it is first needed: a resumed run decides alike."""
    if config.space.max_latency_ms is None:
        return None
    table: LatencyTable | None = store.meta().get("latency")
    if table is None:
        from rosearch.student.latency import latency_table

        s = config.space
        table = latency_table(s.widths, s.ops or tuple(OPS), max(s.embedding_dims))
        store.set_meta(latency=dict(table))
    return table


def check_space(config: RunConfig) -> None:
    """Refuse unknown choices and impossible FLOPs of the space early.

    The limits on parameters and latency are checked once the vocabulary and the teacher are known.
    """
    unlimited = replace(config.space, min_compression=0.0, max_params=None, max_latency_ms=None)
    if not config.space.encodings:
        raise UserError("space: encodings: expected one or more of plain, synonym; found none")
    keys = ["plain", *(c.key for c in clusterings_of(config))]
    space_of(replace(config, space=unlimited), dict.fromkeys(keys, 1), 2, 1)


def seed_genotypes(space: Space) -> list[Genotype]:
    """Presets that the space allows, with the nearest sizes and encoding genes that it allows."""
    found = [_nearest_coding(_nearest_sizes(PRESETS[name](), space), space) for name in SEEDS]
    return [
        g
        for g in found
        if g.encoding in space.encodings
        and all(node.op in space.ops for node in g.nodes)
        and len(g.nodes) <= space.max_nodes
        and g.repeat <= space.max_repeat
    ]


def _nearest_sizes(g: Genotype, space: Space) -> Genotype:
    return replace(
        g,
        width=min(space.widths, key=lambda w: abs(w - g.width)),
        embedding_dim=min(space.embedding_dims, key=lambda e: abs(e - g.embedding_dim)),
    )


def _nearest_coding(g: Genotype, space: Space) -> Genotype:
    if g.encoding == "plain" or not space.clusterings:
        return g
    distances = {c: abs(c.tolerance - g.tolerance) for c in space.clusterings}
    return encoded_by(g, min(distances, key=distances.__getitem__))


def evolution_config(config: RunConfig) -> EvolutionConfig:
    """The part of a configuration that the evolution reads."""
    s = config.search
    return EvolutionConfig(s.population, s.tournament, s.crossover, s.lag)


def search_fidelity(config: RunConfig) -> Fidelity:
    """Fidelity of the evaluations in the search."""
    s = config.search
    return Fidelity(s.epochs, s.train_share, s.attacked, s.attack, s.max_queries)


def final_fidelity(config: RunConfig) -> Fidelity:
    """Full fidelity, for finalists and the reference."""
    f, s = config.final, config.search
    return Fidelity(f.epochs, f.train_share, s.attacked, s.attack)
