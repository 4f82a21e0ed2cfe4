"""What came of an attack on one text, and on several. Torch-free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

from rosearch.types import AttackedClass, Json, Robustness, Text

Status = Literal["skipped", "survived", "flipped"]


@dataclass(frozen=True)
class AttackResult:
    """One attacked text. Probabilities are tuples over the classes.

    Attributes:
        index: position among the attacked texts.
        original, perturbed: the text before and after; of a pair, the second text.
        attack: the attack that flipped the text, else the last one that it survived.
        changed: positions of the changed words.
        replacements: what stands at the changed positions.
        path: the same positions in the order in which they were changed.
        exhausted: whether the query budget ended the search.
        first: the first text of a pair, which no attack changes; None for a single text.
        unchangeable: whether no word of the text has a substitution.
    """

    index: int
    label: int
    attack: str
    status: Status
    original: str
    perturbed: str
    changed: tuple[int, ...]
    replacements: tuple[str, ...]
    path: tuple[int, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    queries: int
    exhausted: bool
    first: str | None = None
    unchangeable: bool = False

    @property
    def asked(self) -> tuple[Text, Text]:
        """What the model read before and after: the text, or the pair."""
        texts = (self.original, self.perturbed)
        return texts if self.first is None else ((self.first, texts[0]), (self.first, texts[1]))

    @classmethod
    def from_json(cls, found: Json) -> AttackResult:
        """From `asdict` that went through JSON; other keys are ignored.

        The first versions told neither the attack nor how the text was changed step by step.
        """
        known = {"attack": "", "replacements": (), "path": (), **found}
        values: Json = {f.name: known[f.name] for f in fields(cls) if f.name in known}
        lists = {key: tuple(v) for key, v in values.items() if isinstance(v, list)}
        return cls(**(values | lists))


def robustness(
    attack: str, results: Sequence[AttackResult], labels: Sequence[int] = ()
) -> Robustness:
    """Counts of an attack's results.

    Args:
        labels: of all texts that the attacked ones are a sample of; without them these stand for
            themselves.
    """
    return Robustness(
        attack=attack,
        n=len(results),
        correct=sum(r.status != "skipped" for r in results),
        survived=sum(r.status == "survived" for r in results),
        queries=sum(r.queries for r in results),
        classes=_classes(results, labels or [r.label for r in results]),
        unchangeable=sum(r.unchangeable for r in results),
    )


def _classes(results: Sequence[AttackResult], labels: Sequence[int]) -> tuple[AttackedClass, ...]:
    """The same counts of each class."""
    if not results:
        return ()
    share, n = _shares(Counter(labels)), Counter(r.label for r in results)
    if all(abs(n[c] - share[c] * len(results)) < 1 for c in share):  # as even as whole texts are
        share = _shares(n)
    correct = Counter(r.label for r in results if r.status != "skipped")
    survived = Counter(r.label for r in results if r.status == "survived")
    known = max(len(results[0].before), 1 + max(share))
    return tuple(
        AttackedClass(n[c], correct[c], survived[c], share.get(c, 0.0)) for c in range(known)
    )


def _shares(counts: Counter[int]) -> dict[int, float]:
    return {c: n / counts.total() for c, n in counts.items()}
