"""What `search*.py` compare: methods that ask for evaluations and learn their results, in order.

All start from the same genotypes and draw from the same space; each is deterministic in its seed
and in what it was told, so an interrupted benchmark goes on by telling stored results again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import count
from typing import Any, Protocol

import numpy as np

from rosearch.config import RunConfig, objectives_of
from rosearch.encodings.genes import Choice, Gene, genes_of
from rosearch.objectives import oriented
from rosearch.run.search import scheduler_of, strategy_of
from rosearch.space.genes import MAX_INPUTS
from rosearch.space.genotype import COMBINES, NORMS, Genotype, Node
from rosearch.space.mechanisms import MECHANISMS
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
        floor: see `rosearch.strategies.base.StrategyConfig`.
    """

    space: Space
    seeds: Sequence[Genotype]
    config: RunConfig
    chance_accuracy: float = 0.0
    floor: float = 0.0


class Engine:
    """The whole engine: rungs, trainings that go on from checkpoints, nothing evaluated twice."""

    def __init__(self, problem: Problem, seed: int, strategy: str | None = None):
        search = replace(problem.config.search, candidates=ENDLESS)
        search = replace(search, strategy=strategy or search.strategy)
        limits = problem.chance_accuracy, problem.floor
        self.scheduler = scheduler_of(search, seed, problem.space, problem.seeds, *limits)

    def ask(self) -> Job:
        job = self.scheduler.ask()
        assert job is not None
        return job

    def tell(self, job: Job, trial: Trial) -> None:
        self.scheduler.tell(job, trial)


class Bare:
    """A strategy alone: each proposal is trained from scratch to the end, a known one as well."""

    def __init__(self, name: str, problem: Problem, seed: int):
        search = problem.config.search
        limits = problem.chance_accuracy, problem.floor
        self.strategy = strategy_of(name, problem.space, search, *limits)
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


class Optuna:
    """A sampler of Optuna on the same space; raises ImportError where it is missing.

    NSGA-II optimises the run's objectives, TPE the fitness.

    An infeasible description is repaired before it is trained, and Optuna learns the result under
    the description that it gave, as it knows no repair. What cannot be repaired, or fails, is told
    as failed. Its own settings, but for the population, which is that of the other searches.
    """

    def __init__(self, problem: Problem, seed: int, name: str):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        search, samplers = problem.config.search, optuna.samplers
        self.objectives = objectives_of(search) if name == "nsga2" else None
        sampler: Any = samplers.TPESampler(seed=seed)
        if self.objectives:
            sampler = samplers.NSGAIISampler(population_size=search.population, seed=seed)
        directions = ["maximize"] * len(self.objectives or "f")
        self.study = optuna.create_study(sampler=sampler, directions=directions)
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
        elif self.objectives:
            self.study.tell(self.open, oriented(trial.score, self.objectives))
        else:
            self.study.tell(self.open, trial.score.fitness)


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

    def choice(place: str, offered: Sequence[Choice | None]) -> Any:
        kinds = kinds_of(offered)
        kind = one_of(place, list(kinds))
        alike, genes = kinds[kind]
        if not alike:
            return None
        picked = {gene: one_of(f"{place}.{kind}.{gene}", genes[gene]) for gene in genes}
        # Not every combination is offered: no reading is without all of its steps.
        return type(alike[0])(**picked).nearest(alike)

    nodes = trial.suggest_int("nodes", 1, space.max_nodes)
    return Genotype(
        embedding_dim=one_of("embedding_dim", space.embedding_dims),
        width=one_of("width", space.widths),
        nodes=tuple(node(i) for i in range(1, nodes + 1)),
        position=one_of("position", space.positions),
        pooling=one_of("pooling", space.poolings),
        repeat=trial.suggest_int("repeat", 1, space.max_repeat),
        shared=one_of("shared", (False, True)),
        coding=choice("coding", space.codings),
        **{place: choice(place, space.offered(place)) for place in MECHANISMS},
    )


def kinds_of(
    offered: Sequence[Choice | None],
) -> dict[str, tuple[list[Choice], dict[str, list[Gene]]]]:
    """Name of a kind -> what is offered of it, and the values of each of its genes."""
    found: dict[str, tuple[list[Choice], dict[str, list[Gene]]]] = {}
    for one in offered:
        alike, genes = found.setdefault("none" if one is None else one.name, ([], {}))
        if one is not None:
            alike.append(one)
            for gene, value in genes_of(one).items():
                genes.setdefault(gene, [])
                genes[gene] += [] if value in genes[gene] else [value]
    return found


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
    }
    offered = {"coding": space.codings, **{place: space.offered(place) for place in MECHANISMS}}
    for place, several in offered.items():
        kinds, own = kinds_of(several), getattr(g, place)
        kind = "none" if own is None else own.name
        found[place] = list(kinds).index(kind)
        for gene, values in kinds[kind][1].items():
            found[f"{place}.{kind}.{gene}"] = values.index(getattr(own, gene))
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
    "surrogate": lambda problem, seed: Engine(problem, seed, "surrogate"),
    # Its strategy without rungs, checkpoints, deduplication.
    "full": lambda problem, seed: Bare(problem.config.search.strategy, problem, seed),
    # Every candidate in full: the paper's way.
    "ageing": lambda problem, seed: Bare("aging_evolution", problem, seed),
    "random": lambda problem, seed: Bare("random", problem, seed),
    "nsga2": lambda problem, seed: Optuna(problem, seed, "nsga2"),
    "tpe": lambda problem, seed: Optuna(problem, seed, "tpe"),
}
ENGINES = ("rungs", "surrogate")  # go on from checkpoints


def available(methods: Sequence[str]) -> list[str]:
    """Those of the methods that this machine can run; it is said which need Optuna."""
    missing = find_spec("optuna") is None
    left_out = [name for name in methods if missing and name.startswith(("nsga2", "tpe"))]
    if left_out:
        names = ", ".join(left_out)
        print(f"without {names}: pip install -r benchmarks/search-requirements.txt")
    return [name for name in methods if name not in left_out]
