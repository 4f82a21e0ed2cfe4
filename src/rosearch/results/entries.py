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
from rosearch.results.classes import (
    AttackedClassEntry,
    ClassEntry,
    Pair,
    attacked_class,
    class_entries,
    mean_of,
    rounded,
)
from rosearch.space.cost import compression
from rosearch.strategies.posterior import Posterior
from rosearch.types import (
    Fidelity,
    Final,
    Interval,
    Json,
    Metric,
    Robustness,
    Stratum,
    Trial,
    interval,
    wilson,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# Keys that are there only where there is something to tell.
OPTIONAL = (
    "suites", "objectives", "constant", "fallback", "metric", "label_names", "classes",
    "attacked_classes", "balanced_clean", "balanced_clean_interval", "macro_f1",
    "calibration_error",
    "balanced_after_attack", "balanced_interval", "certified", "unchangeable", "points",
    "posterior",
)  # fmt: skip


def to_json(value: DataclassInstance) -> Json:
    """A frozen value as plain JSON data: what `json.loads` gives of it."""
    plain: Json = json.loads(json.dumps(asdict(value, dict_factory=_told)))
    return plain


def _told(items: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Items without those that are there only where there is something to tell."""
    return {name: x for name, x in items if x or name not in OPTIONAL or isinstance(x, float)}


@dataclass(frozen=True, kw_only=True)
class AttackEntry:
    """One attack on one model, mean over its training seeds.

    Attributes:
        interval: of the after-attack accuracy, on `n` distinct texts.
        balanced_after_attack: the mean of the recalls after the attack, with its interval.
        attacked_classes: in the order of the labels.
        unchangeable: of the `n` texts, those without any substitution.
    """

    after_attack: float
    attack_success_rate: float
    n: int
    interval: Pair
    queries_per_text: float
    balanced_after_attack: float | None = None
    balanced_interval: Pair | None = None
    attacked_classes: tuple[AttackedClassEntry, ...] = ()
    unchangeable: int = 0


@dataclass(frozen=True)
class BeliefEntry:
    """What the search measured of a student, and what it believes: mean and 95 % interval of the
    posterior over all results and rungs, on the validation split."""

    measured: float
    mean: float
    interval: Pair


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """One model on the test split: means over its training seeds.

    Intervals are those of the mean count over the distinct examples: seeds are attacked on the same
    texts, so they do not add to n.

    Attributes:
        id: `teacher`, `reference` or the hash of a genotype.
        compression: how many times smaller than the teacher.
        after_attack, attack_success_rate, n, interval, queries_per_text, balanced_after_attack,
        balanced_interval, attacked_classes, unchangeable: see `searched`.
        clean_std, after_attack_std: the spread over seeds.
        held_out: by attack.
        suites: by attack, those of the search after the first.
        validation_fitness: None for the teacher.
        genotype: as JSON; None for the teacher.
        balanced_clean: the mean of the recalls of the classes, with its interval.
        calibration_error: expected, of the clean result; see `rosearch.models.calibration`.
        classes: in the order of the labels; none of early versions.
        constant: whether it does not clearly know more than who always says the same, on the
            validation split.
        certified: share of the test split that no attack can flip, by what it does to the texts.
        points: which points of the front it was chosen as, see `rosearch.strategies.points`.
        posterior: what it was chosen by: `fitness`, `accuracy` and `robustness` on the validation
            split.
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
    balanced_after_attack: float | None = None
    balanced_interval: Pair | None = None
    attacked_classes: tuple[AttackedClassEntry, ...] = ()
    unchangeable: int = 0
    after_attack_std: float
    held_out: Mapping[str, AttackEntry]
    suites: Mapping[str, AttackEntry] = field(default_factory=dict)
    latency_ms: float
    seeds: tuple[int, ...]
    validation_fitness: float | None = None
    genotype: Json | None = None
    balanced_clean: float | None = None
    balanced_clean_interval: Pair | None = None
    macro_f1: float | None = None
    calibration_error: float | None = None
    classes: tuple[ClassEntry, ...] = ()
    constant: bool = False
    certified: Mapping[str, float] = field(default_factory=dict)
    points: tuple[str, ...] = ()
    posterior: Mapping[str, BeliefEntry] = field(default_factory=dict)

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
            balanced_after_attack=self.balanced_after_attack,
            balanced_interval=self.balanced_interval,
            attacked_classes=self.attacked_classes,
            unchangeable=self.unchangeable,
        )


@dataclass(frozen=True, kw_only=True)
class FrontEntry:
    """One Pareto-optimal candidate with its search numbers (validation split, partial training).

    Attributes:
        objectives: those of the run beside the ones that are told anyway, by name.
        posterior: see `ModelEntry`.
    """

    id: str
    index: int
    params: int
    compression: float
    clean: float
    after_attack: float
    balanced_clean: float | None = None
    balanced_after_attack: float | None = None
    n: int
    fitness: float
    objectives: Mapping[str, float] = field(default_factory=dict)
    posterior: Mapping[str, BeliefEntry] = field(default_factory=dict)


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
    gaps = [run.calibration_error for run in runs if run.calibration_error is not None]
    attacks = {name: [run.attacks[name] for run in runs] for name in first.attacks}
    entries = {name: attack_entry(counts) for name, counts in attacks.items()}
    return ModelEntry(
        id=first.model,
        params=first.params,
        compression=round(compression(teacher_params, first.params), 3),
        clean=round(clean, 4),
        clean_interval=rounded(wilson(round(clean * first.n), first.n)),
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
        **class_entries([run.classes for run in runs]),
        calibration_error=round(fmean(gaps), 4) if gaps else None,
        constant=not any(run.learned for run in runs),
        certified={
            what: round(fmean(run.certified.get(what, 0) / run.n for run in runs), 4)
            for what in first.certified
        },
    )


def attack_entry(runs: Sequence[Robustness]) -> AttackEntry:
    """One attack on one model, by the counts of each training seed."""
    plain, weighed = _over_seeds(runs, "accuracy"), _over_seeds(runs, "balanced")
    known = all(run.classes for run in runs)
    balanced = fmean(run.after("balanced") for run in runs)
    return AttackEntry(
        after_attack=round(fmean(run.after_attack for run in runs), 4),
        attack_success_rate=round(fmean(run.success_rate for run in runs), 4),
        n=runs[0].n,
        interval=rounded(interval(plain)),
        queries_per_text=round(fmean(run.queries / run.n for run in runs), 1),
        balanced_after_attack=round(balanced, 4) if known else None,
        balanced_interval=rounded(interval(weighed)) if known else None,
        attacked_classes=tuple(map(attacked_class, zip(*(r.classes for r in runs), strict=True))),
        unchangeable=runs[0].unchangeable,
    )


def _over_seeds(runs: Sequence[Robustness], metric: Metric) -> list[Stratum]:
    return [mean_of(s) for s in zip(*(run.strata(metric) for run in runs), strict=True)]


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
        balanced_clean=round(score.balanced, 4) if score.classes else None,
        balanced_after_attack=round(score.balanced_after_attack, 4) if score.classes else None,
        n=score.attacked,
        fitness=round(score.fitness, 4),
        objectives={o.name: round(o.value(score), 4) for o in further(objectives)},
    )


def belief_entries(posterior: Posterior) -> dict[str, dict[str, BeliefEntry]]:
    """By student, then by quantity."""
    return {
        trial.candidate.id: {
            name: BeliefEntry(
                round(float(belief.measured[i]), 4),
                round(float(belief.mean[i]), 4),
                rounded(Interval(*belief.interval(i))),
            )
            for name, belief in posterior.beliefs.items()
        }
        for i, trial in enumerate(posterior.trials)
    }


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
