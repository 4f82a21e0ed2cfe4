"""Attacked texts, word by word: what an attack changed and what the model answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain
from typing import Any, Literal

from rosearch.attack.text import Words, segment

Piece = tuple[Literal["same", "gone", "new"], str]
SHOWN_PER_STATUS = 4
FEWEST = 5
STATUS = {"flipped": "fooled", "survived": "held", "skipped": "wrong before"}


@dataclass(frozen=True)
class Shot:
    """One attacked text as it is shown.

    Attributes:
        status: in words; `kind` is the store's word for it.
        answers: the model's answer before and after the attack, in words.
        pieces: the text, with what is gone and what is new marked.
        first: the first text of a pair, which stays as it is; None for a single text.
    """

    index: int
    kind: str
    status: str
    label: str
    answers: tuple[str, str]
    truth: tuple[float, float]
    words: int
    pieces: tuple[Piece, ...]
    first: str | None = None


@dataclass(frozen=True)
class Pair:
    """The same text attacked on the best student and, if it is stored, on the reference."""

    best: Shot
    reference: Shot | None


def gallery(
    best: Sequence[Mapping[str, Any]],
    reference: Sequence[Mapping[str, Any]],
    label_names: Sequence[str],
) -> list[Pair]:
    """The first fooled and the first held texts, in the order of the test split.

    Texts that were wrong before the attack come in only where there are too few others.
    """
    by_status: dict[str, list[Mapping[str, Any]]] = {status: [] for status in STATUS}
    for example in best:
        by_status[example["status"]].append(example)
    chosen = by_status["flipped"][:SHOWN_PER_STATUS] + by_status["survived"][:SHOWN_PER_STATUS]
    rest = chain(
        by_status["flipped"][SHOWN_PER_STATUS:],
        by_status["survived"][SHOWN_PER_STATUS:],
        by_status["skipped"],
    )
    chosen += [example for _, example in zip(range(FEWEST - len(chosen)), rest, strict=False)]
    same = {example["index"]: example for example in reference}
    return [
        Pair(
            shot(example, label_names),
            shot(same[example["index"]], label_names) if example["index"] in same else None,
        )
        for example in chosen
    ]


def tally(examples: Sequence[Mapping[str, Any]]) -> str:
    """How many texts were fooled, held, and wrong before, in words."""
    counts = Counter(example["status"] for example in examples)
    return ", ".join(f"{counts[status]:,} {word}" for status, word in STATUS.items())


def shot(example: Mapping[str, Any], label_names: Sequence[str]) -> Shot:
    """One stored example, ready to be shown."""
    label = example["label"]
    before, after = segment(example["original"]), segment(example["perturbed"])
    pieces = diff(before, after)
    return Shot(
        index=example["index"],
        kind=example["status"],
        status=STATUS[example["status"]],
        label=_name(label, label_names),
        answers=(_answer(example["before"], label_names), _answer(example["after"], label_names)),
        truth=(example["before"][label], example["after"][label]),
        words=len(example["changed"]),
        pieces=pieces,
        first=example.get("first"),
    )


def diff(before: Words, after: Words) -> tuple[Piece, ...]:
    """The second text as pieces, with the words of the first one that are gone."""
    a, b = _tokens(before), _tokens(after)
    if len(a) == len(b):  # words were only replaced: compare them place by place
        runs = [((i, i + 1), (i, i + 1)) for i in range(len(a))]
    else:
        blocks = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
        runs = [((i1, i2), (j1, j2)) for _, i1, i2, j1, j2 in blocks]
    pieces: list[Piece] = []
    for (i1, i2), (j1, j2) in runs:
        gone, new = "".join(a[i1:i2]), "".join(b[j1:j2])
        if gone == new:
            _append(pieces, "same", new)
        else:
            _append(pieces, "gone", gone)
            _append(pieces, "new", new)
    return tuple(pieces)


def _append(pieces: list[Piece], kind: Literal["same", "gone", "new"], text: str) -> None:
    if pieces and pieces[-1][0] == kind:
        text = pieces.pop()[1] + text
    if text:
        pieces.append((kind, text))


def _tokens(words: Words) -> list[str]:
    pairs = zip(words.words, words.gaps[1:], strict=True)
    return [words.gaps[0], *chain.from_iterable(pairs)]


def _answer(probabilities: Sequence[float], label_names: Sequence[str]) -> str:
    top = max(range(len(probabilities)), key=lambda k: probabilities[k])
    return f"{_name(top, label_names)} ({100 * probabilities[top]:.0f}\u00a0%)"


def _name(label: int, label_names: Sequence[str]) -> str:
    return label_names[label] if 0 <= label < len(label_names) else f"class {label}"
