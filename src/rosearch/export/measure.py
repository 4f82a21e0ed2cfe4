"""What is measured of an exported model: parity, accuracy, robustness, latency.

Shapes: B batch, T tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.engine import attacked
from rosearch.attacks.methods import load_attacks
from rosearch.attacks.result import robustness
from rosearch.models.calibration import calibration_error
from rosearch.models.classifier import Classifier
from rosearch.results.classes import ByClass, class_entries
from rosearch.results.entries import attack_entry, to_json
from rosearch.results.words import both, share
from rosearch.tasks import Split
from rosearch.types import ClassCounts, Interval, Json, Robustness, class_counts, wilson


@dataclass(frozen=True)
class Parity:
    """The exported model against the original one, on the same texts.

    Attributes:
        difference: largest absolute difference of a probability.
        agreement: share of the texts with the same label.
    """

    n: int
    difference: float
    agreement: float


@dataclass(frozen=True)
class Quality:
    """Accuracy and robustness of one file on the task's test split.

    Attributes:
        name: `float` or `int8`.
        correct, n: clean results.
        attacks: attack name -> counts on a sample of the split.
        classes: of the clean result, as the model numbers the labels.
        calibration_error: expected, of the clean result.
    """

    name: str
    correct: int
    n: int
    attacks: Mapping[str, Robustness]
    classes: tuple[ClassCounts, ...] = ()
    calibration_error: float = 0.0

    @property
    def clean(self) -> float:
        """Clean accuracy."""
        return self.correct / self.n

    @property
    def interval(self) -> Interval:
        """Interval of the clean accuracy."""
        return wilson(self.correct, self.n)

    @property
    def by_class(self) -> ByClass:
        """Clean results of each label, and over all labels alike."""
        return class_entries([self.classes])

    @property
    def words(self) -> str:
        """Clean accuracy, and below it the balanced one."""
        found, plain = self.by_class, share(self.clean, self.interval)
        words = both(plain, found.get("balanced_clean"), found.get("balanced_clean_interval"))
        return f"{words}\nECE {self.calibration_error:.3f}"

    def to_json(self) -> Json:
        """Shares with intervals, JSON-ready."""
        classes = [asdict(entry) for entry in self.by_class.get("classes", ())]
        return {
            **self.by_class,
            "classes": classes,
            "model": self.name,
            "clean": round(self.clean, 4),
            "clean_interval": [round(self.interval.low, 4), round(self.interval.high, 4)],
            "n_clean": self.n,
            "calibration_error": round(self.calibration_error, 4),
            "attacks": {k: to_json(attack_entry([counts])) for k, counts in self.attacks.items()},
        }


def parity(original: np.ndarray, exported: np.ndarray) -> Parity:
    """Compare probabilities (texts, C); a difference that is no number counts as infinite."""
    difference = float(np.abs(original - exported).max())
    agreement = float((original.argmax(1) == exported.argmax(1)).mean())
    return Parity(len(original), difference if np.isfinite(difference) else np.inf, agreement)


def attacked_quality(
    victim: Classifier,
    clean: Quality,
    split: Split,
    attacks: Sequence[str],
    resources: AttackResources,
    n: int,
) -> Quality:
    """Clean results, and robustness on `n` texts of the split.

    Args:
        attacks: names of attacks or suites, `resources` is what they read.
    """
    chosen, counts = split.sample(n), {}
    for suite in attacks:
        title = f"attacking the {clean.name} model with {suite}"
        loaded = load_attacks(suite, resources)
        results = attacked(loaded, victim, chosen.texts, chosen.labels, title=title)
        counts[suite] = robustness(suite, results, split.labels)
    return replace(clean, attacks=counts)


def clean_quality(name: str, answers: np.ndarray, labels: Sequence[int]) -> Quality:
    """Clean results of a file, by its probabilities (texts, C)."""
    classes = class_counts(answers.argmax(1), labels, answers.shape[1])
    gap = calibration_error(answers, labels)
    return Quality(name, sum(c.correct for c in classes), len(answers), {}, classes, gap)
