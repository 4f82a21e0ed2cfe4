"""White-box attacks on token embeddings: their settings and their search. Torch-free.

What is found are vectors, not texts: the bound of what an attacker of that strength could do who
is not held to real words, and a rung of evaluation far cheaper than any search over words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from rosearch.attacks.attack import Outcome, Search
from rosearch.attacks.goals import UNTARGETED, Goal
from rosearch.attacks.search.meter import Meter
from rosearch.attacks.steps import Request
from rosearch.tasks.words import Words

Norm: TypeAlias = Literal["l2", "linf"]


@dataclass(frozen=True)
class Ball:
    """The perturbations that are allowed, and the steps of projected gradient ascent within them.

    Lengths are in units of the victim's own embedding scale, the root mean square distance of its
    embedding rows from their mean (`rosearch.attacks.embedding.scale_of`): the same radius is then
    the same share of the distance between words for a student with PCA embeddings as for its
    teacher. The norm of the rows would not do: an offset that all rows share, as BERT's have, makes
    them long and words no more different.

    Attributes:
        norm: `l2` bounds the L2 norm over all vectors of a text together, as Miyato et al. (2017)
            and FreeLB do; `linf` bounds each component, so that no single token's vector moves by
            more than the radius in L2.
        steps: gradient steps.
        step: length of one step.
        random_start: start at a random point of the ball, seeded by the text, instead of its
            centre.
    """

    norm: Norm
    radius: float
    steps: int
    step: float
    random_start: bool

    def scaled(self, scale: float) -> Ball:
        """The same ball in absolute units."""
        return replace(self, radius=self.radius * scale, step=self.step * scale)


@dataclass(frozen=True)
class WhiteBox:
    """What a request asks of the victim itself: the most damaging point of a ball.

    Items are pairs (text, label), answers probabilities (items, C).
    """

    ball: Ball
    goal: Goal


@dataclass(frozen=True)
class EmbeddingAttack:
    """Gradient ascent on the embeddings of a text; see `Ball` for the settings.

    The text stays as it is: `perturbed` equals the original and no word counts as changed. A query
    is a forward pass: one on the text itself, one per gradient step, one at the last point.
    """

    name: str
    ball: Ball
    goal: Goal = UNTARGETED
    max_queries: int | None = None

    def limited(self, name: str, goal: Goal, max_queries: int | None) -> EmbeddingAttack:
        """The same attack under another name, with another goal and query budget."""
        return replace(self, name=name, goal=goal, max_queries=max_queries)

    def search(self, text: Words, label: int) -> Search:
        """The search for one perturbation that reaches the goal."""
        meter = Meter(self.max_queries)
        state = yield from meter.start(self.goal, text, label)
        if state.status == "skipped":
            return state
        before = state.before
        passes = meter.spend(self.ball.steps + 1)
        if passes < 2:  # not one step
            return Outcome("survived", text, before, before, meter.queries, exhausted=True)
        ball = replace(self.ball, steps=passes - 1)
        answers: np.ndarray = yield Request([(text, label)], white_box=WhiteBox(ball, self.goal))
        reached = bool(self.goal.reached(answers, label)[0])
        exhausted = meter.exhausted and not reached
        status: Literal["flipped", "survived"] = "flipped" if reached else "survived"
        return Outcome(status, text, before, answers[0], meter.queries, exhausted=exhausted)
