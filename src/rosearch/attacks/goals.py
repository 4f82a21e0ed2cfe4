"""Goals: when an attack has succeeded, and how near it is. Shapes: n texts, C classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rosearch.errors import UserError


@dataclass(frozen=True)
class Goal:
    """What the victim is to say.

    Attributes:
        target: the label to reach; None means any label but the true one.
    """

    target: int | None = None

    def attackable(self, probabilities: np.ndarray, label: int) -> bool:
        """Whether a text is right before the attack, (C,), and is not of the target's class.

        Raises:
            UserError: the victim does not know the target.
        """
        classes = len(probabilities)
        if self.target is not None and not 0 <= self.target < classes:
            raise UserError(
                f"target {self.target}: the victim has {classes} classes, 0 to {classes - 1}"
            )
        return int(probabilities.argmax()) == label != self.target

    def reached(self, probabilities: np.ndarray, label: int) -> np.ndarray:
        """Which of n texts, probabilities (n, C), reach the goal: (n,) bool."""
        said = probabilities.argmax(1)
        reached: np.ndarray = said != label if self.target is None else said == self.target
        return reached

    def distance(self, probabilities: np.ndarray, label: int) -> np.ndarray:
        """How far n texts are from the goal, (n,): the probability that has to fall.

        Of the true label, or of all labels but the target.
        """
        if self.target is None:
            return probabilities[:, label]
        return 1.0 - probabilities[:, self.target]


UNTARGETED = Goal()
