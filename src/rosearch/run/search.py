"""The search of a run: the loop on its scheduler, its clock, its checkpoints, its audience."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.config import SearchConfig, objectives_of
from rosearch.executors.base import Executor
from rosearch.results.store import Store
from rosearch.run.callbacks.base import Callbacks
from rosearch.run.clock import Clock
from rosearch.run.live import SearchEstimate, SearchView
from rosearch.run.loop import search_loop
from rosearch.run.space import seed_genotypes, warm_seeds
from rosearch.run.warm import warm_genotypes
from rosearch.space.cost import work
from rosearch.space.genotype import Genotype
from rosearch.space.presets import REFERENCE, preset
from rosearch.space.variation import Space
from rosearch.strategies import STRATEGIES, StrategyConfig
from rosearch.strategies.base import Strategy
from rosearch.strategies.rungs import Rungs, expected_evaluations, increments
from rosearch.strategies.scheduler import Scheduler
from rosearch.types import Job, Metric, Trial

if TYPE_CHECKING:
    from rosearch.evaluation.context import Context

SLOTS = 4  # per worker: keep hundreds of them busy (docs/benchmarks.md)


def run_search(
    s: SearchConfig,
    seed: int,
    space: Space,
    context: Context,
    executor: Executor,
    store: Store,
    clock: Clock,
    callbacks: Callbacks,
    floor: float = 0.0,
) -> None:
    """Go through with the search, whose results are in the store then.

    Args:
        floor: clean accuracy below which nobody would ship a student.
    """
    if executor.workers > s.slots:
        print(
            f"note: at most {s.slots} of {executor.workers} workers are busy; a new run with "
            f"--set search.slots={SLOTS * executor.workers} keeps all of them busy",
            file=sys.stderr,
        )
    estimate = search_estimate(s, clock.earlier)
    chance = chance_accuracy(context.validation.labels, context.fitness.metric)
    warm = warm_seeds(warm_genotypes(s.warm_start), space)
    seeds = [*warm, *seed_genotypes(space)]
    scheduler = scheduler_of(s, seed, space, seeds, chance, floor)
    checkpoints = CheckpointPruner(context.checkpoints, scheduler)
    with SearchView(estimate, context.train.teacher_params, objectives_of(s)) as view:

        def record(trial: Trial) -> None:
            store.add_trial(trial, **clock.meta())
            checkpoints.tidy({trial.candidate.id, *view.state.near})

        clock.start_search()
        search_loop(
            scheduler,
            executor,
            lambda job: store.find(job.candidate.id, job.rung),
            record,
            Audience(view, callbacks, estimate),
            clock.time_is_left,
        )
        clock.stop_search()
    if scheduler.exhausted:
        said = f"note: no new genotype was found after {scheduler.proposed} candidates"
        print(f"{said}: the space has hardly more", file=sys.stderr)


def chance_accuracy(labels: Sequence[int], metric: Metric = "balanced") -> float:
    """Clean accuracy that shows that something was learned: more than always the commonest label.

    By two standard errors of it, or on few texts chance would do.
    """
    counts = Counter(labels).values()
    if metric == "accuracy":
        share = max(counts) / len(labels)
        return share + 2 * math.sqrt(share * (1 - share) / len(labels))
    share = 1 / len(counts)
    return share + 2 * share * math.sqrt(sum(share * (1 - share) / n for n in counts))


def scheduler_of(
    s: SearchConfig,
    seed: int,
    space: Space,
    seeds: Sequence[Genotype],
    chance_accuracy: float = 0.0,
    floor: float = 0.0,
) -> Scheduler:
    """What decides the order of the evaluations of a run.

    Args:
        seeds: genotypes that come first.
        chance_accuracy: see `rosearch.strategies.rungs.best_first`.
        floor: see `rosearch.strategies.base.StrategyConfig`.
    """
    return Scheduler(
        strategy_of(s.strategy, space, s, chance_accuracy, floor),
        Rungs(len(s.rungs), s.keep, chance_accuracy=chance_accuracy, objectives=objectives_of(s)),
        seeds,
        s.candidates,
        s.slots,
        seed,
        expected_cost(s.rungs, space),
        s.queries,
    )


def strategy_of(
    name: str,
    space: Space,
    search: SearchConfig,
    chance_accuracy: float = 0.0,
    floor: float = 0.0,
) -> Strategy:
    """A strategy with a run's settings."""
    settings = StrategyConfig(
        search.population,
        search.tournament,
        search.crossover,
        chance_accuracy,
        objectives_of(search),
        floor,
    )
    return STRATEGIES[name](space, settings)


def expected_cost(rungs: Sequence[float], space: Space) -> Callable[[Job], float]:
    """Expected duration of a job, by its share of the training and the student's work."""
    added = increments(rungs)

    def cost(job: Job) -> float:
        return added[job.rung] * work(job.candidate.genotype, space.sizes)

    return cost


def search_estimate(s: SearchConfig, earlier: float = 0.0) -> SearchEstimate:
    """What the search of a run is expected to do."""
    return SearchEstimate(
        expected_evaluations(s.candidates, len(s.rungs), s.keep),
        increments(s.rungs),
        None if s.minutes is None else 60 * s.minutes,
        earlier,
    )


class CheckpointPruner:
    """The checkpoints of trainings: of unfinished ones that may go on, and of students near the
    front, which the race after the search attacks further.

    One that is missing costs time and nothing else.
    """

    BETWEEN = 20  # results: looking through a folder takes longer than recording a result

    def __init__(self, folder: Path | None, scheduler: Scheduler) -> None:
        self.folder, self.scheduler = folder, scheduler
        self.results = 0

    def tidy(self, near: Set[str] = frozenset()) -> None:
        """After each result: now and then remove what will hardly be used.

        Args:
            near: candidates near the front.
        """
        self.results += 1
        if self.folder is not None and self.results % self.BETWEEN == 0:
            wanted = self.scheduler.unfinished() | near | {preset(REFERENCE).hash}
            for file in self.folder.glob("*.safetensors"):
                if file.name.partition("-")[0] not in wanted:
                    file.unlink(missing_ok=True)


@dataclass
class Audience:
    """The live view and the callbacks, which see the same results."""

    view: SearchView
    callbacks: Callbacks
    estimate: SearchEstimate
    done: int = 0

    def show(self, trial: Trial, running: int, fresh: bool) -> None:
        self.view.show(trial, running, fresh)
        self.done += 1
        self.callbacks.trial(trial, self.done, max(self.done, sum(self.estimate.evaluations)))
