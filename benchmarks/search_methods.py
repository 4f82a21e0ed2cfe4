"""What `search.py` compares: methods that ask for evaluations and learn their results, in order.

All start from the same genotypes and draw from the same space; each is deterministic in its seed
and in what it was told, so an interrupted benchmark goes on by telling stored results again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Protocol

import numpy as np

from rosearch.config import RunConfig, objectives_of
from rosearch.objectives import oriented
from rosearch.run.search import scheduler_of, strategy_of
from rosearch.space.genes import MAX_INPUTS
from rosearch.space.genotype import COMBINES, NORMS, Genotype, Node
from rosearch.space.variation import Space, repair
from rosearch.strategies.scheduler import candidate_seed
from rosearch.types import Candidate, Job, Trial

ENDLESS = 10**9  # candidates; a run ends with its time


class Method(Protocol):
    """One search on one worker."""

    def ask(self) -> Job:
        """What to evaluate next; the result is told before the next call."""
        ...

    def tell(self, job: Job, trial: Trial) -> None:
        """The result."""
        ...


@dataclass(frozen=True)
class Problem:
    """What all methods search.

    Attributes:
        seeds: genotypes that come first.
        chance_accuracy: see `rosearch.strategies.rungs.best_first`.
    """

    space: Space
    seeds: Sequence[Genotype]
    config: RunConfig
    chance_accuracy: float = 0.0


class Engine:
    """The whole engine: rungs, trainings that go on from checkpoints, nothing evaluated twice.

    Args:
        lowest: the rung that candidates start on.
    """

    def __init__(self, problem: Problem, seed: int, lowest: int = 0):
        self.lowest = lowest
        search = problem.config.search
        search = replace(search, candidates=ENDLESS, slots=1, rungs=search.rungs[lowest:])
        space, chance = problem.space, problem.chance_accuracy
        self.scheduler = scheduler_of(search, seed, space, problem.seeds, chance)

    def ask(self) -> Job:
        job = self.scheduler.ask()
        assert job is not None
        return replace(job, rung=job.rung + self.lowest)

    def tell(self, job: Job, trial: Trial) -> None:
        self.scheduler.tell(job, replace(trial, rung=trial.rung - self.lowest))


class Bare:
    """A strategy alone: each proposal is trained from scratch to the end, a known one as well."""

    def __init__(self, name: str, problem: Problem, seed: int):
        search = problem.config.search
        self.strategy = strategy_of(name, problem.space, search, problem.chance_accuracy)
        self.seeds, self.seed = problem.seeds, seed
        self.last = len(search.rungs) - 1
        self.indices = count()

    def ask(self) -> Job:
        index = next(self.indices)
        if index < len(self.seeds):
            genotype = self.seeds[index]
        else:
            rng = np.random.default_rng([self.seed, index])
            genotype = self.strategy.propose(index, rng).genotype
        return full_job(index, genotype, self.seed, self.last)

    def tell(self, job: Job, trial: Trial) -> None:
        # A strategy takes a candidate's first result on rung 0.
        self.strategy.learn(Trial(trial.candidate, trial.score, trial.error))


class OptunaNsga2:
    """Optuna's NSGA-II sampler on the same space; raises ImportError where it is missing.

    An infeasible description is repaired before it is trained, and Optuna learns the result under
    the description that it gave, as it knows no repair. What cannot be repaired, or fails, is told
    as failed. Its own settings, but for the population, which is that of the other searches.
    """

    def __init__(self, problem: Problem, seed: int):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        search = problem.config.search
        self.objectives = objectives_of(search)
        sampler = optuna.samplers.NSGAIISampler(population_size=search.population, seed=seed)
        self.study = optuna.create_study(
            sampler=sampler, directions=["maximize"] * len(self.objectives)
        )
        self.failed = optuna.trial.TrialState.FAIL
        self.space, self.seed = problem.space, seed
        self.last = len(search.rungs) - 1
        self.indices = count()
        self.open: Any = None
        for genotype in problem.seeds:
            self.study.enqueue_trial(described(genotype, self.space))

    def ask(self) -> Job:
        while True:
            self.open = self.study.ask()
            genotype = repair(suggested(self.open, self.space), self.space)
            if genotype is not None:
                return full_job(next(self.indices), genotype, self.seed, self.last)
            self.study.tell(self.open, state=self.failed)

    def tell(self, job: Job, trial: Trial) -> None:
        if trial.score is None:
            self.study.tell(self.open, state=self.failed)
        else:
            self.study.tell(self.open, oriented(trial.score, self.objectives))


def suggested(trial: Any, space: Space) -> Genotype:
    """A genotype whose every gene Optuna suggests, those that are not there being left out."""

    def one_of(name: str, values: Sequence[Any]) -> Any:
        # Optuna's categories are plain values: an index stands for each.
        return values[trial.suggest_categorical(name, list(range(len(values))))]

    def node(i: int) -> Node:
        most = min(i, MAX_INPUTS)
        inputs: list[int] = []
        for k in range(trial.suggest_int(f"node{i}.inputs", 1, most) if most > 1 else 1):
            free = [j for j in range(i) if j not in inputs]
            picked = trial.suggest_int(f"node{i}.input{k}", 0, len(free) - 1) if free[1:] else 0
            inputs.append(free[picked])
        return Node(
            tuple(inputs),
            one_of(f"node{i}.op", space.ops),
            one_of(f"node{i}.combine", COMBINES),
            one_of(f"node{i}.norm", NORMS),
            one_of(f"node{i}.activation", space.activations),
        )

    nodes = trial.suggest_int("nodes", 1, space.max_nodes)
    return Genotype(
        embedding_dim=one_of("embedding_dim", space.embedding_dims),
        width=one_of("width", space.widths),
        nodes=tuple(node(i) for i in range(1, nodes + 1)),
        position=one_of("position", space.positions),
        pooling=one_of("pooling", space.poolings),
        repeat=trial.suggest_int("repeat", 1, space.max_repeat),
        shared=one_of("shared", (False, True)),
        coding=one_of("coding", space.codings),
    )


def described(g: Genotype, space: Space) -> dict[str, int]:
    """The suggestions that make `suggested` return this genotype."""
    found = {
        "nodes": len(g.nodes),
        "embedding_dim": space.embedding_dims.index(g.embedding_dim),
        "width": space.widths.index(g.width),
        "position": space.positions.index(g.position),
        "pooling": space.poolings.index(g.pooling),
        "repeat": g.repeat,
        "shared": int(g.shared),
        "coding": space.codings.index(g.coding),
    }
    for i, node in enumerate(g.nodes, start=1):
        found[f"node{i}.inputs"] = len(node.inputs)
        for k, source in enumerate(node.inputs):
            found[f"node{i}.input{k}"] = source - sum(s < source for s in node.inputs[:k])
        found[f"node{i}.op"] = space.ops.index(node.op)
        found[f"node{i}.combine"] = COMBINES.index(node.combine)
        found[f"node{i}.norm"] = NORMS.index(node.norm)
        found[f"node{i}.activation"] = space.activations.index(node.activation)
    return found


def full_job(index: int, genotype: Genotype, seed: int, rung: int) -> Job:
    """A job that trains and attacks in full."""
    return Job(index, Candidate(index, genotype, candidate_seed(seed, genotype.hash)), rung)


METHODS: Mapping[str, Callable[[Problem, int], Method]] = {
    "rungs": Engine,
    "upper": lambda problem, seed: Engine(problem, seed, lowest=1),
    "full": lambda problem, seed: Bare(problem.config.search.strategy, problem, seed),
    "ageing": lambda problem, seed: Bare("aging_evolution", problem, seed),
    "random": lambda problem, seed: Bare("random", problem, seed),
    "optuna": OptunaNsga2,
}
ENGINES = ("rungs", "upper")  # go on from checkpoints
DESCRIPTIONS = {
    "rungs": "RoSearch with rungs",
    "upper": "the same without the lowest rung",
    "full": "the same without rungs, checkpoints, deduplication",
    "ageing": "ageing evolution, every candidate in full: the paper's way",
    "random": "random search",
    "optuna": "Optuna NSGA-II",
}
