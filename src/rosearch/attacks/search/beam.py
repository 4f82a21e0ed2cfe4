"""Beam search over word swaps. Shapes: n children, C classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rosearch.attacks.attack import Attack, Outcome, Search
from rosearch.attacks.search.greedy import NOISE, ended, fair_options, first_fair
from rosearch.attacks.search.meter import CHUNK, Meter
from rosearch.attacks.search.states import distance, state_of
from rosearch.attacks.steps import Step
from rosearch.tasks.words import Words


@dataclass(frozen=True)
class Child:
    """A text of the beam with one more word changed; the text itself is made anew when needed."""

    parent: Outcome
    position: int
    word: str
    after: np.ndarray

    @property
    def text(self) -> Words:
        """The changed text."""
        return self.parent.perturbed.with_word(self.position, self.word)


@dataclass(frozen=True)
class Beam:
    """In each step all swaps of all words are tried, and the `width` most damaging texts go on.

    A swap must bring its text nearer to the goal. With width 1 this is greedy best improvement,
    TextAttack's `GreedySearch`.
    """

    width: int

    def __call__(self, attack: Attack, text: Words, label: int) -> Search:
        meter = Meter(attack.max_queries)
        best = yield from meter.start(attack.goal, text, label)
        if best.status == "skipped":
            return best
        positions = attack.positions(text)
        beam = [best]
        while beam and best.status == "survived" and not meter.exhausted:
            if len(beam[0].path) >= attack.max_changed.of(len(text.words)):
                break
            children = yield from self._children(attack, meter, text, beam, positions)
            beam = yield from self._kept(attack, text, children, label)
            best = min([best, *beam], key=lambda s: distance(attack, s, label))
        return ended(best, meter)

    def _children(
        self,
        attack: Attack,
        meter: Meter,
        text: Words,
        beam: Sequence[Outcome],
        positions: Sequence[int],
    ) -> Step[list[Child]]:
        """All texts one swap away from the beam, with the victim's answers; none of them twice."""
        seen: set[frozenset[tuple[int, str]]] = set()
        found: list[Child] = []
        waiting: list[tuple[Outcome, int, Words]] = []
        for parent, position in untouched(beam, positions):
            options = yield from fair_options(attack, text, parent.perturbed, position)
            changes = {(i, parent.perturbed.words[i]) for i in parent.path}
            for option in options:
                key = frozenset({*changes, (position, option.words[position])})
                if key not in seen:
                    seen.add(key)
                    waiting.append((parent, position, option))
            if len(waiting) >= CHUNK:
                found += yield from _asked(meter, waiting)
                waiting = []
            if meter.exhausted:
                return found
        found += yield from _asked(meter, waiting)
        return found

    def _kept(
        self, attack: Attack, text: Words, children: Sequence[Child], label: int
    ) -> Step[list[Outcome]]:
        """The best children that all expensive constraints accept, the best first."""
        if not children:
            return []
        after = np.stack([child.after for child in children])
        far = np.round(attack.goal.distance(after, label), 6)
        reached = attack.goal.reached(after, label)
        kept: list[Outcome] = []
        for i in np.lexsort((far, ~reached)):
            child = children[int(i)]
            if not reached[i] and far[i] >= distance(attack, child.parent, label) - NOISE:
                continue
            current = child.parent.perturbed
            fair = yield from first_fair(
                attack.expensive, text, current, [child.text], [0], child.position
            )
            if fair is not None:
                path, before = (*child.parent.path, child.position), child.parent.before
                kept.append(state_of(attack, child.text, before, child.after, path, label))
                if reached[i] or len(kept) == self.width:
                    break
        return kept


def untouched(beam: Sequence[Outcome], positions: Sequence[int]) -> Iterator[tuple[Outcome, int]]:
    """Every text of the beam with every position that has not changed in it."""
    for parent in beam:
        for position in positions:
            if position not in parent.path:
                yield parent, position


def _asked(meter: Meter, waiting: Sequence[tuple[Outcome, int, Words]]) -> Step[list[Child]]:
    """Children with their answers: as many of those that wait as the budget allows."""
    answers = yield from meter.ask([option for _, _, option in waiting])
    return [
        Child(parent, position, option.words[position], after)
        for (parent, position, option), after in zip(waiting, answers, strict=False)
    ]
