"""The engine: all searches advance together, their requests go to each model in large batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rosearch.attack.attack import Attack, Outcome, Search, Status
from rosearch.attack.steps import Model, Request
from rosearch.attack.text import Words, segment
from rosearch.attack.victim import Victim
from rosearch.types import Robustness

WINDOW = 512  # texts under attack at the same time: bounds memory, keeps batches full


@dataclass(frozen=True)
class AttackResult:
    """One attacked text. Probabilities are tuples over the classes.

    Attributes:
        index: position among the attacked texts.
        attack: the attack that flipped the text, else the last one that it survived.
        changed: positions of the changed words.
        path: the same positions in the order in which they were changed.
        words: the new words, in the order of the path.
        exhausted: whether the query budget ended the search.
    """

    index: int
    label: int
    attack: str
    status: Status
    original: str
    perturbed: str
    changed: tuple[int, ...]
    path: tuple[int, ...]
    words: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    queries: int
    exhausted: bool


OnResult = Callable[[AttackResult], None]


@dataclass
class _Live:
    """A text under attack."""

    original: Words
    label: int
    search: Search
    request: Request


def iterate_attack(
    attack: Attack, victim: Victim, examples: Iterable[tuple[str, int]], window: int = WINDOW
) -> Iterator[AttackResult]:
    """Attack texts with their labels; results as they finish.

    Memory does not grow with the number of texts: at most `window` are read ahead.

    Args:
        window: number of texts that advance together; 1 attacks them one by one.
    """
    waiting = enumerate(examples)
    live: dict[int, _Live] = {}
    while True:
        for i, (text, label) in waiting:
            original = segment(text)
            search = attack.search(original, label)
            live[i] = _Live(original, label, search, next(search))
            if len(live) >= window:
                break
        if not live:
            return
        for i, answer in _answers(live, victim):
            one = live[i]
            try:
                one.request = one.search.send(answer)
            except StopIteration as stop:
                del live[i]
                yield _result(i, attack.name, one, stop.value)


def run_attack(
    attack: Attack,
    victim: Victim,
    texts: Sequence[str],
    labels: Sequence[int],
    on_result: OnResult | None = None,
    window: int = WINDOW,
) -> list[AttackResult]:
    """Attack every text; results in the order of the texts.

    Args:
        on_result: called once per finished text, in the order in which they finish.
    """
    done: list[AttackResult] = []
    for result in iterate_attack(attack, victim, zip(texts, labels, strict=True), window):
        done.append(result)
        if on_result:
            on_result(result)
    return sorted(done, key=lambda r: r.index)


def run_suite(
    attacks: Sequence[Attack],
    victim: Victim,
    texts: Sequence[str],
    labels: Sequence[int],
    on_result: OnResult | None = None,
) -> list[AttackResult]:
    """The worst case per text: each attack is tried on the texts that survived those before it.

    Queries add up over the attacks. `on_result` is called once per text and attack.
    """
    worst: dict[int, AttackResult] = {}
    left: Sequence[int] = range(len(texts))
    for attack in attacks:
        results = run_attack(
            attack, victim, [texts[i] for i in left], [labels[i] for i in left], on_result
        )
        for i, result in zip(left, results, strict=True):
            spent = worst[i].queries if i in worst else 0
            worst[i] = replace(result, index=i, queries=result.queries + spent)
        left = [i for i in left if worst[i].status == "survived"]
    return [worst[i] for i in range(len(texts))]


def robustness(attack: str, results: Sequence[AttackResult]) -> Robustness:
    """Counts of an attack's results."""
    return Robustness(
        attack=attack,
        n=len(results),
        correct=sum(r.status != "skipped" for r in results),
        survived=sum(r.status == "survived" for r in results),
        queries=sum(r.queries for r in results),
    )


def _answers(live: dict[int, _Live], victim: Victim) -> list[tuple[int, Any]]:
    """The answers to what every text asks, each model being called once."""
    asking: dict[Model | None, list[int]] = {}
    for i, one in live.items():
        asking.setdefault(one.request.model, []).append(i)
    found: list[tuple[int, Any]] = []
    for model, indices in asking.items():
        items = [item for i in indices for item in live[i].request.items]
        answers = (victim.probabilities if model is None else model)(items)
        start = 0
        for i in indices:
            end = start + len(live[i].request.items)
            found.append((i, answers[start:end]))
            start = end
    return found


def _result(i: int, attack: str, one: _Live, outcome: Outcome) -> AttackResult:
    return AttackResult(
        index=i,
        label=one.label,
        attack=attack,
        status=outcome.status,
        original=one.original.text,
        perturbed=outcome.perturbed.text,
        changed=tuple(sorted(outcome.path)),
        path=outcome.path,
        words=tuple(outcome.perturbed.words[i] for i in outcome.path),
        before=_plain(outcome.before),
        after=_plain(outcome.after),
        queries=outcome.queries,
        exhausted=outcome.exhausted,
    )


def _plain(probabilities: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(p), 6) for p in probabilities)
