"""Reference students against the best of a run, all under one protocol: one table.

Every model is measured once on the test split: clean, after the search attack, after the held-out
attacks, latency. Students are trained from scratch with the same number of passes over the same
texts. Results stand in a store of their own as soon as they are there, so an interrupted comparison
goes on where it stopped.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from rosearch.baselines.of_run import check_run
from rosearch.baselines.recipes import (
    RECIPES,
    Recipe,
    find_recipe,
    left_aside,
    plain_recipe,
    trained_by,
)
from rosearch.config import (
    DistillConfig,
    RunConfig,
    final_plan,
    held_out_attacks,
    to_dict,
)
from rosearch.errors import UserError
from rosearch.evaluation.final import FinalJob
from rosearch.evaluation.held_out import check, trained_against
from rosearch.export.compress import pruned, quantized
from rosearch.io.files import write_text
from rosearch.results.comparison import KINDS, ComparedModel, Comparison, Kind
from rosearch.results.decode import decode
from rosearch.results.entries import model_entry
from rosearch.results.folder import ComparisonFolder, RunFolder
from rosearch.results.store import Store
from rosearch.results.summary import versions
from rosearch.run.finals import evaluate_in_pool, unfinished
from rosearch.run.lifecycle import locked, make_report
from rosearch.run.prepare import prepare
from rosearch.space.genotype import Genotype
from rosearch.space.presets import preset
from rosearch.tasks import Task
from rosearch.tasks.named import task_of
from rosearch.teacher.fit import fit_teacher
from rosearch.types import Final

SPARSITY = 0.5


@dataclass(frozen=True)
class Facts:
    """What a compressed teacher takes; see `rosearch.export.compress.result.Compressed`."""

    label: str
    params: int
    nonzero_params: int
    effective_megabytes: float
    compression: float


@dataclass(frozen=True)
class Row:
    """One model of the table.

    Attributes:
        kind: `teacher`, `recipe`, `plain` (a recipe's student, plainly distilled), `search` (from a
            run) or `compressed` (the teacher itself).
        recipe: how the student was trained.
        compressed: what a compressed teacher takes.
        model: what its results are stored under, if not under its name.
    """

    kind: Kind
    name: str
    recipe: Recipe | None = None
    compressed: Facts | None = None
    model: str | None = None

    @property
    def key(self) -> str:
        """What its results are stored under."""
        return self.model or self.name


def compare(
    config: RunConfig,
    out: Path,
    recipes: Sequence[str] = tuple(RECIPES),
    run: Path | None = None,
    compressed: bool = True,
    workers: int = 2,
) -> Comparison:
    """Train and evaluate the reference students.

    Args:
        run: folder of a finished run; its best student is in the table, too.
        compressed: whether the teacher itself, quantised and pruned, is.

    Raises:
        UserError: bad configuration or data; `out` holds a comparison with other settings; `run` is
            on other data, has another teacher, or used an attack that is held out here.
    """
    check(config)
    chosen = [find_recipe(name) for name in dict.fromkeys(recipes)]
    for recipe in chosen:
        _check_recipe(recipe, config)
    if aside := left_aside(config.distill):
        print(aside, file=sys.stderr)
    found = None if run is None else RunFolder(run).best_student()
    task = task_of(config.task, config.seed)
    if run is not None:
        check_run(run, config, task)
    with closing(_store(config, out, task)) as store, locked(ComparisonFolder(out)):
        rows = []
        for group in _by_texts([*chosen, *_plains(chosen)]):
            rows += _students(group, config, task, store, workers)
        rows += _saved(config, task, store, workers, found, compressed)
        table = _table(rows, config, task, store)
    write_text(ComparisonFolder(out).table, json.dumps(table.to_json(), indent=2) + "\n")
    return table


def _check_recipe(recipe: Recipe, config: RunConfig) -> None:
    """Refuse a recipe whose student would know what is held out."""
    trained = trained_by(recipe, preset(recipe.preset), config)
    try:
        check(trained)
    except UserError as error:
        raise UserError(f"recipe {recipe.name}: {error}") from None


def compare_into(
    folder: Path,
    config: RunConfig,
    recipes: Sequence[str] | None,
    run: Path | None,
    compressed: bool,
    workers: int,
) -> Comparison:
    """As `compare`, all recipes if none are named; the report of the run is written anew."""
    table = compare(config, folder, recipes or tuple(RECIPES), run, compressed, workers)
    if run is not None and folder == RunFolder(run).comparison.path:
        make_report(run)
    return table


def _plains(recipes: Iterable[Recipe]) -> list[Recipe]:
    """The recipes' students, plainly distilled: what a recipe is measured against."""
    return list({r.preset: plain_recipe(r) for r in recipes}.values())


def _by_texts(recipes: Iterable[Recipe]) -> list[list[Recipe]]:
    """Recipes that train on the same texts and layers share a pool of workers."""
    groups: dict[tuple[object, ...], list[Recipe]] = {}
    for recipe in recipes:
        d = recipe.distill()
        key = (d.augment, d.augment_copies, d.matching)
        groups.setdefault(key, []).append(recipe)
    return list(groups.values())


def _students(
    recipes: Sequence[Recipe], config: RunConfig, task: Task, store: Store, workers: int
) -> list[Row]:
    """Train and evaluate the students of some recipes that are prepared alike."""
    genotypes = [preset(recipe.preset) for recipe in recipes]
    jobs = [
        job
        for recipe, g in zip(recipes, genotypes, strict=True)
        for job in recipe_jobs(recipe, g, config, store.path.parent)
    ]
    if unfinished(jobs, store):
        widest = max(genotypes, key=lambda g: g.embedding_dim)
        ready = trained_by(recipes[0], widest, config)
        context = prepare(ready, task, [], genotypes).context
        evaluate_in_pool(jobs, store, context, workers)
    return [Row("plain" if recipe.plain else "recipe", recipe.name, recipe) for recipe in recipes]


def recipe_jobs(recipe: Recipe, g: Genotype, config: RunConfig, out: Path) -> list[FinalJob]:
    """One training of a recipe's student for each seed.

    Where texts are augmented there are fewer passes over them, so that all recipes take about as
    many steps.
    """
    d = recipe.distill(config.distill)
    copies = d.augment_copies if d.augment != "none" else 0
    plan = final_plan(config)
    fewer = max(1, round(plan.training.epochs / (1 + copies)))
    plan = replace(plan, training=replace(plan.training, epochs=fewer))
    seeds = [config.seed + 1 + i for i in range(config.final.seeds)]
    folder = ComparisonFolder(out)
    knows = tuple(trained_against(d))
    return [
        FinalJob(recipe.name, s, g, folder.student(recipe.name, s), plan, d, knows) for s in seeds
    ]


def _saved(
    config: RunConfig, task: Task, store: Store, workers: int, found: Path | None, compressed: bool
) -> list[Row]:
    """Evaluate what needs no training: the teacher, itself compressed, and the run's student."""
    teacher = fit_teacher(task, config.teacher, config.seed)
    rows = [Row("teacher", "teacher")]
    folders = {"teacher": teacher}
    if found is not None:  # by its own name: another run, or a longer one, has another best
        rows.append(Row("search", "best of the run", model=found.name))
        folders[found.name] = found
    if compressed:
        for folder, facts in _compressed(teacher, ComparisonFolder(store.path.parent).teachers):
            rows.append(Row("compressed", f"teacher {facts.label}", compressed=facts))
            folders[rows[-1].name] = folder
    plan = final_plan(config)
    jobs = [FinalJob(name, 0, None, folder, plan) for name, folder in folders.items()]
    if unfinished(jobs, store):
        plain = replace(config, distill=DistillConfig(substitution=0.0))
        evaluate_in_pool(jobs, store, prepare(plain, task, []).context, workers)
    return rows


def _compressed(teacher: Path, folder: Path) -> list[tuple[Path, Facts]]:
    """The teacher with 8 bits, with 4 bits, and without its smallest weights."""
    made = []
    for name, write in {
        "int8": lambda out: quantized(teacher, 8, out),
        "int4": lambda out: quantized(teacher, 4, out),
        "pruned": lambda out: pruned(teacher, SPARSITY, out, scope="layer"),
    }.items():
        out, note = folder / name, folder / f"{name}.json"
        if not note.exists():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(out, ignore_errors=True)  # of a process that was killed right after it
            write_text(note, json.dumps(write(out).to_json()))
        facts = decode(Facts, json.loads(note.read_text(encoding="utf-8")), str(note))
        made.append((out, facts))
    return made


def _store(config: RunConfig, out: Path, task: Task) -> Store:
    """The comparison's store, a new one or one of the same settings.

    Raises:
        UserError: the folder holds something else.
    """
    plain = to_dict(config)
    path = ComparisonFolder(out).database
    if path.exists():
        store = Store(path)
        known = store.meta()
        if known.run_config != config or known.fingerprint != task.fingerprint:
            raise UserError(f"{out} holds a comparison with other settings; choose another --out")
        return store
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} exists and is no comparison; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    store = Store(path, create=True)
    store.set_meta(config=plain, fingerprint=task.fingerprint, task=task.name)
    return store


def _table(rows: Sequence[Row], config: RunConfig, task: Task, store: Store) -> Comparison:
    """The table; the smallest models last."""
    finals = store.finals()
    params = next(f.params for f in finals if f.model == "teacher")
    compared = []
    for row in rows:
        # A graph has no parameters of its own.
        own = [replace(f, params=f.params or params) for f in finals if f.model == row.key]
        compared.append(_compared(row, own, config.search.suites, params))
    return Comparison(
        task=task.name,
        search_attack=config.search.suites[0],
        held_out=held_out_attacks(config),
        epochs=config.final.epochs,
        seeds=config.final.seeds,
        rows=tuple(sorted(compared, key=lambda m: (KINDS.index(m.kind), -m.megabytes))),
        versions=versions(),
        label_names=task.label_names,
    )


def _compared(
    row: Row, own: Sequence[Final], suites: Sequence[str], teacher_params: int
) -> ComparedModel:
    """A row with its measurements."""
    entry = model_entry(own, suites, teacher_params)
    megabytes = round(4e-6 * entry.params, 2)
    made = ComparedModel(**vars(entry), megabytes=megabytes, kind=row.kind, name=row.name)
    if recipe := row.recipe:
        return replace(
            made,
            preset=recipe.preset,
            source=recipe.source,
            loss=recipe.what,
            departures=recipe.departures,
        )
    if facts := row.compressed:
        return replace(
            made,
            label=facts.label,
            params=facts.params,
            nonzero_params=facts.nonzero_params,
            megabytes=facts.effective_megabytes,
            compression=facts.compression,
        )
    return made
