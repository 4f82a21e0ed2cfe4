"""Every word at once: whole texts instead of a walk from word to word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rosearch.attacks.attack import Attack, Outcome, Search
from rosearch.attacks.search.greedy import ended
from rosearch.attacks.search.meter import Meter
from rosearch.tasks.words import Words


@dataclass(frozen=True)
class AtOnce:
    """The first option of every word, then the second one of every word, and so on; then other gaps
    between all of them. The most damaging of these texts is kept.

    Constraints on single words are not asked. Of a source whose words have equally many options.

    Attributes:
        gaps: that stand in the place of spaces.
    """

    gaps: tuple[str, ...] = ()

    def __call__(self, attack: Attack, text: Words, label: int) -> Search:
        meter = Meter(attack.max_queries)
        state = yield from meter.start(attack.goal, text, label)
        if state.status == "skipped":
            return state
        positions = attack.positions(text)
        if not positions or len(positions) > attack.max_changed.of(len(text.words)):
            return ended(state, meter)
        options = []
        for i in positions:
            options.append((yield from attack.source.options(text, i)))
        whole = []
        for one in zip(*options, strict=True):
            new = dict(zip(positions, one, strict=True))
            words = tuple(new.get(i, word) for i, word in enumerate(text.words))
            whole.append(Words(words, text.gaps, text.first))
        if " " in text.gaps:
            whole += [_with_gaps(text, gap) for gap in self.gaps]
        tried = yield from meter.ask(whole)
        if not len(tried):
            return ended(state, meter)
        reached = attack.goal.reached(tried, label)
        # Four digits, so that of texts that are read alike it is the first one.
        far = np.round(attack.goal.distance(tried, label), 4)
        best = int(np.lexsort((far, ~reached))[0])
        found = Outcome(
            "flipped" if reached[best] else "survived",
            whole[best],
            state.before,
            tried[best],
            0,
            text.changed(whole[best]) or tuple(positions),
        )
        return ended(found, meter)


def _with_gaps(text: Words, gap: str) -> Words:
    """A text with something else than spaces between words; with nothing, the first word of several
    is all of them."""
    gaps, words = [gap if own == " " else own for own in text.gaps], list(text.words)
    for i in range(len(words) - 2, -1, -1):
        if not gaps[i + 1]:
            words[i : i + 2] = words[i] + words[i + 1], ""
    return Words(tuple(words), tuple(gaps), text.first)
