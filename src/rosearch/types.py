"""Frozen values that cross borders. Torch-free."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean
from typing import Any, Literal, TypeAlias

from rosearch.space.genotype import Genotype

Status = Literal["ok", "failed"]
# How results under several attack suites become one.
OverSuites = Literal["worst", "mean"]
# What students are compared by: the mean over the classes, or the mean over the texts.
Metric = Literal["balanced", "accuracy"]
# What is classified: one text, or a pair of texts (premise and hypothesis, question and answer).
Text: TypeAlias = str | tuple[str, str]


def parts(text: Text) -> tuple[str, ...]:
    """The one text, or both texts of a pair."""
    return (text,) if isinstance(text, str) else text


@dataclass(frozen=True)
class Candidate:
    """A genotype plus its seed, as the search proposes it.

    Attributes:
        index: position in the order of proposals, from 0.
        seed: seeds initialisation, data order and dropout of its training.
        parent: hash of the genotype it was varied from, if any.
    """

    index: int
    genotype: Genotype
    seed: int
    parent: str | None = None

    @property
    def id(self) -> str:
        """Canonical hash of the genotype."""
        return self.genotype.hash


@dataclass(frozen=True)
class Fidelity:
    """How much work one evaluation may spend.

    Attributes:
        epochs: passes over the (share of the) train split.
        train_share: share of the train split, in (0, 1].
        attacked: number of examples attacked.
        attacks: names of the attack suites; each attacks the same examples.
        max_queries: query budget per attacked example; None means no budget.
        portion: share of the training's steps that is run, in (0, 1]; the learning rates are those
            of the whole training, which can go on from there.
        skipped: examples of the attacked sample that come before those that are attacked.
    """

    epochs: int
    train_share: float
    attacked: int
    attacks: tuple[str, ...]
    max_queries: int | None = None
    portion: float = 1.0
    skipped: int = 0

    @property
    def attack(self) -> str:
        """The attack suites as text."""
        return ", ".join(self.attacks)


@dataclass(frozen=True)
class Interval:
    """A 95 % Wilson score interval of a share."""

    low: float
    high: float


@dataclass(frozen=True)
class Stratum:
    """Some of the texts of one class, and the weight that the class has in a mean over classes."""

    successes: float
    n: int
    weight: float = 1.0


@dataclass(frozen=True)
class ClassCounts:
    """What a model says of the texts of one class, in counts.

    Attributes:
        n: texts of the class.
        correct: those that are told right.
        predicted: texts of any class that are taken for one of this.
    """

    n: int
    correct: int
    predicted: int


@dataclass(frozen=True)
class AttackedClass:
    """What came of an attack on the texts of one class, in counts.

    Attributes:
        n, correct, survived: see `Robustness`.
        share: of the class in the split that the attacked texts are a sample of.
    """

    n: int
    correct: int
    survived: int
    share: float


@dataclass(frozen=True)
class Robustness:
    """Outcome of one attack on one model, in counts. Shares are fractions in [0, 1].

    The attacked examples are a sample in which rare classes are frequent. So shares are means over
    the classes: plain ones weigh each class as frequent as it is, balanced ones weigh all alike.

    Attributes:
        n: attacked examples, the misclassified ones included.
        correct: right before the attack.
        survived: right before and after the attack.
        queries: model queries spent.
        classes: in the order of the labels; none where they were not counted apart.
        unchangeable: examples without any substitution, which no model can fail.
    """

    attack: str
    n: int
    correct: int
    survived: int
    queries: int
    classes: tuple[AttackedClass, ...] = ()
    unchangeable: int = 0

    @property
    def clean(self) -> float:
        """Accuracy on the attacked examples before the attack."""
        return self.before("accuracy")

    @property
    def after_attack(self) -> float:
        """After-attack accuracy: still right, out of ALL examples."""
        return self.after("accuracy")

    @property
    def success_rate(self) -> float:
        """Attack success rate: flipped, out of those that were right; 0 if none was right."""
        if not self.classes:
            return (self.correct - self.survived) / self.correct if self.correct else 0.0
        return 1 - self.after_attack / self.clean if self.clean else 0.0

    @property
    def interval(self) -> Interval:
        """Interval of the after-attack accuracy."""
        return interval(self.strata("accuracy"))

    def before(self, metric: Metric) -> float:
        """Clean accuracy on the attacked examples, plain or balanced."""
        if not self.classes:
            return self.correct / self.n
        weighed = zip(self.classes, self.strata(metric), strict=True)
        return mean([replace(s, successes=c.correct) for c, s in weighed])

    def after(self, metric: Metric) -> float:
        """After-attack accuracy, plain or balanced."""
        return mean(self.strata(metric))

    def strata(self, metric: Metric) -> list[Stratum]:
        """Who survived of each class; where classes were not counted apart, of all."""
        if not self.classes:
            return [Stratum(self.survived, self.n)]
        plain = metric == "accuracy"
        return [Stratum(c.survived, c.n, c.share if plain else 1.0) for c in self.classes]


@dataclass(frozen=True)
class Score:
    """What one evaluation measured, with the fidelity it was measured at.

    Attributes:
        clean: accuracy on the whole evaluation split, n_clean examples.
        attacks: attack suite -> counts on the first examples of that split.
        measurements: by name: `params` (trainable and frozen parameters, the embedding included),
            `flops` (of one forward pass of one example of 32 tokens), `latency_ms` (median of a
            batch-1 forward pass of 32 tokens on one thread), and what plugins measure.
        fitness: scalar that the search maximises.
        over_suites: how the results under several attack suites become one.
        classes: of the clean result, in the order of the labels; none of early versions.
        metric: what the student was rated by.
    """

    clean: float
    n_clean: int
    attacks: Mapping[str, Robustness]
    measurements: Mapping[str, float]
    train_seconds: float
    attack_seconds: float
    fitness: float
    fidelity: Fidelity
    over_suites: OverSuites = "worst"
    classes: tuple[ClassCounts, ...] = ()
    metric: Metric = "accuracy"

    @property
    def accuracy(self) -> float:
        """Clean accuracy in the metric."""
        return self.balanced if self.metric == "balanced" else self.clean

    @property
    def robustness(self) -> float:
        """After-attack accuracy in the metric, the worst or the mean over the attack suites."""
        return self._after(self.metric)

    @cached_property
    def learned(self) -> bool:
        """Whether the student clearly knows more than who always says the same."""
        return learned(self.classes)

    @property
    def balanced(self) -> float:
        """Balanced clean accuracy; the plain one where classes were not counted apart."""
        return balanced(self.classes) if self.classes else self.clean

    @property
    def after_attack(self) -> float:
        """After-attack accuracy, the worst or the mean over the attack suites."""
        return self._after("accuracy")

    @property
    def balanced_after_attack(self) -> float:
        """Balanced after-attack accuracy, the worst or the mean over the attack suites."""
        return self._after("balanced")

    def _after(self, metric: Metric) -> float:
        return over_suites([c.after(metric) for c in self.attacks.values()], self.over_suites)

    @property
    def attack_success_rate(self) -> float:
        """Attack success rate, the worst (which is the highest) or the mean over the suites."""
        return -over_suites([-c.success_rate for c in self.attacks.values()], self.over_suites)

    @property
    def attacked(self) -> int:
        """Examples that each suite attacked."""
        return max(counts.n for counts in self.attacks.values())

    @property
    def queries(self) -> int:
        """Model queries of all suites together."""
        return sum(counts.queries for counts in self.attacks.values())

    @property
    def params(self) -> int:
        """Trainable and frozen parameters, the embedding included."""
        return int(self.measurements["params"])

    @property
    def flops(self) -> int:
        """FLOPs of one forward pass of one example of 32 tokens."""
        return int(self.measurements["flops"])

    @property
    def latency_ms(self) -> float:
        """Milliseconds of a forward pass of one example of 32 tokens on one thread."""
        return self.measurements["latency_ms"]


def over_suites(values: Sequence[float], how: OverSuites) -> float:
    """One value of several attack suites, larger ones being better: the least or the mean."""
    return min(values) if how == "worst" else fmean(values)


def class_counts(
    said: Iterable[int], labels: Iterable[int], classes: int
) -> tuple[ClassCounts, ...]:
    """Counts of each class, by what is said of texts with these labels."""
    pairs = Counter(zip(map(int, said), map(int, labels), strict=True))
    n, predicted = Counter[int](), Counter[int]()
    for (guess, label), count in pairs.items():
        n[label] += count
        predicted[guess] += count
    return tuple(ClassCounts(n[c], pairs[c, c], predicted[c]) for c in range(classes))


def recalls(classes: Iterable[ClassCounts]) -> list[Stratum]:
    """What is right of each class, all classes weighing alike."""
    return [Stratum(c.correct, c.n) for c in classes]


def balanced(classes: Iterable[ClassCounts]) -> float:
    """Balanced accuracy: the mean recall of the classes that there are texts of."""
    return mean(recalls(classes))


def macro_f1(classes: Iterable[ClassCounts]) -> float:
    """Mean F1 of the classes that are there or were told."""
    return fmean([2 * c.correct / (c.n + c.predicted) for c in classes if c.n + c.predicted])


def learned(classes: Sequence[ClassCounts]) -> bool:
    """Whether a model clearly knows more than who always says the same, whose balanced accuracy is
    one over the number of classes: by two standard errors. Nobody is judged without counts.

    Recalls of few texts are pulled towards 1/2 for their errors (Agresti and Coull 1998), as those
    of a constant, 0 and 1, would have none.
    """
    there = [c for c in classes if c.n]
    if len(there) < 2:
        return True
    pulled = [((c.correct + 2) / (c.n + 4), c.n + 4) for c in there]
    error = math.sqrt(sum(p * (1 - p) / n for p, n in pulled)) / len(there)
    return balanced(there) > 1 / len(there) + 2 * error


def mean(strata: Iterable[Stratum]) -> float:
    """Weighed mean share of successes of the strata that have any texts."""
    there = [s for s in strata if s.n]
    return sum(s.weight * s.successes / s.n for s in there) / sum(s.weight for s in there)


def interval(strata: Iterable[Stratum]) -> Interval:
    """Interval of the `mean`, as of so many texts as would tell as much (Kish 1965, 11.7)."""
    there = [s for s in strata if s.n]
    n = effective(there)
    return wilson(mean(there) * n, n)


def effective(strata: Iterable[Stratum]) -> float:
    """How many texts without strata would tell as much of the `mean`."""
    there = [s for s in strata if s.n]
    return sum(s.weight for s in there) ** 2 / sum(s.weight**2 / s.n for s in there)


@dataclass(frozen=True)
class Job:
    """One evaluation.

    Attributes:
        index: position in the order of jobs, from 0.
        rung: how far the candidate is evaluated; 0 is the cheapest.
        fidelity: of a result that is none of the search's; None is that of the rung.
    """

    index: int
    candidate: Candidate
    rung: int = 0
    fidelity: Fidelity | None = None


@dataclass(frozen=True)
class Trial:
    """A candidate on a rung and what came of it: a score, or the reason why it failed."""

    candidate: Candidate
    score: Score | None = None
    error: str | None = None
    rung: int = 0

    @property
    def status(self) -> Status:
        """`ok` or `failed`."""
        return "ok" if self.score is not None else "failed"


def wilson(successes: float, n: float, z: float = 1.959963984540054) -> Interval:
    """95 % score interval of a binomial share (Wilson 1927)."""
    if n == 0:
        return Interval(0.0, 1.0)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


Json = dict[str, Any]


@dataclass(frozen=True)
class FinalPlan:
    """How students are trained for the final evaluation, and models evaluated on the test split.

    Attributes:
        training: of the students; its attacks are those of their fitness on the validation split.
        attacks: on test texts, the held-out ones among them.
        attacked: number of test texts attacked.
    """

    training: Fidelity
    attacks: tuple[str, ...]
    attacked: int


@dataclass(frozen=True)
class Final:
    """One model with one training seed, evaluated once on the test split.

    Attributes:
        model: `teacher`, `reference`, or the hash of a genotype.
        genotype: JSON text; None for the teacher.
        correct, n: clean results on the whole test split.
        attacks: attack name -> counts on the attacked part of the test split.
        fitness: on the validation split, to choose the best finalist by; None for the teacher.
        classes: of the clean result, in the order of the labels; none of early versions.
        learned: whether it is `learned` on the validation split.
        certified: how many of the n texts no attack can flip, by what it does to them; see
            `rosearch.attacks.certificates`.
        calibration_error: expected, of the clean result; None of early versions.
    """

    model: str
    seed: int
    genotype: str | None
    params: int
    correct: int
    n: int
    attacks: Mapping[str, Robustness]
    latency_ms: float
    seconds: float
    fitness: float | None = None
    classes: tuple[ClassCounts, ...] = ()
    learned: bool = True
    certified: Mapping[str, int] = field(default_factory=dict)
    calibration_error: float | None = None

    @property
    def clean(self) -> float:
        """Clean accuracy on the whole test split."""
        return self.correct / self.n
