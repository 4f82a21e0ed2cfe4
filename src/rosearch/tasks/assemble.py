"""From the raw columns that a reader found to a sound `Task`, or one clear error."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rosearch.errors import UserError, one_line
from rosearch.tasks.task import Split, Task
from rosearch.types import Text

_HELD_OUT = 0.1  # share of the train split for a missing validation or test split
_EMPTY_LIMIT = 0.1  # share of empty texts up to which they are dropped


@dataclass(frozen=True)
class Table:
    """The raw columns of one split.

    Args:
        texts: should be strings; None counts as empty.
        labels: should be strings, integers or booleans; None is a missing label.
        source: what messages call it, such as a file name.
        label_names: the names in their order, when the source states them.
        seconds: the second text of each pair, as `texts` are the first ones; None for single texts.
    """

    texts: Sequence[object]
    labels: Sequence[object]
    source: str
    label_names: tuple[str, ...] | None = None
    seconds: Sequence[object] | None = None

    def rows(self) -> list[tuple[object, ...]]:
        """The text of each row, or both texts."""
        columns = (self.texts,) if self.seconds is None else (self.texts, self.seconds)
        return list(zip(*columns, strict=True))


@dataclass(frozen=True)
class _Clean:
    texts: list[Text]
    labels: list[str]
    source: str


def assemble(
    name: str, train: Table, validation: Table | None, test: Table | None, *, seed: int
) -> Task:
    """Check the tables, number the labels and split off what is missing.

    Args:
        name: name of the task.
        train: the only table that must be there.
        validation: None to split it off `train`.
        test: None to split it off `train`.
        seed: for splitting off.

    Raises:
        UserError: empty split, missing or unknown label, fewer than two classes, text that is no
            string, more than 10 % empty texts, too few texts to split off.
    """
    clean = _clean(train)
    names = train.label_names or _sorted_names(set(clean.labels))
    if len(set(clean.labels)) < 2:
        raise UserError(
            f"{clean.source} has only the label {clean.labels[0]!r}; "
            "a train split needs texts of at least two classes"
        )
    given = {k: _clean(t) for k, t in (("validation", validation), ("test", test)) if t is not None}
    for part in given.values():
        _check_known(part, set(clean.labels))
    numbers = {label: i for i, label in enumerate(names)}
    splits = {
        k: Split(tuple(part.texts), tuple(numbers[label] for label in part.labels))
        for k, part in {"train": clean, **given}.items()
    }
    if missing := [k for k in ("test", "validation") if k not in splits]:
        rest, *held_out = split_off(splits["train"], len(missing), seed)
        if min(map(len, held_out)) == 0 or set(rest.labels) != set(splits["train"].labels):
            raise UserError(
                f"{clean.source} has too few texts to split {' and '.join(missing)} off; "
                f"give more texts of each label, or the {' and '.join(missing)} data too"
            )
        splits.update(zip(missing, held_out, strict=True), train=rest)
    return Task(name, names, **splits)


def split_off(split: Split, parts: int, seed: int, share: float = _HELD_OUT) -> list[Split]:
    """The rest of `split` and `parts` held-out splits of `share` each, at least one text.

    Stratified by label. Equal texts (of pairs: equal pairs) stay together, so that none is in two
    of the results.

    Args:
        split: left unchanged.
        parts: how many to split off.
        seed: of the shuffle.
        share: of the distinct texts, for each part.
    """
    rows: dict[Text, list[int]] = {}
    for row, text in enumerate(split.texts):
        rows.setdefault(text, []).append(row)
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


def _clean(table: Table) -> _Clean:
    """Texts that are not empty, with their labels as strings."""
    texts: list[Text] = []
    labels: list[str] = []
    for row, (found, label) in enumerate(zip(table.rows(), table.labels, strict=True), start=1):
        where = f"{table.source}, row {row}"
        text = _text(found, where)
        if text is not None:
            texts.append(text)
            labels.append(_label(label, where))
    if not len(table.texts):
        raise UserError(f"{table.source} is empty; it needs at least one labelled text")
    if dropped := len(table.texts) - len(texts):
        _report_empty(dropped, len(table.texts), table.source)
    return _Clean(texts, labels, table.source)


def _text(found: Sequence[object], where: str) -> Text | None:
    """The text or pair of a row; None if the text, or the second one of a pair, is empty.

    The second one is what an attack changes; questions about nothing at all do occur.
    """
    strings: list[str] = []
    for text in found:
        if text is not None and not isinstance(text, str):
            raise UserError(
                f"{where}: the text is of type {type(text).__name__}; texts must be strings"
            )
        strings.append(text or "")
    if not strings[-1] or strings[-1].isspace():
        return None
    for string in strings:
        _check_unicode(string, where)
    return strings[0] if len(strings) == 1 else (strings[0], strings[1])


def _check_unicode(text: str, where: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:  # half of a surrogate pair, as JSON escapes can hold
        raise UserError(f"{where}: the text is not valid Unicode; {one_line(error)}") from None


def _report_empty(dropped: int, total: int, source: str) -> None:
    if dropped > _EMPTY_LIMIT * total:
        raise UserError(
            f"{source}: {dropped} of {total} texts are empty, more than {_EMPTY_LIMIT:.0%}; "
            "remove these rows or name the right text column"
        )
    warnings.warn(f"{source}: dropped {dropped} empty texts of {total}", stacklevel=2)


def _label(value: object, where: str) -> str:
    if isinstance(value, (str, bool, int)):
        if name := str(value).strip():
            return name
    elif value is not None:
        raise UserError(
            f"{where}: the label {value!r:.50} is of type {type(value).__name__}; "
            "labels must be strings, integers or booleans"
        )
    raise UserError(f"{where}: the label is missing; every text needs one")


def _sorted_names(names: set[str]) -> tuple[str, ...]:
    """In numeric order if all are integers, otherwise in alphabetical order."""
    if all(re.fullmatch(r"[+-]?[0-9]{1,18}", name) for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def _check_known(part: _Clean, known: set[str]) -> None:
    if unseen := sorted(set(part.labels) - known):
        raise UserError(
            f"{part.source} has labels that the train split lacks: "
            f"{', '.join(map(repr, unseen[:5]))}{' ...' if len(unseen) > 5 else ''}; "
            f"known are {', '.join(map(repr, sorted(known)[:5]))}{' ...' if len(known) > 5 else ''}"
        )
