"""The victim's answers to one search: counted, and never more than the budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rosearch.attack.steps import Request, Step
from rosearch.attack.text import Words


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

    def ask(self, texts: Sequence[Words]) -> Step[np.ndarray]:
        """Probabilities (n, C) of the first n texts: of all of them, or as many as are allowed."""
        allowed = len(texts)
        if self.max_queries is not None and self.queries + allowed > self.max_queries:
            allowed = self.max_queries - self.queries
            self.exhausted = True
        if not allowed:
            return np.zeros((0, 0), dtype=np.float32)
        self.queries += allowed
        answers: np.ndarray = yield Request(texts[:allowed])
        return answers
