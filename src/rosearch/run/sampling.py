"""Evaluates the uniform random sample of a run, which the statistics compare the evolved with.

It is stored apart and evaluated when the search is over: no sampled candidate becomes a parent or
a finalist, or enters the front.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rosearch.config import SearchConfig
from rosearch.executors.base import Executor, trial_of
from rosearch.io.progress import stage
from rosearch.results.store import Store
from rosearch.run.clock import Clock
from rosearch.run.jobs import run_jobs
from rosearch.space.variation import Space
from rosearch.strategies.uniform import uniform_sample
from rosearch.types import Fidelity, Job, Trial

if TYPE_CHECKING:
    from rosearch.evaluation.context import Context


def run_sample(
    s: SearchConfig,
    seed: int,
    space: Space,
    context: Context,
    executor: Executor,
    store: Store,
    clock: Clock,
) -> None:
    """Draw and evaluate the sample of a run, whose results are in the store then."""
    full = len(s.rungs) - 1
    drawn = uniform_sample(space, s.random_sample, seed)
    # Only those that were trained from scratch, as the sample is.
    evolved = [] if s.inherit else store.trials()

    def keep(trial: Trial) -> None:
        store.add_sampled(trial, **clock.meta())
        training = context.checkpoint(trial.candidate.id, trial.candidate.seed)
        if training is not None:  # nothing goes on from it
            training.unlink(missing_ok=True)

    jobs = [Job(c.index, c, full) for c in drawn]
    evaluate_sample(jobs, store.sample(), evolved, executor, context.fidelities[full], keep)


def evaluate_sample(
    sample: Sequence[Job],
    known: Sequence[Trial],
    evolved: Sequence[Trial],
    executor: Executor,
    fidelity: Fidelity,
    record: Callable[[Trial], None],
) -> None:
    """Evaluate what is not known yet; each result is recorded as soon as it is there.

    A network that the evolution evaluated with the same fidelity and training seed keeps that
    score: evaluations are deterministic, so a second one would only cost time.

    Args:
        sample: of the highest rung.
        known: recorded by an earlier, killed run.
        fidelity: of that rung.
    """
    done = {trial.candidate.id for trial in known}
    scores = {
        (t.candidate.id, t.candidate.seed): t.score
        for t in evolved
        if t.score is not None and t.score.fidelity == fidelity
    }
    missing = [job for job in sample if job.candidate.id not in done]
    waiting = []
    for job in missing:
        if score := scores.get((job.candidate.id, job.candidate.seed)):
            record(Trial(job.candidate, score, rung=job.rung))
        else:
            waiting.append(job)
    if not waiting:
        return
    with stage("uniform random sample", len(waiting)) as advance:
        for job, future in run_jobs(waiting, executor.submit, executor.workers):
            record(trial_of(job, future))
            advance(1, job.candidate.id)
