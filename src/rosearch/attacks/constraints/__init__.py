"""Constraints: which words may change, how many, and which changed texts are still fair."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from rosearch.attacks.steps import Step
from rosearch.io.plugins import Registry
from rosearch.tasks.words import Words

# Whether a word may be changed.
WordConstraint: TypeAlias = Callable[[str], bool]


@dataclass(frozen=True)
class MaxChanged:
    """How many words may change: at most `words`, and at most `share` of all, but at least one."""

    share: float = 1.0
    words: int | None = None

    def of(self, n: int) -> int:
        """The most words that may change in a text of n words."""
        by_share = max(1, math.floor(self.share * n)) if n else 0
        return by_share if self.words is None else min(by_share, self.words)


AT_MOST_ALL = MaxChanged()


@dataclass(frozen=True)
class Verdict:
    """What a constraint says of n changed texts.

    Attributes:
        ok: (n,) bool, whether each is still fair.
        quality: (n,) float, the higher the better; zeros where the constraint knows no degrees.
    """

    ok: np.ndarray
    quality: np.ndarray


class Constraint(Protocol):
    """A judge of changed texts. Must be deterministic and keep no state that changes a verdict.

    Attributes:
        expensive: whether it asks a model. Cheap constraints sort options out before the victim is
            asked; expensive ones are asked only about options that would be taken, which gives the
            same text with far fewer encodings (and counts queries for options that they refuse
            later).
    """

    @property
    def expensive(self) -> bool: ...

    def judge(
        self, original: Words, current: Words, options: Sequence[Words], position: int
    ) -> Step[Verdict]:
        """Judge `options`, which differ from the `current` text at `position`."""
        ...


@dataclass(frozen=True)
class NamedConstraint:
    """A constraint that attacks ask for by name, with `AttackResources.constraint`.

    Attributes:
        make: the constraint, of an attack's resources and settings by name.
    """

    name: str
    description: str
    make: Callable[..., Constraint]


CONSTRAINTS: Registry[NamedConstraint] = Registry(
    "constraint",
    {
        "edit-distance": "rosearch.attacks.constraints.distance:EDIT_DISTANCE",
        "part-of-speech": "rosearch.attacks.constraints.part_of_speech:PART_OF_SPEECH",
        "similarity": "rosearch.attacks.constraints.similarity:SIMILARITY",
    },
)
