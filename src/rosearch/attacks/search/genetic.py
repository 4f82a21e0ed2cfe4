"""Genetic search over word swaps (Alzantot et al. 2018). Shapes: P members, C classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from rosearch.attacks.attack import Attack, Outcome, Search
from rosearch.attacks.search.greedy import NOISE, ended, fair_options, first_fair
from rosearch.attacks.search.meter import Meter
from rosearch.attacks.search.states import distance, offered, state_of
from rosearch.attacks.seeding import generator_of
from rosearch.attacks.steps import Step
from rosearch.tasks.words import Words

Probabilities: TypeAlias = dict[Words, np.ndarray]


@dataclass(frozen=True)
class Genetic:
    """A population of changed texts: the best is kept, the others are crossed and changed further.

    Parents are drawn with probability proportional to exp(-distance / temperature); a child takes
    each changed word from either parent; then a random word, drawn with probability proportional
    to the number of its options, takes its best option, if that is an improvement (section 3.2,
    `Perturb` and algorithm 1). All draws depend on the text alone.

    Attributes:
        size, generations: 60 and 20 in the paper.
        temperature: 0.3 in the authors' code and in TextAttack's.
        options: of a word that are tried, N = 8 in the paper.
    """

    size: int = 60
    generations: int = 20
    temperature: float = 0.3
    options: int = 8

    def __call__(self, attack: Attack, text: Words, label: int) -> Search:
        meter = Meter(attack.max_queries)
        best = yield from meter.start(attack.goal, text, label)
        if best.status == "skipped":
            return best
        found = yield from offered(attack, text)
        if not found:
            return ended(best, meter)
        weights = {position: min(n, self.options) for position, n in found.items()}
        evolution = _Evolution(self, attack, meter, text, label, weights)
        members = [best] * self.size
        for generation in range(self.generations + 1):
            if generation:
                members = yield from evolution.crossed(members)
            members = yield from evolution.perturbed(members)
            members = sorted(members, key=evolution.distance)  # stable, so the elite stays first
            if members[0].status == "flipped" or meter.exhausted:
                break
        return ended(members[0], meter)


class _Evolution:
    """The steps of the genetic search on one text.

    Attributes:
        weights: position -> how likely it is drawn.
    """

    def __init__(
        self,
        method: Genetic,
        attack: Attack,
        meter: Meter,
        text: Words,
        label: int,
        weights: Mapping[int, int],
    ) -> None:
        self.method, self.attack, self.meter = method, attack, meter
        self.text, self.label, self.weights = text, label, weights
        self.most = attack.max_changed.of(len(text.words))
        self.rng = generator_of(text)

    def distance(self, member: Outcome) -> float:
        """How far a member is from the goal."""
        return distance(self.attack, member, self.label)

    def perturbed(self, members: Sequence[Outcome]) -> Step[list[Outcome]]:
        """Each member with the best option of a random word, if that brings it nearer."""
        positions = [self._drawn(member) for member in members]
        tried: dict[tuple[Words, int], list[Words]] = {}
        for member, position in zip(members, positions, strict=True):
            if position is not None and (member.perturbed, position) not in tried:
                options = yield from fair_options(
                    self.attack, self.text, member.perturbed, position
                )
                tried[member.perturbed, position] = options[: self.method.options]
        answers = yield from self._ask(o for options in tried.values() for o in options)
        changed: list[Outcome] = []
        made: dict[tuple[Words, int], Outcome] = {}
        for member, position in zip(members, positions, strict=True):
            key = None if position is None else (member.perturbed, position)
            if key is not None and key not in made:
                made[key] = yield from self._best(member, key[1], tried[key], answers)
            changed.append(member if key is None else made[key])
        return changed

    def crossed(self, members: Sequence[Outcome]) -> Step[list[Outcome]]:
        """The best member, and children of random parents; `members` come best first."""
        far = np.array([self.distance(m) for m in members])
        chances = np.exp(-(far - far.min()) / self.method.temperature)
        chances /= chances.sum()
        n = len(members)
        mothers = self.rng.choice(n, n - 1, p=chances)
        fathers = self.rng.choice(n, n - 1, p=chances)
        texts = []
        for a, b in zip(mothers, fathers, strict=True):
            texts.append((yield from self._child(members[a].perturbed, members[b].perturbed)))
        answers = yield from self._ask(text for text, _ in texts)
        before = members[0].before
        return [members[0]] + [
            self._member(text, before, answers[text], path)
            for text, path in texts
            if text in answers
        ]

    def _child(self, mother: Words, father: Words) -> Step[tuple[Words, tuple[int, ...]]]:
        """Each word from one of two texts, as far as limits and constraints allow; and its path."""
        either = sorted({*self.text.changed(mother), *self.text.changed(father)})
        parents = [(mother, father)[i] for i in self.rng.integers(2, size=len(either))]
        changes = [
            (position, parent.words[position])
            for position, parent in zip(either, parents, strict=True)
            if parent.words[position] != self.text.words[position]
        ]
        if len(changes) > self.most:
            kept = self.rng.choice(len(changes), self.most, replace=False)
            changes = [changes[i] for i in sorted(kept)]
        child, path = self.text, []
        for position, word in changes:
            option = child.with_word(position, word)
            constraints = self.attack.constraints
            fair = yield from first_fair(constraints, self.text, child, [option], [0], position)
            if fair is not None:
                child = option
                path.append(position)
        return child, tuple(path)

    def _drawn(self, member: Outcome) -> int | None:
        """A random word that has not changed, if any more may change."""
        positions = [position for position in self.weights if position not in member.path]
        if not positions or len(member.path) >= self.most:
            return None
        chances = np.array([self.weights[position] for position in positions], dtype=float)
        return positions[int(self.rng.choice(len(positions), p=chances / chances.sum()))]

    def _best(
        self, member: Outcome, position: int, options: Sequence[Words], answers: Probabilities
    ) -> Step[Outcome]:
        """The member with its most damaging option at `position`, or as it was."""
        known = [o for o in options if o in answers]
        if not known:
            return member
        before, now = member.before, self.distance(member)
        made = [self._member(o, before, answers[o], (*member.path, position)) for o in known]
        far = np.array([self.distance(m) for m in made])
        better = [int(i) for i in np.argsort(far, kind="stable") if far[i] < now - NOISE]
        chosen = yield from first_fair(
            self.attack.expensive, self.text, member.perturbed, known, better, position
        )
        return member if chosen is None else made[chosen]

    def _member(
        self, text: Words, before: np.ndarray, after: np.ndarray, path: tuple[int, ...]
    ) -> Outcome:
        return state_of(self.attack, text, before, after, path, self.label)

    def _ask(self, texts: Iterable[Words]) -> Step[Probabilities]:
        """The victim's answers, each text asked about once, as many as the budget allows."""
        once = list(dict.fromkeys(texts))
        found = yield from self.meter.ask(once)
        return dict(zip(once, found, strict=False))
