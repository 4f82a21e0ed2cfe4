"""What is reported of models, candidates and rungs: the parts of `summary.json`, key by key.

Shares are fractions in [0, 1], rounded; intervals are 95 % Wilson intervals (low, high).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean, pstdev
from typing import TYPE_CHECKING

from rosearch.objectives import DEFAULT, Objective, further
from rosearch.space.cost import compression
from rosearch.types import Fidelity, Final, Interval, Json, Robustness, Trial, wilson

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Pair = tuple[float, float]
OPTIONAL = ("suites", "objectives")  # keys


def to_json(value: DataclassInstance) -> Json:
    """A frozen value as plain JSON data: what `json.loads` gives of it."""
    plain: Json = json.loads(json.dumps(asdict(value, dict_factory=_told)))
    return plain


def _told(items: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Items without those that are there only where there is something to tell."""
    return {name: value for name, value in items if value or name not in OPTIONAL}


@dataclass(frozen=True, kw_only=True)
class AttackEntry:
    """One attack on one model, mean over its training seeds.

    Attributes:
        interval: of the after-attack accuracy, on `n` distinct texts.
    """

    after_attack: float
    attack_success_rate: float
    n: int
    interval: Pair
    queries_per_text: float


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """One model on the test split: means over its training seeds.

    Intervals are those of the mean count over the distinct examples: seeds are attacked on the same
    texts, so they do not add to n.

    Attributes:
        id: `teacher`, `reference` or the hash of a genotype.
        compression: how many times smaller than the teacher.
        after_attack, attack_success_rate, n, interval, queries_per_text: see `searched`.
        clean_std, after_attack_std: the spread over seeds.
        held_out: by attack.
        suites: by attack, those of the search after the first.
        validation_fitness: None for the teacher.
        genotype: as JSON; None for the teacher.
    """

    id: str
    params: int
    compression: float
    clean: float
    clean_interval: Pair
    clean_std: float
    n_clean: int
    after_attack: float
    attack_success_rate: float
    n: int
    interval: Pair
    queries_per_text: float
    after_attack_std: float
    held_out: Mapping[str, AttackEntry]
    suites: Mapping[str, AttackEntry] = field(default_factory=dict)
    latency_ms: float
    seeds: tuple[int, ...]
    validation_fitness: float | None = None
    genotype: Json | None = None

    @property
    def further(self) -> Mapping[str, AttackEntry]:
        """All but `searched`, by attack: the other suites of the search, then those held out."""
        return {**self.suites, **self.held_out}

    @property
    def searched(self) -> AttackEntry:
        """The attack of the search, of several suites the first."""
        return AttackEntry(
            after_attack=self.after_attack,
            attack_success_rate=self.attack_success_rate,
            n=self.n,
            interval=self.interval,
            queries_per_text=self.queries_per_text,
        )


@dataclass(frozen=True, kw_only=True)
class FrontEntry:
    """One Pareto-optimal candidate with its search numbers (validation split, partial training).

    Attributes:
        objectives: those of the run beside the ones that are told anyway, by name.
    """

    id: str
    index: int
    params: int
    compression: float
    clean: float
    after_attack: float
    n: int
    fitness: float
    objectives: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class FidelityEntry:
    """How much work an evaluation was; all attack suites as one text under `attack`."""

    epochs: int
    train_share: float
    attacked: int
    attack: str
    max_queries: int | None = None
    portion: float = 1.0


@dataclass(frozen=True, kw_only=True)
class RungEntry:
    """What was evaluated on a rung, 0 being the cheapest, and how; None if nothing succeeded."""

    rung: int
    evaluated: int
    failed: int
    fidelity: FidelityEntry | None
    queries: int
    train_seconds: float
    attack_seconds: float


def model_entry(runs: Sequence[Final], suites: Sequence[str], teacher_params: int) -> ModelEntry:
    """One model by its results, one of each training seed.

    Args:
        suites: of the search; the other attacks are held out.
    """
    first = runs[0]
    clean = fmean(run.clean for run in runs)
    fitnesses = [run.fitness for run in runs if run.fitness is not None]
    attacks = {name: [run.attacks[name] for run in runs] for name in first.attacks}
    entries = {name: attack_entry(counts) for name, counts in attacks.items()}
    return ModelEntry(
        id=first.model,
        params=first.params,
        compression=round(compression(teacher_params, first.params), 3),
        clean=round(clean, 4),
        clean_interval=_rounded(wilson(round(clean * first.n), first.n)),
        clean_std=round(pstdev([run.clean for run in runs]), 4),
        n_clean=first.n,
        **vars(entries[suites[0]]),
        after_attack_std=round(pstdev([c.after_attack for c in attacks[suites[0]]]), 4),
        held_out={name: entry for name, entry in entries.items() if name not in suites},
        suites={name: entries[name] for name in suites[1:]},
        latency_ms=round(fmean(run.latency_ms for run in runs), 3),
        seeds=tuple(run.seed for run in runs),
        validation_fitness=round(fmean(fitnesses), 4) if fitnesses else None,
        genotype=None if first.genotype is None else json.loads(first.genotype),
    )


def attack_entry(runs: Sequence[Robustness]) -> AttackEntry:
    """One attack on one model, by the counts of each training seed."""
    n = runs[0].n
    after = fmean(run.after_attack for run in runs)
    return AttackEntry(
        after_attack=round(after, 4),
        attack_success_rate=round(fmean(run.success_rate for run in runs), 4),
        n=n,
        interval=_rounded(wilson(round(after * n), n)),
        queries_per_text=round(fmean(run.queries / run.n for run in runs), 1),
    )


def front_entry(
    trial: Trial, teacher_params: int, objectives: Sequence[Objective] = DEFAULT
) -> FrontEntry:
    """One Pareto-optimal candidate."""
    assert trial.score is not None
    score = trial.score
    return FrontEntry(
        id=trial.candidate.id,
        index=trial.candidate.index,
        params=score.params,
        compression=round(compression(teacher_params, score.params), 3),
        clean=round(score.clean, 4),
        after_attack=round(score.after_attack, 4),
        n=score.attacked,
        fitness=round(score.fitness, 4),
        objectives={o.name: round(o.value(score), 4) for o in further(objectives)},
    )


def rung_entry(trials: Sequence[Trial], rung: int) -> RungEntry:
    """What was evaluated on a rung."""
    there = [t for t in trials if t.rung == rung]
    scores = [t.score for t in there if t.score is not None]
    return RungEntry(
        rung=rung,
        evaluated=len(there),
        failed=len(there) - len(scores),
        fidelity=fidelity_entry(scores[0].fidelity) if scores else None,
        queries=sum(score.queries for score in scores),
        train_seconds=round(sum(score.train_seconds for score in scores), 1),
        attack_seconds=round(sum(score.attack_seconds for score in scores), 1),
    )


def fidelity_entry(f: Fidelity) -> FidelityEntry:
    """A fidelity as it is reported."""
    return FidelityEntry(f.epochs, f.train_share, f.attacked, f.attack, f.max_queries, f.portion)


def _rounded(interval: Interval) -> Pair:
    return round(interval.low, 4), round(interval.high, 4)
