"""Evaluates the uniform random sample of a run, which the statistics compare the evolved with.

It is stored apart and evaluated when the search is over: no sampled candidate becomes a parent or
a finalist, or enters the front.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from rosearch.executors.base import Executor, trial_of
from rosearch.io.progress import stage
from rosearch.types import Candidate, Fidelity, Score, Trial


def evaluate_sample(
    sample: Sequence[Candidate],
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
        known: recorded by an earlier, killed run.
    """
    done = {trial.candidate.id for trial in known}
    scores = {
        (t.candidate.id, t.candidate.seed): t.score
        for t in evolved
        if t.score is not None and t.score.fidelity == fidelity
    }
    missing = [c for c in sample if c.id not in done]
    for candidate in missing:
        if score := scores.get((candidate.id, candidate.seed)):
            record(Trial(candidate, score))
    waiting = [c for c in reversed(missing) if (c.id, c.seed) not in scores]
    if waiting:
        _evaluate(waiting, executor, fidelity, record)


def _evaluate(
    waiting: list[Candidate],
    executor: Executor,
    fidelity: Fidelity,
    record: Callable[[Trial], None],
) -> None:
    running: dict[Future[Score], Candidate] = {}
    with stage("uniform random sample", len(waiting)) as advance:
        while waiting or running:
            # No more than there are workers: an executor in this process evaluates at once, and
            # results are recorded only after it.
            while waiting and len(running) < executor.workers:
                candidate = waiting.pop()
                running[executor.submit(candidate, fidelity)] = candidate
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                trial = trial_of(running.pop(future), future)
                record(trial)
                advance(1, trial.candidate.id)
