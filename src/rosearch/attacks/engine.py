"""The engine: all searches advance together, their requests go to each model in large batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from rosearch.attacks.attack import AnyAttack, Attack, Outcome, Search
from rosearch.attacks.gradients import damaged
from rosearch.attacks.result import AttackResult
from rosearch.attacks.steps import Items, Model, Replies, Request
from rosearch.attacks.white_box import WhiteBox
from rosearch.io.progress import no_progress, stage
from rosearch.models.classifier import Classifier
from rosearch.tasks.words import Words, segment
from rosearch.types import Text

WINDOW = 512  # texts under attack at the same time: bounds memory, keeps batches full


@dataclass
class _Live:
    """A text under attack."""

    original: Words
    label: int
    search: Search
    request: Request


def iterate_attack(
    attack: AnyAttack,
    victim: Classifier,
    examples: Iterable[tuple[Text, int]],
    window: int = WINDOW,
) -> Iterator[AttackResult]:
    """Attack texts or pairs with their labels; results as they finish.

    Memory does not grow with the number of texts: at most `window` are read ahead.

    Args:
        window: number of texts that advance together; 1 attacks them one by one.
    """
    waiting = enumerate(examples)
    live: dict[int, _Live] = {}
    while True:
        for i, (text, label) in islice(waiting, window - len(live)):
            original = segment(text)
            search = attack.search(original, label)
            live[i] = _Live(original, label, search, next(search))
        if not live:
            return
        for i, answer in _answers(live, victim):
            one = live[i]
            try:
                one.request = one.search.send(answer)
            except StopIteration as stop:
                del live[i]
                yield _result(i, attack, one, stop.value)


def iterate_suite(
    attacks: Sequence[AnyAttack],
    victim: Classifier,
    examples: Iterable[tuple[Text, int]],
    window: int = WINDOW,
) -> Iterator[AttackResult]:
    """The worst case per text: each attack is tried on the texts that survived those before it.

    Queries add up over the attacks. Texts are read `window` at a time if there are several attacks.
    """
    if len(attacks) == 1:
        yield from iterate_attack(attacks[0], victim, examples, window)
        return
    numbered = enumerate(examples)
    while left := list(islice(numbered, window)):
        spent = dict.fromkeys((i for i, _ in left), 0)
        for attack in attacks:
            survivors = set()
            for result in iterate_attack(attack, victim, [example for _, example in left], window):
                i = left[result.index][0]
                spent[i] += result.queries
                if result.status == "survived" and attack is not attacks[-1]:
                    survivors.add(i)
                else:
                    yield replace(
                        result,
                        index=i,
                        queries=spent[i],
                        unchangeable=all(unchangeable(a, result.original) for a in attacks),
                    )
            left = [one for one in left if one[0] in survivors]


def attacked(
    attacks: AnyAttack | Sequence[AnyAttack],
    victim: Classifier,
    texts: Sequence[Text],
    labels: Sequence[int],
    window: int = WINDOW,
    done: Mapping[int, AttackResult] | None = None,
    on_result: Callable[[AttackResult], object] | None = None,
    title: str | None = None,
) -> list[AttackResult]:
    """One result for each text, in their order, of an attack or of the attacks of a suite.

    Args:
        labels: as the victim numbers them.
        window: see `iterate_attack`.
        done: results that are there already, by position; these texts are not attacked again.
        on_result: gets every new result as soon as it is there.
        title: of a progress bar; None shows none.
    """
    suite = attacks if isinstance(attacks, Sequence) else [attacks]
    found = dict(done or {})
    left = [i for i in range(len(texts)) if i not in found]
    survived = sum(r.status == "survived" for r in found.values())
    with stage(title, len(texts)) if title else nullcontext(no_progress) as advance:
        advance(len(found), "")
        for result in iterate_suite(suite, victim, [(texts[i], labels[i]) for i in left], window):
            i = left[result.index]
            found[i] = result if i == result.index else replace(result, index=i)
            survived += result.status == "survived"
            if on_result is not None:
                on_result(found[i])
            advance(1, f"after attack {survived / len(found):.3f} so far")
    return [found[i] for i in range(len(texts))]


def _answers(live: dict[int, _Live], victim: Classifier) -> list[tuple[int, Replies]]:
    """The answers to what every text asks, each model being called once."""
    asking: dict[tuple[Model | None, WhiteBox | None, bool], list[int]] = {}
    for i, one in live.items():
        r = one.request
        asking.setdefault((r.model, r.white_box, r.reads), []).append(i)
    found: list[tuple[int, Replies]] = []
    for asked, indices in asking.items():
        items = [item for i in indices for item in live[i].request.items]
        answers = _asked(*asked, victim, items)
        start = 0
        for i in indices:
            end = start + len(live[i].request.items)
            found.append((i, answers[start:end]))
            start = end
    return found


def _asked(
    model: Model | None, white_box: WhiteBox | None, reads: bool, victim: Classifier, items: Items
) -> Replies:
    """What a model, or the victim, says of the items."""
    if model is not None:
        return model(items)
    if white_box is not None:
        return damaged(victim, items, white_box)
    return victim.reads(items) if reads else victim.probabilities(items)


def unchangeable(attack: AnyAttack, text: str) -> bool:
    """Whether no word of a text may change, so that its survival says nothing."""
    return isinstance(attack, Attack) and not attack.positions(segment(text))


def _result(i: int, attack: AnyAttack, one: _Live, outcome: Outcome) -> AttackResult:
    changed = tuple(sorted(set(outcome.path)))  # a search may come back to a word
    return AttackResult(
        index=i,
        label=one.label,
        attack=attack.name,
        status=outcome.status,
        original=one.original.text,
        perturbed=outcome.perturbed.text,
        changed=changed,
        replacements=tuple(outcome.perturbed.words[i] for i in changed),
        path=outcome.path,
        before=_plain(outcome.before),
        after=_plain(outcome.after),
        queries=outcome.queries,
        exhausted=outcome.exhausted,
        first=one.original.first,
        unchangeable=unchangeable(attack, one.original.text),
    )


def _plain(probabilities: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(p), 6) for p in probabilities)
