"""Probability-weighted word saliency: all words are judged in the original text, then replaced.

Shapes: n positions, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rosearch.attacks.attack import Attack, Outcome, Search
from rosearch.attacks.search.greedy import ended, fair_options, first_fair
from rosearch.attacks.search.meter import Meter
from rosearch.attacks.search.order import UNKNOWN
from rosearch.attacks.steps import Step
from rosearch.tasks.words import Words


@dataclass(frozen=True)
class WeightedSaliency:
    """Words in the order of softmax(saliency) times their best drop (Ren et al. 2019, section 3.2).

    The saliency of a word is what the goal comes nearer when the word is unknown; its drop, what it
    comes nearer by the word's best substitution. Both are measured on the original text. Then words
    are replaced in that order, the victim being asked after each, until the goal is reached.

    Departures: saliency is measured for words that have substitutions only (a softmax over more
    words scales all alike, so the order is the same). With expensive constraints a word takes its
    most damaging substitution that they accept in the original text, and a replacement that they
    refuse in the text as it is by then is left out.
    """

    def __call__(self, attack: Attack, text: Words, label: int) -> Search:
        meter = Meter(attack.max_queries)
        state = yield from meter.start(attack.goal, text, label)
        if state.status == "skipped":
            return state
        before = state.before
        positions = attack.positions(text)
        unknown = yield from meter.ask(text.with_word(i, UNKNOWN) for i in positions)
        start = attack.goal.distance(before[None], label)[0]
        saliency = np.zeros(0) if not len(unknown) else start - attack.goal.distance(unknown, label)
        best: dict[int, tuple[str, float]] = {}
        for position in positions[: len(saliency)]:
            if found := (yield from _best(attack, meter, text, position, before, label)):
                best[position] = found
        weight = dict(zip(positions, np.exp(saliency), strict=False))
        score = {p: round(float(weight[p] * drop), 6) for p, (_, drop) in best.items()}
        order = sorted(best, key=lambda position: -score[position])
        words = {position: word for position, (word, _) in best.items()}
        return ended((yield from _replace(attack, meter, state, order, words, label)), meter)


def _best(
    attack: Attack, meter: Meter, text: Words, position: int, before: np.ndarray, label: int
) -> Step[tuple[str, float] | None]:
    """The most damaging fair substitution of a word in the original text, and its drop."""
    options = yield from fair_options(attack, text, text, position)
    tried = yield from meter.ask(options)
    if not len(tried):
        return None
    start = attack.goal.distance(before[None], label)[0]
    drops = np.round(start - attack.goal.distance(tried, label), 6)
    ranked = [int(i) for i in np.argsort(-drops, kind="stable")]
    chosen = yield from first_fair(attack.expensive, text, text, options, ranked, position)
    return None if chosen is None else (options[chosen].words[position], float(drops[chosen]))


def _replace(
    attack: Attack,
    meter: Meter,
    state: Outcome,
    order: Sequence[int],
    words: dict[int, str],
    label: int,
) -> Step[Outcome]:
    """Replace words in order until the goal is reached or no more may change."""
    original = state.perturbed
    most = attack.max_changed.of(len(original.words))
    for position in order:
        if len(state.path) >= most:
            break
        current = state.perturbed
        changed = current.with_word(position, words[position])
        if state.path:  # the first one was found fair in this very text
            fair = yield from first_fair(
                attack.constraints, original, current, [changed], [0], position
            )
            if fair is None:
                continue
        answer = yield from meter.ask([changed])
        if not len(answer):
            break
        reached = bool(attack.goal.reached(answer, label)[0])
        path = (*state.path, position)
        state = Outcome(
            "flipped" if reached else "survived", changed, state.before, answer[0], 0, path
        )
        if reached:
            break
    return state
