"""Random substitutions: the bar that every search must pass."""

from __future__ import annotations

import numpy as np

from rosearch.attacks.attack import Attack, Outcome, Search
from rosearch.attacks.search.greedy import ended, fair_options, first_fair
from rosearch.attacks.search.meter import Meter
from rosearch.attacks.search.states import distance, offered, state_of
from rosearch.attacks.seeding import generator_of
from rosearch.attacks.steps import Step
from rosearch.tasks.words import Words


class RandomWalk:
    """Random words replaced by random options, one by one, started anew when no more may change.

    It ends with a flip, or after as many queries as a greedy search that tries every option of
    every word. Of a survivor, the most damaging text met is kept.
    """

    def __call__(self, attack: Attack, text: Words, label: int) -> Search:
        meter = Meter(attack.max_queries)
        unchanged = yield from meter.start(attack.goal, text, label)
        if unchanged.status == "skipped":
            return unchanged
        rng = generator_of(text)
        options = yield from offered(attack, text)
        positions = list(options)
        most = attack.max_changed.of(len(text.words))
        state = worst = unchanged
        left: list[int] = []
        for _ in range(len(positions) + sum(options.values())):  # the queries of the greedy search
            if meter.exhausted:
                break
            if not left or len(state.path) >= most:
                state, left = unchanged, [positions[i] for i in rng.permutation(len(positions))]
            state = yield from _step(attack, meter, text, state, left.pop(), label, rng)
            if state.status == "flipped":
                return ended(state, meter)
            worst = min(worst, state, key=lambda s: distance(attack, s, label))
        return ended(worst, meter)


def _step(
    attack: Attack,
    meter: Meter,
    text: Words,
    state: Outcome,
    position: int,
    label: int,
    rng: np.random.Generator,
) -> Step[Outcome]:
    """The state after a random change at `position`, or the same one if constraints refuse it."""
    current = state.perturbed
    options = yield from fair_options(attack, text, current, position)
    if not options:
        return state
    drawn = [options[int(rng.integers(len(options)))]]
    answers = yield from meter.ask(drawn)
    chosen = yield from first_fair(
        attack.expensive, text, current, drawn, range(len(answers)), position
    )
    if chosen is None:
        return state
    return state_of(attack, drawn[0], state.before, answers[0], (*state.path, position), label)
