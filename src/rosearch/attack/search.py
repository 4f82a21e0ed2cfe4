"""Search methods: how an attack walks through the texts that a transformation offers.

A search is a generator: it yields the texts whose probabilities it wants next, is sent them as an
array (n, C), and returns its outcome. It keeps its state in local variables, so any number of
searches can advance together, and a batch of many is exactly many of one.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rosearch.attack.constraints import WordConstraint
from rosearch.attack.sources import Source
from rosearch.attack.text import Words

Status = Literal["skipped", "survived", "flipped"]
# A drop smaller than this is rounding noise: batches of another shape must not change a choice.
NOISE = 1e-6


@dataclass(frozen=True)
class Outcome:
    """How an attack on one text ended.

    Attributes:
        status: `skipped` (misclassified before the attack), `survived` or `flipped`.
        perturbed: the adversarial text; for a survivor, the most damaging text found.
        before, after: probabilities (C,) of the original and of the perturbed text.
        exhausted: whether the query budget ended the search.
    """

    status: Status
    perturbed: Words
    before: np.ndarray
    after: np.ndarray
    queries: int
    exhausted: bool = False


Search = Generator[Sequence[Words], np.ndarray, Outcome]


def greedy_swap(
    text: Words,
    label: int,
    source: Source,
    may_change: WordConstraint,
    max_queries: int | None = None,
) -> Search:
    """Greedy word swap in the order of word importance (Jin et al. 2020, TextFooler, section 3).

    Importance is the drop of the true label's probability when the word is deleted, plus the rise
    of the new label's where the prediction changes (equation 2). Then, word by word: every
    substitution is tried; a flip ends the search, else the most damaging one is kept.

    Departures: only words that have substitutions are ranked (same successes, 3 % fewer queries);
    there is no sentence-similarity check, so among several flips the one with the lowest
    probability of the true label is taken; a change must beat the current text, not the original.
    """
    budget = float("inf") if max_queries is None else max_queries
    before = (yield [text])[0]
    queries = 1
    if int(before.argmax()) != label:
        return Outcome("skipped", text, before, before, queries)
    places = [i for i, word in enumerate(text.words) if may_change(word) and source(word)]
    asked = places[: int(min(len(places), budget - queries))]
    if not asked:
        return Outcome("survived", text, before, before, queries, exhausted=bool(places))
    without = yield [text.deleted(i) for i in asked]
    queries += len(asked)
    scores = importance(before, without, label)
    current, now = text, before
    for rank in np.argsort(-scores, kind="stable"):
        place = asked[int(rank)]
        options = [current.replaced(place, word) for word in source(text.words[place])]
        options = options[: int(min(len(options), budget - queries))]
        if not options:
            return Outcome("survived", current, before, now, queries, exhausted=True)
        tried = yield options
        queries += len(options)
        best = _most_damaging(tried, label)
        if int(tried[best].argmax()) != label:
            return Outcome("flipped", options[best], before, tried[best], queries)
        if tried[best][label] < now[label] - NOISE:
            current, now = options[best], tried[best]
    return Outcome("survived", current, before, now, queries, len(asked) < len(places))


def importance(before: np.ndarray, without: np.ndarray, label: int) -> np.ndarray:
    """Importance (n,) of n words from probabilities (C,) with and (n, C) without each of them."""
    drop = before[label] - without[:, label]
    new = without.argmax(1)
    rise = without[np.arange(len(without)), new] - before[new]
    scores: np.ndarray = np.round(drop + np.where(new != label, rise, 0.0), 6)
    return scores


def _most_damaging(tried: np.ndarray, label: int) -> int:
    """Index of the best option: flips first, then the lowest probability of the true label."""
    kept = np.round(tried[:, label], 6)
    return int(np.lexsort((kept, tried.argmax(1) == label))[0])
