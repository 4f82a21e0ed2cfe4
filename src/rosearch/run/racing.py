"""The race after the search: those that may become finalists are measured better.

Successive rejects (Audibert et al. 2010) in two rounds: more attacked texts for the students near
the front, which cost no training, then fewer of them trained as finalists are, with another seed. A
finalist's first final training is that one, so only those that are rejected cost a training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rosearch.config import RunConfig, fidelities, final_plan, objectives_of
from rosearch.executors.base import Executor, trial_of
from rosearch.io.progress import stage
from rosearch.results.store import Store
from rosearch.run.clock import Clock
from rosearch.run.jobs import run_jobs
from rosearch.space.variation import Space
from rosearch.strategies.points import contenders
from rosearch.strategies.population import able, last_rung
from rosearch.strategies.posterior import Standard, posterior
from rosearch.strategies.rungs import increments
from rosearch.types import Fidelity, Job, Trial

if TYPE_CHECKING:
    from rosearch.evaluation.context import Context

ATTACK = 0.35  # of an evaluation's time: measured, a quarter to a third
TEXTS = 0.4  # share of the work that the first round may take


@dataclass(frozen=True)
class Round:
    """One round.

    Attributes:
        contenders: students that take part.
        fidelity: how much work each of them is.
        seed: of their training; None is that of the search, whose training is kept.
    """

    contenders: int
    fidelity: Fidelity
    seed: int | None = None


def rounds(config: RunConfig, trials: Sequence[Trial], texts: int) -> list[Round]:
    """The rounds that a run's share of work for the race is enough for; none where it is too small.

    Args:
        trials: those that the search succeeded with, whose work the share is of.
        texts: of the validation split.
    """
    s, final, full = config.search, config.final, fidelities(config)[-1]
    if len(able(last_rung(trials))) <= final.finalists:
        return []  # nobody can be rejected
    added = increments(s.rungs)
    work = s.race * sum(added[t.rung] for t in trials)  # in evaluations on the last rung
    found = []
    fresh, many = min(s.attacked, texts - s.attacked), int(TEXTS * work / ATTACK)
    if fresh > 0 and many > 1:
        found.append(Round(many, replace(full, skipped=s.attacked, attacked=fresh)))
        work -= many * ATTACK
    longer = final.epochs * final.train_share / (s.epochs * s.train_share)
    rejected = int(work / ((1 - ATTACK) * longer + ATTACK))
    if rejected:
        training = replace(final_plan(config).training, max_queries=s.max_queries)
        skipped = max(0, min(2 * s.attacked, texts - s.attacked))
        again = replace(training, skipped=skipped)
        found.append(Round(final.finalists + rejected, again, config.seed + 1))
    return found


def run_race(
    config: RunConfig,
    space: Space,
    standard: Standard,
    context: Context,
    executor: Executor,
    store: Store,
    clock: Clock,
) -> list[Trial]:
    """Run the race; its results, in the order of its rounds, which are in the store then.

    Who takes part in a round depends on the search and the rounds before it only, whatever else
    the store holds: so a race that was killed goes on as it would have.
    """
    trials, objectives = [t for t in store.trials() if t.score], objectives_of(config.search)
    known = {(t.candidate.id, t.rung): t for t in store.raced()}
    raced: list[Trial] = []
    for number, r in enumerate(rounds(config, trials, len(context.validation))):
        believed = posterior(trials, raced, space, standard, objectives)
        jobs = [_job(t, number, r) for t in contenders(believed, r.contenders)]
        waiting = [job for job in jobs if (job.candidate.id, number) not in known]
        for trial in _evaluated(waiting, number, executor):
            store.add_raced(trial, **clock.meta())
            known[trial.candidate.id, number] = trial
        raced += [known[job.candidate.id, number] for job in jobs]
    return raced


def _evaluated(jobs: Sequence[Job], number: int, executor: Executor) -> Iterator[Trial]:
    """The trials of jobs, as they end."""
    if jobs:
        with stage(f"race, round {number + 1}", len(jobs)) as advance:
            for job, future in run_jobs(jobs, executor.submit, executor.workers):
                yield trial_of(job, future)
                advance(1, job.candidate.id)


def _job(trial: Trial, number: int, r: Round) -> Job:
    candidate = trial.candidate
    if r.seed is not None:  # trained from scratch, as finalists are
        candidate = replace(candidate, seed=r.seed, parent=None)
    return Job(candidate.index, candidate, number, r.fidelity)
