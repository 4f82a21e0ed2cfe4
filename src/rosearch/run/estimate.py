"""What a run would take, told from two candidates: `rosearch search --dry-run`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from rosearch.config import (
    MOST_CANDIDATES,
    RunConfig,
    SearchConfig,
    all_attacks,
    codings_of,
    fidelities,
)
from rosearch.evaluation.costs import Measured, attack_seconds, measured, peak_gigabytes
from rosearch.evaluation.held_out import check
from rosearch.io.progress import stage
from rosearch.run.lifecycle import Executors
from rosearch.run.search import search_estimate
from rosearch.run.space import check_space, seed_genotypes, space_of
from rosearch.space.cost import work
from rosearch.space.variation import Space
from rosearch.strategies.scheduler import candidate_seed
from rosearch.strategies.uniform import uniform_sample
from rosearch.tasks.named import task_of
from rosearch.types import Candidate, Fidelity, Job

if TYPE_CHECKING:
    from rosearch.executors.base import Executor

MEASURING, OF_TEACHER = 45.0, 15.0  # seconds for all candidates together, and for the teacher
TYPICAL = 200  # genotypes drawn to tell how costly a student of the space is


@dataclass(frozen=True)
class Estimate:
    """What a run is expected to take.

    Attributes:
        evaluations: of each rung; without a limit on candidates, those that the time is enough for.
        measured_on: the two candidates, by their hashes.
        left_out: what is not in it, because it would first have to be trained.
    """

    evaluations: tuple[int, ...]
    search_seconds: float
    final_seconds: float
    main_gigabytes: float
    worker_gigabytes: float
    workers: int
    measured_on: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @property
    def gigabytes(self) -> float:
        """Peak of all processes together, what they share counted in each."""
        return self.main_gigabytes + self.workers * self.worker_gigabytes


def estimate_run(config: RunConfig, workers: int, executor: Executors | None = None) -> Estimate:
    """Evaluate two candidates, tell from them what a whole run takes, and keep nothing.

    Without a teacher in the cache they learn the labels of a part of the texts; neither a teacher
    nor a masked language model is trained.

    Raises:
        UserError: bad configuration or data.
    """
    from rosearch.executors.local import ProcessPool
    from rosearch.run.prepare import prepare
    from rosearch.run.untaught import untaught
    from rosearch.teacher.lean import lean

    check(config)
    check_space(config.space, codings_of(config))
    task = task_of(config.task, config.seed)
    for line in task.advice:
        print(f"note: {line}", file=sys.stderr)
    plan = lean(config, task)
    config, folder, longer = plan.config, None, 1.0
    if plan.taught:
        prepared = prepare(config, task)
        context, folder = prepared.context, prepared.teacher_folder
    else:
        context, longer = untaught(config, task)
    # The latency is not measured here: its limit leaves out a part of the space.
    unlimited, offered = replace(config.space, max_latency_ms=None), codings_of(config)
    space = space_of(unlimited, offered, context.sizes, context.train.teacher_params)
    candidates = two_candidates(space, config.seed)
    make: Executors = executor or ProcessPool
    with make(context, workers) as e:
        pairs, seconds = _measured(config, candidates, folder, e)
    pairs = [[_on_all_texts(m, longer) for m in pair] for pair in pairs]
    found = estimate(config, space, workers, candidates, pairs, seconds)
    return replace(found, left_out=plan.left_out)


def _measured(
    config: RunConfig, candidates: Sequence[Candidate], folder: Path | None, e: Executor
) -> tuple[list[list[Measured]], dict[str, float]]:
    """Each candidate on the first and the last rung, and seconds to attack a text of the teacher,
    if there is one, by attack."""
    rungs = sorted({0, len(config.search.rungs) - 1})
    jobs = [Job(c.index, c, rung) for c in candidates for rung in rungs]
    with stage("measuring two candidates", len(jobs) + 1) as advance:
        names, each = all_attacks(config), MEASURING / len(jobs)
        teacher = e.call(attack_seconds, folder, names, OF_TEACHER) if folder else None
        found = []
        for future in [e.call(measured, job, each) for job in jobs]:
            found.append(future.result())
            advance(1, "")
        seconds = teacher.result() if teacher else {}
        advance(1, "")
    return [found[i : i + len(rungs)] for i in range(0, len(found), len(rungs))], seconds


def _on_all_texts(m: Measured, longer: float) -> Measured:
    return replace(m, train_seconds=m.train_seconds * longer)


def two_candidates(space: Space, seed: int) -> list[Candidate]:
    """The first one of a search, and a random one."""
    drawn = [c.genotype for c in uniform_sample(space, 2, seed)]
    genotypes = {g.hash: g for g in [*seed_genotypes(space)[:1], *drawn]}
    return [
        Candidate(i, g, candidate_seed(seed, g.hash))
        for i, g in enumerate(list(genotypes.values())[:2])
    ]


def estimate(
    config: RunConfig,
    space: Space,
    workers: int,
    candidates: Sequence[Candidate],
    measurements: Sequence[Sequence[Measured]],
    teacher_seconds: Mapping[str, float],
) -> Estimate:
    """What a run takes.

    Args:
        measurements: of each candidate, on the first and on the last rung.
        teacher_seconds: to attack one text of the teacher, by attack; empty where none is fitted.
    """
    costs = student_costs(space, config.seed, candidates, measurements)
    evaluations, search = _search_seconds(config.search, fidelities(config), costs, workers)
    return Estimate(
        evaluations=evaluations,
        search_seconds=search,
        final_seconds=_final_seconds(config, costs, teacher_seconds, workers),
        main_gigabytes=peak_gigabytes(),
        worker_gigabytes=max(m.gigabytes for pair in measurements for m in pair),
        workers=workers,
        measured_on=tuple(c.id for c in candidates),
    )


class StudentCosts(NamedTuple):
    """Seconds that a typical student of a space takes.

    Attributes:
        train: the whole training of the search.
        attack: on the last rung.
        first_attack: on the first rung.
    """

    train: float
    attack: float
    first_attack: float


def student_costs(
    space: Space,
    seed: int,
    candidates: Sequence[Candidate],
    measurements: Sequence[Sequence[Measured]],
) -> StudentCosts:
    """Costs as measured, times how much more work a typical student is than those measured."""
    drawn = uniform_sample(space, TYPICAL, seed)
    typical = fmean(work(c.genotype, space.sizes) for c in drawn)
    mine = fmean(work(c.genotype, space.sizes) for c in candidates)
    first, last = ([m[i] for m in measurements] for i in (0, -1))
    return StudentCosts(
        fmean(m.train_seconds for m in last) * typical / mine,
        fmean(m.attack_seconds for m in last) * typical / mine,
        fmean(m.attack_seconds for m in first) * typical / mine,
    )


def _search_seconds(
    s: SearchConfig, fidelities: Sequence[Fidelity], costs: StudentCosts, workers: int
) -> tuple[tuple[int, ...], float]:
    """Evaluations of each rung, and seconds of the search with its race and random sample."""
    planned = search_estimate(s)
    attacks = [costs.attack * fidelity.attacked / s.attacked for fidelity in fidelities]
    if len(attacks) > 1:
        attacks[0] = costs.first_attack
    each = [share * costs.train + a for share, a in zip(planned.shares, attacks, strict=True)]
    busy = min(workers, s.slots)
    search = sum(n * cost for n, cost in zip(planned.evaluations, each, strict=True)) / busy
    evaluations = planned.evaluations
    if planned.seconds is not None and search > planned.seconds:
        evaluations = tuple(int(n * planned.seconds / search) for n in evaluations)
        search = planned.seconds
    search *= 1 + s.race
    return evaluations, search + s.random_sample * (costs.train + costs.attack) / workers


def _final_seconds(
    config: RunConfig, costs: StudentCosts, teacher_seconds: Mapping[str, float], workers: int
) -> float:
    """Seconds of the final evaluation."""
    s, final = config.search, config.final
    per_text = sum(teacher_seconds.values())
    # All attacks against the search's: in seconds, or where nothing tells them, in numbers.
    attacks, searched = (
        sum(teacher_seconds.get(suite, suite.count("+") + 1) for suite in suites)
        for suites in (all_attacks(config), s.suites)
    )
    shape = attacks / max(1e-9, searched)
    student = (
        costs.train * final.epochs * final.train_share / (s.epochs * s.train_share)
        + costs.attack
        + costs.attack * shape * final.attacked / s.attacked
    )
    teacher = final.attacked * per_text
    students = (final.finalists + 1) * final.seeds * student
    return max(teacher, (teacher + students) / workers)


def in_words(found: Estimate) -> str:
    """An estimate for the command line."""
    counts = ", ".join(f"rung {i}: {n:,}" for i, n in enumerate(found.evaluations, start=1))
    lines = [
        f"evaluations:      {counts}" if found.evaluations[0] < MOST_CANDIDATES else "",
        f"search:           about {_duration(found.search_seconds)} with {found.workers} workers",
        f"final evaluation: about {_duration(found.final_seconds)}",
        f"memory:           about {found.gigabytes:.1f} GB "
        f"({found.main_gigabytes:.1f} + {found.workers} x {found.worker_gigabytes:.1f})",
        f"left out:         {', '.join(found.left_out)}: not in the cache yet"
        * bool(found.left_out),
        f"told from {len(found.measured_on)} candidates "
        f"({', '.join(found.measured_on)}); no run was started",
    ]
    return "\n".join(line for line in lines if line)


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
