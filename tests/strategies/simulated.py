"""A search without training: made-up but deterministic results, workers that finish in disorder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from made_scores import made_score

from rosearch.encodings.synonym import Synonym
from rosearch.objectives import DEFAULT, Objective
from rosearch.space.cost import Sizes, flops, params
from rosearch.space.presets import bilstm, text_cnn, transformer
from rosearch.space.variation import Space
from rosearch.strategies import STRATEGIES, StrategyConfig
from rosearch.strategies.rungs import Rungs
from rosearch.strategies.scheduler import Scheduler
from rosearch.types import Fidelity, Job, Trial

SIZES = Sizes({"plain": 3000, "synonym:wordnet:0.015:0": 2000}, 2)
SPACE = Space(SIZES)
SEEDS = [transformer(1), text_cnn(), bilstm(Synonym())]
CONFIG = StrategyConfig(population=8)
RUNGS = 3
COST = (0.06, 0.14, 0.8)


def scored(job: Job) -> Trial:
    """Likes synonym encodings and convolutions; the cheaper the rung, the noisier."""
    g = job.candidate.genotype
    value = (g.encoding == "synonym") + sum("conv" in n.op for n in g.nodes) / len(g.nodes)
    noise = (
        np.random.default_rng([job.candidate.seed, job.rung]).normal() * (0.2, 0.05, 0)[job.rung]
    )
    value += float(noise)
    score = made_score(
        clean=0.5 + 0.1 * value, n_clean=100, after_attack=0.2 * value, attack_success_rate=0.5,
        attacked=100, params=params(g, SIZES), flops=flops(g, SIZES), latency_ms=1.0 + len(g.nodes),
        queries=1,
        train_seconds=1.0, attack_seconds=1.0, fitness=value, fidelity=Fidelity(1, 1.0, 1, ("x",)),
    )  # fmt: skip
    return Trial(job.candidate, score, rung=job.rung)


def scheduler(
    strategy: str = "aging_evolution",
    n: int = 60,
    seed: int = 1,
    rungs: int = 1,
    slots: int = 8,
    objectives: Sequence[Objective] = DEFAULT,
) -> Scheduler:
    made = STRATEGIES[strategy](SPACE, replace(CONFIG, objectives=objectives))
    steps = Rungs(rungs, objectives=objectives)
    return Scheduler(made, steps, SEEDS, n, slots, seed, lambda job: COST[job.rung])


def play(
    search: Scheduler,
    workers: int = 1,
    fail: frozenset[int] = frozenset(),
    known: dict[int, Trial] | None = None,
    stop_after: int | None = None,
) -> dict[int, Trial]:
    """All results by job, when up to `workers` jobs are under way and finish in a random order.

    Args:
        fail: candidates that fail.
        known: results of an earlier, killed search.
        stop_after: evaluations after which the search is killed.
    """
    order = np.random.default_rng(workers)
    running: list[Job] = []
    done: dict[int, Trial] = {}
    evaluated = 0
    while True:
        while len(running) < workers and (job := search.ask()):
            if known and job.index in known:
                done[job.index] = known[job.index]
                search.tell(job, done[job.index])
            else:
                running.append(job)
        if not running:
            assert search.finished
            break
        if evaluated == stop_after:
            return done
        evaluated += 1
        job = running.pop(int(order.integers(len(running))))
        failed = Trial(job.candidate, error="boom", rung=job.rung)
        done[job.index] = failed if job.candidate.index in fail else scored(job)
        search.tell(job, done[job.index])
    return dict(sorted(done.items()))
