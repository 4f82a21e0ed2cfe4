"""An attack on texts: its four parts, wired together, and what comes of it for one text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

import numpy as np

from rosearch.attacks.constraints import AT_MOST_ALL, Constraint, MaxChanged, WordConstraint
from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.attacks.goals import UNTARGETED, Goal
from rosearch.attacks.result import Status
from rosearch.attacks.sources import Source
from rosearch.attacks.steps import Step
from rosearch.tasks.words import Words


@dataclass(frozen=True)
class Outcome:
    """How an attack on one text ended.

    Attributes:
        status: `skipped` (misclassified before the attack, or of the target's class), `survived`
            or `flipped` (the goal was reached).
        perturbed: the adversarial text; for a survivor, the text that the search ended with.
        before, after: probabilities (C,) of the original and of the perturbed text.
        queries: texts that the victim was asked about.
        path: positions of the changed words in the order in which they changed.
        exhausted: whether the query budget ended the search.
    """

    status: Status
    perturbed: Words
    before: np.ndarray
    after: np.ndarray
    queries: int
    path: tuple[int, ...] = ()
    exhausted: bool = False


Search: TypeAlias = Step[Outcome]


class AnyAttack(Protocol):
    """What the engine runs: an `Attack` on words, or one on embeddings (`white_box`)."""

    @property
    def name(self) -> str: ...

    def search(self, text: Words, label: int) -> Search:
        """The attack on one text."""
        ...

    def limited(self, name: str, goal: Goal, max_queries: int | None) -> AnyAttack:
        """The same attack under another name, with another goal and query budget."""
        ...


@dataclass(frozen=True)
class Attack:
    """An attack on words: goal, source of substitutions, constraints and search method.

    Attributes:
        source: what a word may be replaced by.
        method: how the texts are walked through, from `rosearch.attacks.search`.
        put: puts a replacement of the word at a position into a text, for greedy methods; by
            default nothing else changes.
        may_change: all must allow a word to change.
        constraints: all must accept a changed text; the cheap ones first.
        max_changed: how many words may change.
        max_queries: query budget per text; None means no budget.
        queries_per_word: further budget, times the words of the text.
    """

    name: str
    source: Source
    method: Callable[[Attack, Words, int], Search]
    may_change: tuple[WordConstraint, ...] = (not_a_stop_word,)
    constraints: tuple[Constraint, ...] = ()
    max_changed: MaxChanged = AT_MOST_ALL
    put: Callable[[Words, int, str], Words] = Words.replaced
    goal: Goal = UNTARGETED
    max_queries: int | None = None
    queries_per_word: int | None = None

    def search(self, text: Words, label: int) -> Search:
        """The search for one adversarial text."""
        if self.queries_per_word is None:
            return self.method(self, text, label)
        budgets = (self.max_queries, max(1, self.queries_per_word * len(text.words)))
        least = min(budget for budget in budgets if budget is not None)
        return self.method(replace(self, max_queries=least), text, label)

    @property
    def expensive(self) -> tuple[Constraint, ...]:
        """The constraints that ask a model."""
        return tuple(c for c in self.constraints if c.expensive)

    def positions(self, text: Words) -> list[int]:
        """Positions of the words that may change and have a source of substitutions."""
        return [
            i
            for i, word in enumerate(text.words)
            if all(allows(word) for allows in self.may_change) and self.source.offers(text, i)
        ]

    def limited(self, name: str, goal: Goal, max_queries: int | None) -> Attack:
        """The same attack under another name, with another goal and query budget."""
        return replace(self, name=name, goal=goal, max_queries=max_queries)
