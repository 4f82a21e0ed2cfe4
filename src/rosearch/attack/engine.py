"""The engine: all searches advance together, their queries go to the victim in large batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rosearch.attack.methods import Attack
from rosearch.attack.search import Outcome, Search, Status
from rosearch.attack.text import Words, segment
from rosearch.attack.victim import Victim
from rosearch.types import Robustness

WINDOW = 512  # texts under attack at the same time: bounds memory, keeps batches full


@dataclass(frozen=True)
class AttackResult:
    """One attacked text. Probabilities are tuples over the classes."""

    index: int
    label: int
    status: Status
    original: str
    perturbed: str
    changed: tuple[int, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    queries: int
    exhausted: bool


def run_attack(
    attack: Attack,
    victim: Victim,
    texts: Sequence[str],
    labels: Sequence[int],
    on_result: Callable[[AttackResult], None] | None = None,
    window: int = WINDOW,
) -> list[AttackResult]:
    """Attack every text; results in the order of the texts.

    Args:
        on_result: called once per finished text, in the order in which they finish.
        window: number of texts that advance together; 1 attacks them one by one.
    """
    originals = [segment(text) for text in texts]
    waiting: Iterator[int] = iter(range(len(texts)))
    live: dict[int, tuple[Search, Sequence[Words]]] = {}
    done: dict[int, AttackResult] = {}
    while True:
        for i in waiting:
            search = attack.search(originals[i], labels[i])
            live[i] = (search, next(search))
            if len(live) >= window:
                break
        if not live:
            return [done[i] for i in range(len(texts))]
        answers = victim.probabilities([q for _, asked in live.values() for q in asked])
        start = 0
        for i, (search, asked) in list(live.items()):
            mine = answers[start : start + len(asked)]
            start += len(asked)
            try:
                live[i] = (search, search.send(mine))
            except StopIteration as stop:
                del live[i]
                done[i] = _result(i, originals[i], labels[i], stop.value)
                if on_result:
                    on_result(done[i])


def robustness(attack: str, results: Sequence[AttackResult]) -> Robustness:
    """Counts of an attack's results."""
    return Robustness(
        attack=attack,
        n=len(results),
        correct=sum(r.status != "skipped" for r in results),
        survived=sum(r.status == "survived" for r in results),
        queries=sum(r.queries for r in results),
    )


def _result(i: int, original: Words, label: int, outcome: Outcome) -> AttackResult:
    return AttackResult(
        index=i,
        label=label,
        status=outcome.status,
        original=original.text,
        perturbed=outcome.perturbed.text,
        changed=original.changed(outcome.perturbed),
        before=_plain(outcome.before),
        after=_plain(outcome.after),
        queries=outcome.queries,
        exhausted=outcome.exhausted,
    )


def _plain(probabilities: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(p), 6) for p in probabilities)
