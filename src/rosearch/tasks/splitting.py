"""One split out of another, so that no text is in both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from rosearch.errors import UserError
from rosearch.tasks.notes import repeated_note, same_text
from rosearch.tasks.task import Split
from rosearch.types import Text

_HELD_OUT = 0.1  # share of the train split for a missing validation or test split


@dataclass(frozen=True)
class Part:
    """Texts of one split with the names of their labels.

    Args:
        source: what messages call it, such as a file name.
        notes: what the user should know of how it was read.
    """

    texts: list[Text]
    labels: list[str]
    source: str
    notes: tuple[str, ...] = ()

    def without(self, rows: set[int]) -> Part:
        kept = [row for row in range(len(self.texts)) if row not in rows]
        return replace(
            self, texts=[self.texts[r] for r in kept], labels=[self.labels[r] for r in kept]
        )

    def split(self, label_names: Sequence[str]) -> Split:
        """The same with numbered labels."""
        numbers = {label: i for i, label in enumerate(label_names)}
        return Split(tuple(self.texts), tuple(numbers[label] for label in self.labels))


def apart(parts: Mapping[str, Part], keep: bool) -> tuple[dict[str, Part], list[str]]:
    """The splits without texts of those before them, which would be known to a model already.

    Returns:
        The splits, and a line for each that had such texts.
    """
    before: dict[tuple[str, ...], str] = {}
    found: dict[str, Part] = {}
    notes: list[str] = []
    for split, part in parts.items():
        keys = [same_text(text) for text in part.texts]
        repeated = {row: before[key] for row, key in enumerate(keys) if key in before}
        if repeated and len(repeated) == len(keys) and not keep:
            raise UserError(
                f"{part.source}: all of its {len(keys)} texts are in the "
                f"{_joined(repeated.values())} split, too, so they say nothing of new texts; give "
                f"other ones, or no {split} file, or keep them with --repeated keep"
            )
        if repeated:
            where = _joined(repeated.values())
            notes.append(repeated_note(part.source, len(repeated), len(keys), where, not keep))
        found[split] = part if keep else part.without(set(repeated))
        before.update({key: split for key in keys if key not in before})
    return found, notes


def _joined(splits: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(splits))


def split_off(
    split: Split,
    parts: int,
    seed: int,
    share: float = _HELD_OUT,
    key: Callable[[Text], object] = lambda text: text,
) -> list[Split]:
    """The rest of `split` and `parts` held-out splits of `share` each, at least one text.

    Stratified by label. Equal texts (of pairs: equal pairs) stay together, so that none is in two
    of the results.

    Args:
        split: left unchanged.
        parts: how many to split off.
        seed: of the shuffle.
        share: of the distinct texts, for each part.
        key: texts are equal if it is.
    """
    rows: dict[object, list[int]] = {}
    for row, text in enumerate(split.texts):
        rows.setdefault(key(text), []).append(row)
    groups = list(rows.values())
    order = _stratified_order([split.labels[group[0]] for group in groups], seed)
    size = max(1, round(share * len(groups)))
    cuts = [size * i for i in range(parts + 1)]
    pieces = [order[a:b] for a, b in pairwise(cuts)]
    return [
        split.take([row for i in piece for row in groups[i]])
        for piece in (order[cuts[-1] :], *pieces)
    ]


def drop_duplicates(texts: Sequence[str], labels: Sequence[int]) -> Split:
    """The first of all equal texts; none of them if they disagree on the label."""
    found: dict[str, set[int]] = {}
    for text, label in zip(texts, labels, strict=True):
        found.setdefault(text, set()).add(label)
    kept = {text: next(iter(seen)) for text, seen in found.items() if len(seen) == 1}
    return Split(tuple(kept), tuple(kept.values()))


def _stratified_order(labels: Sequence[int], seed: int) -> list[int]:
    """A shuffled order in which every prefix holds each label in about its overall share."""
    shuffled: list[int] = np.random.default_rng(seed).permutation(len(labels)).tolist()
    total = Counter(labels)
    seen: Counter[int] = Counter()
    position: dict[int, float] = {}
    for row in shuffled:
        position[row] = (seen[labels[row]] + 0.5) / total[labels[row]]
        seen[labels[row]] += 1
    return sorted(shuffled, key=position.__getitem__)  # stable: ties stay shuffled
