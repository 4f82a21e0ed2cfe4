"""What attacks on a model found, summed up."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

import numpy as np

from rosearch.attacks.attack_resources import encoder_of
from rosearch.attacks.result import AttackResult, robustness
from rosearch.errors import UserError
from rosearch.io.resources import fetch
from rosearch.results.entries import attack_entry, to_json
from rosearch.tasks.words import segment
from rosearch.types import Json, Robustness

ALL = "all"  # the worst case over several attacks


@dataclass(frozen=True)
class AttackReport:
    """Outcome of one or more attacks on one model.

    Attributes:
        label_names: those of the task, as results number them.
        results: attack -> one result a text, in the order of the texts.
        similarity: attack -> mean similarity of its flipped texts to the original ones; see
            `mean_similarity`. Attacks without any, or all if it was not measured, are missing.
        labels: of all texts of the split, of which the attacked ones are a sample.
        certified: how many of the attacked texts no attack can flip, by what it does to them; see
            `rosearch.attacks.certificates`.
    """

    model: str
    task: str
    split: str
    label_names: tuple[str, ...]
    results: Mapping[str, Sequence[AttackResult]]
    similarity: Mapping[str, float] = field(default_factory=dict)
    labels: Sequence[int] = ()
    certified: Mapping[str, int] = field(default_factory=dict)

    @property
    def sample(self) -> str:
        """Which texts of the split were attacked, in words."""
        return sample_words(len(next(iter(self.results.values()))), len(self.labels))

    @property
    def counts(self) -> dict[str, Robustness]:
        """Attack -> counts; several attacks together are `all`, the worst case of each text."""
        results = dict(self.results)
        if len(results) > 1:
            results[ALL] = worst_case(list(self.results.values()))
        return {name: robustness(name, found, self.labels) for name, found in results.items()}

    def to_json(self) -> Json:
        """Shares with intervals, JSON-ready."""
        from rosearch.results.summary import versions

        return {
            "model": self.model,
            "task": self.task,
            "split": self.split,
            "sample": self.sample,
            "labels": list(self.label_names),
            "attacks": {
                name: {
                    "clean": round(c.clean, 4),
                    "balanced_clean": round(c.before("balanced"), 4),
                    **to_json(attack_entry([c])),
                    "queries": c.queries,
                    "changed_words": changed_share(self.results.get(name, ())),
                    "similarity": self.similarity.get(name),
                }
                for name, c in self.counts.items()
            },
            **({"certified": self.certified_shares} if self.certified else {}),
            "versions": versions(),
        }

    @property
    def certified_shares(self) -> dict[str, float]:
        """Shares of the attacked texts that no attack can flip, by what it does to them."""
        n = len(next(iter(self.results.values())))
        return {what: round(count / n, 4) for what, count in self.certified.items()}


def sample_words(n: int, total: int, max_words: int | None = None) -> str:
    """Which of several texts were attacked, in words."""
    cut = "" if max_words is None else f", cut after {max_words} words"
    return f"all {n:,} texts{cut}" if n >= total else f"{n:,} of {total:,} texts{cut}, stratified"


def adversarial(results: Sequence[AttackResult]) -> list[AttackResult]:
    """Those that flipped the label by another text; white-box attacks leave no such text."""
    return [r for r in results if r.status == "flipped" and r.changed]


def changed_share(results: Sequence[AttackResult]) -> float | None:
    """Mean share of words changed in the texts that were flipped; None if none was."""
    shares = [len(r.changed) / len(segment(r.original).words) for r in adversarial(results)]
    return round(fmean(shares), 4) if shares else None


def mean_similarity(results: Sequence[AttackResult], encoder: Path) -> float | None:
    """Mean cosine of flipped and original texts by a sentence encoder; None if none was changed."""
    from rosearch.attacks.encoder import Cosines

    pairs = [(segment(r.original), segment(r.perturbed)) for r in adversarial(results)]
    return round(float(np.mean(Cosines(encoder_of(encoder))(pairs))), 4) if pairs else None


def similarities(results: Mapping[str, Sequence[AttackResult]]) -> dict[str, float]:
    """Of every attack with flipped texts; nothing where MiniLM can't be had: it is no reason to
    lose the results of an attack."""
    try:
        encoder = fetch("minilm")
    except UserError as error:
        print(f"similarity was not measured: {error}", file=sys.stderr)
        return {}
    found = {name: mean_similarity(several, encoder) for name, several in results.items()}
    return {name: value for name, value in found.items() if value is not None}


def worst_case(results: Sequence[Sequence[AttackResult]]) -> list[AttackResult]:
    """Of each text the first result in which it is flipped, else its last; queries add up."""
    worst = []
    for several in zip(*results, strict=True):
        flipped = [r for r in several if r.status == "flipped"]
        chosen = flipped[0] if flipped else several[-1]
        queries, nothing = sum(r.queries for r in several), all(r.unchangeable for r in several)
        worst.append(replace(chosen, queries=queries, unchangeable=nothing))
    return worst
