"""Greedy word substitution: the most important word first, the most damaging option kept.

Shapes: n options, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rosearch.attacks.attack import Attack, Outcome, Search
from rosearch.attacks.constraints import Constraint
from rosearch.attacks.result import Status
from rosearch.attacks.search.meter import Meter
from rosearch.attacks.search.order import Order, by_deletion
from rosearch.attacks.steps import Step
from rosearch.tasks.words import Words

# A drop smaller than this is rounding noise: batches of another shape must not change a choice.
NOISE = 1e-6


@dataclass(frozen=True)
class Greedy:
    """Greedy word swap in the order of word importance (Jin et al. 2020, TextFooler, section 3).

    Word by word, every substitution is tried; a flip ends the search, else the most damaging one is
    kept.

    Departure: only words that have substitutions are ranked (same successes, 3 % fewer queries).

    Attributes:
        order: the importance of words.
        best_flip: which of several flips is taken: the most damaging one, or the one of the highest
            quality by the expensive constraints (TextFooler's most similar one).
        beats: what a change that flips nothing must be nearer to the goal than: the `current` text,
            or the `original` one, as TextFooler's code has it.
    """

    order: Order = by_deletion
    best_flip: Literal["damage", "quality"] = "damage"
    beats: Literal["current", "original"] = "current"

    def __call__(self, attack: Attack, text: Words, label: int) -> Search:
        meter = Meter(attack.max_queries)
        state = yield from meter.start(attack.goal, text, label)
        if state.status == "skipped":
            return state
        positions = attack.positions(text)
        scores = yield from self.order(attack, meter, text, positions, state.before, label)
        most = attack.max_changed.of(len(text.words))
        for rank in np.argsort(-scores, kind="stable"):
            if len(state.path) >= most or state.status == "flipped" or meter.exhausted:
                break
            state = yield from self._change(attack, meter, text, state, positions[int(rank)], label)
        return ended(state, meter)

    def _change(
        self,
        attack: Attack,
        meter: Meter,
        original: Words,
        state: Outcome,
        position: int,
        label: int,
    ) -> Step[Outcome]:
        """The state after the word at `position` was tried: changed, if there is a good option."""
        current = state.perturbed
        options = yield from fair_options(attack, original, current, position)
        tried = yield from meter.ask(options)
        options = options[: len(tried)]
        if not options:
            return state
        far = np.round(attack.goal.distance(tried, label), 6)
        reached = attack.goal.reached(tried, label)
        standard = state.after if self.beats == "current" else state.before
        now = float(attack.goal.distance(standard[None], label)[0])
        by_damage = [int(i) for i in np.lexsort((far, ~reached))]
        flips = [i for i in by_damage if reached[i]]
        others = [i for i in by_damage if not reached[i] and far[i] < now - NOISE]
        if self.best_flip == "quality":
            chosen = yield from best_of(
                attack.expensive, original, current, options, flips, position
            )
        else:
            chosen = yield from first_fair(
                attack.expensive, original, current, options, flips, position
            )
        if chosen is None:
            chosen = yield from first_fair(
                attack.expensive, original, current, options, others, position
            )
        if chosen is None:
            return state
        status: Status = "flipped" if reached[chosen] else "survived"
        path = (*state.path, *current.changed(options[chosen]))
        return Outcome(status, options[chosen], state.before, tried[chosen], 0, path)


def ended(state: Outcome, meter: Meter) -> Outcome:
    """The outcome of a search in its last state."""
    exhausted = meter.exhausted and state.status == "survived"
    s = state
    return Outcome(s.status, s.perturbed, s.before, s.after, meter.queries, s.path, exhausted)


def fair_options(
    attack: Attack, original: Words, current: Words, position: int
) -> Step[list[Words]]:
    """The current text with its word at `position` replaced in all ways that pass cheap checks."""
    words = yield from attack.source.options(current, position)
    options = [attack.put(current, position, word) for word in words]
    for constraint in attack.constraints:
        if not constraint.expensive and options:
            verdict = yield from constraint.judge(original, current, options, position)
            options = [o for o, ok in zip(options, verdict.ok, strict=True) if ok]
    return options


def first_fair(
    expensive: Sequence[Constraint],
    original: Words,
    current: Words,
    options: Sequence[Words],
    order: Sequence[int],
    position: int,
) -> Step[int | None]:
    """The first of the options, taken in `order`, that all expensive constraints accept."""
    for i in order:
        for constraint in expensive:
            verdict = yield from constraint.judge(original, current, [options[i]], position)
            if not verdict.ok[0]:
                break
        else:
            return i
    return None


def best_of(
    expensive: Sequence[Constraint],
    original: Words,
    current: Words,
    options: Sequence[Words],
    among: Sequence[int],
    position: int,
) -> Step[int | None]:
    """The option of the highest quality that expensive constraints accept; ties by the order."""
    left, quality = list(among), np.zeros(len(options))
    for constraint in expensive:
        if not left:
            return None
        judged = [options[i] for i in left]
        verdict = yield from constraint.judge(original, current, judged, position)
        quality[left] += verdict.quality
        left = [i for i, ok in zip(left, verdict.ok, strict=True) if ok]
    return max(left, key=lambda i: quality[i], default=None)
