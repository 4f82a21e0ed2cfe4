"""The worst substitute of every word: exact against victims whose words vote for themselves.

Shapes: n texts, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rosearch.attacks.attack import Attack, Outcome, Search
from rosearch.attacks.goals import Goal
from rosearch.attacks.search.greedy import NOISE, ended, fair_options, first_fair
from rosearch.attacks.search.meter import Meter
from rosearch.attacks.search.states import state_of
from rosearch.attacks.steps import Step
from rosearch.tasks.words import Words


@dataclass(frozen=True)
class WorstSwap:
    """Every word takes its worst substitute, the words with the largest effect first.

    First all substitutes of all words are tried on the text as it is; then words are replaced, one
    more at a time, in the order of what they bring. That is the worst case, with the fewest words,
    where logits are a sum over words. Elsewhere further rounds try all substitutes again on the
    text as it is by then, each word keeping what brings most.

    What counts is the margin in logits, not the probability: a victim that is sure of everything,
    for its logits are large, hides nothing by it.

    Attributes:
        rounds: most times that all substitutes are tried.
    """

    rounds: int = 3

    def __call__(self, attack: Attack, text: Words, label: int) -> Search:
        meter = Meter(attack.max_queries)
        state = yield from meter.start(attack.goal, text, label)
        if state.status == "skipped":
            return state
        positions = attack.positions(text)
        for _ in range(self.rounds):
            before = state.perturbed
            swaps = yield from self._worst(attack, meter, text, state, positions, label)
            state = yield from self._swapped(attack, meter, text, state, swaps, label)
            if state.status == "flipped" or meter.exhausted or state.perturbed == before:
                break
        return ended(state, meter)

    def _worst(
        self,
        attack: Attack,
        meter: Meter,
        original: Words,
        state: Outcome,
        positions: Sequence[int],
        label: int,
    ) -> Step[list[tuple[int, str]]]:
        """Position and word of the swaps that bring something, the best of each position, the one
        that brings most first."""
        found = []
        now = margin(state.after[None], label, attack.goal)[0]
        for position in positions:
            if meter.exhausted:
                break
            current = state.perturbed.with_word(position, original.words[position])
            options = yield from fair_options(attack, original, current, position)
            options = [option for option in options if option != state.perturbed]
            tried = yield from meter.ask(options)
            if not len(tried):
                continue
            left = np.round(margin(tried, label, attack.goal), 6)
            ranked = [int(i) for i in np.argsort(left, kind="stable") if left[i] < now - NOISE]
            chosen = yield from first_fair(
                attack.expensive, original, current, options, ranked, position
            )
            if chosen is not None:
                found.append((float(left[chosen]), position, options[chosen].words[position]))
        return [(position, word) for _, position, word in sorted(found, key=lambda one: one[0])]

    def _swapped(
        self,
        attack: Attack,
        meter: Meter,
        original: Words,
        state: Outcome,
        swaps: Sequence[tuple[int, str]],
        label: int,
    ) -> Step[Outcome]:
        """The state after swaps, each kept if it brings the goal nearer."""
        most = attack.max_changed.of(len(original.words))
        for position, word in swaps:
            new = position not in state.path
            if state.status == "flipped" or (new and len(set(state.path)) >= most):
                break
            changed = state.perturbed.with_word(position, word)
            answer = yield from meter.ask([changed])
            if not len(answer):
                break
            now, then = margin(np.stack([state.after, answer[0]]), label, attack.goal)
            if then < now - NOISE:
                path = (*(p for p in state.path if p != position), position)
                state = state_of(attack, changed, state.before, answer[0], path, label)
        return state


def margin(probabilities: np.ndarray, label: int, goal: Goal) -> np.ndarray:
    """How far n texts (n, C) are from the goal in logits, (n,): below 0 where they reach it."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), 1e-300))
    wanted = label if goal.target is None else goal.target
    rest = np.delete(logits, wanted, axis=1).max(1)
    apart: np.ndarray = logits[:, wanted] - rest
    return apart if goal.target is None else -apart
