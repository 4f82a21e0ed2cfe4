"""States of a search: what a text has become, and how far it is from the goal."""

from __future__ import annotations

import numpy as np

from rosearch.attacks.attack import Attack, Outcome
from rosearch.attacks.steps import Step
from rosearch.tasks.words import Words


def offered(attack: Attack, text: Words) -> Step[dict[int, int]]:
    """Positions that have substitutions, and how many; constraints are not asked."""
    found = {}
    for position in attack.positions(text):
        options = yield from attack.source.options(text, position)
        if options:
            found[position] = len(options)
    return found


def state_of(
    attack: Attack,
    text: Words,
    before: np.ndarray,
    after: np.ndarray,
    path: tuple[int, ...],
    label: int,
) -> Outcome:
    """The state of a changed text.

    Args:
        before, after: probabilities (C,) of the original and of the changed text.
        path: its changed positions in order.
    """
    reached = bool(attack.goal.reached(after[None], label)[0])
    return Outcome("flipped" if reached else "survived", text, before, after, 0, path)


def distance(attack: Attack, state: Outcome, label: int) -> float:
    """How far a state is from the goal; -1 if it has reached it."""
    if state.status == "flipped":
        return -1.0
    return round(float(attack.goal.distance(state.after[None], label)[0]), 6)
