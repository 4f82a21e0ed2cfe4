"""The victim's answers to one search: counted, and never more than the budget."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np

from rosearch.attacks.attack import Outcome
from rosearch.attacks.goals import Goal
from rosearch.attacks.steps import Request, Step
from rosearch.tasks.words import Words

CHUNK = 256  # texts asked about at once


class Meter:
    """Counts the queries of the attack on one text.

    Attributes:
        queries: texts asked about so far.
        exhausted: whether a text was left unasked for lack of budget.
    """

    def __init__(self, max_queries: int | None) -> None:
        self.max_queries = max_queries
        self.queries = 0
        self.exhausted = False

    def start(self, goal: Goal, text: Words, label: int) -> Step[Outcome]:
        """Ask about a text as it is: the state that a search starts from.

        It is `skipped`, and then the outcome, where there is nothing to attack.
        """
        before = (yield from self.ask([text]))[0]
        if goal.attackable(before, label):
            return Outcome("survived", text, before, before, 0)
        return Outcome("skipped", text, before, before, self.queries)

    def ask(self, texts: Iterable[Words]) -> Step[np.ndarray]:
        """Probabilities (n, C) of the first n texts: of all of them, or as many as are allowed.

        Texts are drawn and asked about `CHUNK` at a time: a long text has tens of thousands of
        changed ones, each as long.
        """
        waiting = iter(texts)
        found: list[np.ndarray] = []
        while chunk := list(islice(waiting, CHUNK)):
            allowed = self.spend(len(chunk))
            if allowed:
                answers: np.ndarray = yield Request(chunk[:allowed])
                found.append(answers)
            if allowed < len(chunk):
                break
        return np.concatenate(found) if found else np.zeros((0, 0), dtype=np.float32)

    def spend(self, wanted: int) -> int:
        """Count up to `wanted` queries: how many of them the budget allows."""
        allowed = wanted
        if self.max_queries is not None and self.queries + wanted > self.max_queries:
            allowed = self.max_queries - self.queries
            self.exhausted = True
        self.queries += allowed
        return allowed
