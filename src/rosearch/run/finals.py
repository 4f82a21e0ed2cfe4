"""The final evaluation: finalists and the reference, retrained and measured on the test split."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from rosearch.config import RunConfig, final_plan
from rosearch.distill.train import TrainingDiverged
from rosearch.errors import DiskError, UserError, one_line
from rosearch.evaluation.context import Context
from rosearch.evaluation.final import FinalJob, evaluate_final
from rosearch.evaluation.held_out import knowledge, trained_against
from rosearch.executors.base import Executor, R
from rosearch.executors.faults import NotFinite, WorkerLost
from rosearch.executors.local import ProcessPool
from rosearch.io.progress import stage
from rosearch.results.folder import RunFolder
from rosearch.results.store import Store
from rosearch.run.jobs import run_jobs
from rosearch.space.presets import REFERENCE, preset
from rosearch.strategies.points import Finalist
from rosearch.strategies.population import able, knows, last_rung
from rosearch.types import Final, Trial


def final_jobs(
    finalists: Sequence[Finalist], teacher: Path, config: RunConfig, run: RunFolder
) -> list[FinalJob]:
    """The teacher, the reference and the finalists, each student trained with each seed.

    The reference is trained plainly, finalists as in the search.
    """
    plan, plain = final_plan(config), config.distill.plain()
    knows = {"reference": tuple(trained_against(plain))}
    models = {"reference": preset(REFERENCE)}
    models |= {f.trial.candidate.id: f.trial.candidate.genotype for f in finalists}
    jobs = [FinalJob("teacher", 0, None, teacher, plan)]  # the slowest one first
    for model, genotype in models.items():
        how = plain if model == "reference" else None
        known = knows.get(model, tuple(knowledge(config)))
        seeds = [config.seed + 1 + i for i in range(config.final.seeds)]
        jobs += [
            FinalJob(model, seed, genotype, run.trained(model, seed), plan, how, known)
            for seed in seeds
        ]
    return jobs


def finish(
    jobs: Sequence[FinalJob], run: RunFolder, store: Store, executor: Executor
) -> list[Final]:
    """Carry out the final evaluation, and keep the best student of each model.

    What is in the store already is not done again. The store may hold more than is returned: former
    finalists of a run that was extended.
    """
    evaluate_all(jobs, store, executor)
    keep_best_seeds(store.finals(), run)
    models = {job.model for job in jobs}
    return [final for final in store.finals() if final.model in models]


def evaluate_all(jobs: Sequence[FinalJob], store: Store, executor: Executor) -> None:
    """Carry out the jobs whose results are not in the store yet, and record each as it comes.

    Of each model the attacked texts of the first seed are kept.
    """
    first = {job.model: job.seed for job in reversed(jobs)}
    jobs = unfinished(jobs, store)
    with stage("final training and test-split evaluation", len(jobs)) as advance:
        for job, future in run_jobs(
            jobs, lambda job: executor.call(evaluate_final, job), executor.workers
        ):
            final, examples = _result(future, job)
            if job.seed == first[job.model]:  # the same texts in every run
                for name, results in examples.items():
                    store.add_examples(job.model, name, results)
            store.add_final(final)
            advance(1, f"{job.model} seed {job.seed}")


def evaluate_in_pool(
    jobs: Sequence[FinalJob], store: Store, context: Context, workers: int
) -> None:
    """The same, in processes of their own."""
    with ProcessPool(context, workers) as pool:
        evaluate_all(jobs, store, pool)


def unfinished(jobs: Sequence[FinalJob], store: Store) -> list[FinalJob]:
    """The jobs whose results are not in the store yet."""
    done = {(f.model, f.seed) for f in store.finals()}
    return [job for job in jobs if (job.model, job.seed) not in done]


def _result(future: Future[R], job: FinalJob) -> R:
    """What an evaluation gave.

    Raises:
        UserError: its worker was lost or its training diverged, twice; or the disk is full.
    """
    try:
        return future.result()
    except DiskError as error:
        raise DiskError(f"{error}; the same command goes on from there") from None
    except (WorkerLost, NotFinite, TrainingDiverged) as error:
        raise UserError(
            f"the final evaluation of {job.model}, seed {job.seed}, failed "
            f"({type(error).__name__}: {one_line(error)}); the same command goes on from there"
        ) from None


def keep_best_seeds(finals: Sequence[Final], run: RunFolder) -> None:
    """Of each model the seed that is best on the validation split becomes `students/<id>`; the
    others, by which `rosearch evaluate` tells how much chance there is, are put aside."""
    best: dict[str, Final] = {}
    for final in finals:
        old = best.get(final.model)
        if final.fitness is not None and (old is None or _standing(final) > _standing(old)):
            best[final.model] = final
    for model, final in best.items():
        trained = run.trained(model, final.seed)
        if trained.exists():
            shutil.rmtree(run.student(model), ignore_errors=True)
            os.replace(trained, run.student(model))
    for final in finals:
        left, kept = run.trained(final.model, final.seed), run.other_seed(final.model, final.seed)
        if left.exists():
            shutil.rmtree(kept, ignore_errors=True)
            kept.parent.mkdir(exist_ok=True)
            os.replace(left, kept)
    for unfinished in run.students.glob(".*-*"):
        shutil.rmtree(unfinished, ignore_errors=True)


def _standing(final: Final) -> tuple[bool, float]:
    return final.learned, final.fitness or 0.0


def checked(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that finalists are chosen from.

    The reference is not among them, it is evaluated anyway. Where nobody knows more than who always
    says the same, that is said.

    Raises:
        UserError: there are none.
    """
    ok = [t for t in trials if t.score is not None and t.candidate.id != preset(REFERENCE).hash]
    if not ok:
        raise UserError("no candidate succeeded; `rosearch report RUN` shows the reasons")
    level = able(last_rung(ok))
    if not any(map(knows, level)):
        balanced = max(t.score.balanced for t in level if t.score)
        print(
            "warning: no student is clearly better than always the same label (balanced accuracy "
            f"{balanced:.3f} at best): the finalists are a fallback and may have learned nothing",
            file=sys.stderr,
        )
    return ok
