"""Attacked texts, word by word: what an attack changed and what the model answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import chain
from typing import Literal

from rosearch.attacks.result import AttackResult, Status
from rosearch.encodings.reader import Reader
from rosearch.report.snapshot import Examples
from rosearch.tasks.words import Words, segment

Piece = tuple[Literal["same", "gone", "new"], str]
STATUS: dict[Status, str] = {"flipped": "fooled", "survived": "held", "skipped": "wrong before"}
SHOWN_AT_ONCE = 8
MOST_PER_KIND = 25  # of one model, attack and outcome: long texts would make a large page


@dataclass(frozen=True)
class Shot:
    """One attacked text as it is shown.

    Attributes:
        role: `best` or `reference`.
        status: in words; `kind` is the store's word for it.
        answers: the model's answer before and after the attack, in words.
        truth: probability of the true label before and after.
        pieces: the text, with what is gone and what is new marked.
        other: kind of the outcome of the other model on the same text, if it is stored.
        first: the first text of a pair, which stays as it is; None for a single text.
        read_as: what a student that reads texts first read otherwise than it was written, and as
            what.
    """

    role: str
    attack: str
    index: int
    kind: Status
    status: str
    label: str
    answers: tuple[str, str]
    truth: tuple[float, float]
    words: int
    pieces: tuple[Piece, ...]
    other: str | None = None
    first: str | None = None
    read_as: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Gallery:
    """Attacked texts and what they can be filtered by.

    Attributes:
        tallies: for each role and attack, how many texts there are of each outcome, in words.
    """

    shots: tuple[Shot, ...]
    attacks: tuple[str, ...]
    roles: tuple[str, ...]
    labels: tuple[str, ...]
    tallies: tuple[tuple[str, str, str], ...]

    @property
    def opening(self) -> frozenset[int]:
        """Which shots are seen before anything is filtered."""
        first = (self.roles[:1], self.attacks[:1])
        places = [i for i, s in enumerate(self.shots) if ((s.role,), (s.attack,)) == first]
        return frozenset(places[:SHOWN_AT_ONCE])


def gallery(
    attacked: Examples, label_names: Sequence[str], reader: Reader | None = None
) -> Gallery:
    """The first texts of every outcome, in the order of the test split: none is hand-picked.

    Texts that were wrong before come last, as no attack was needed.

    Args:
        reader: of the best student, if it reads texts before their tokens.
    """
    outcomes = {
        key: {example.index: example.status for example in examples}
        for key, examples in attacked.items()
    }
    shots = []
    for kind in STATUS:
        for (role, attack), examples in attacked.items():
            other = outcomes.get(("reference" if role == "best" else "best", attack), {})
            chosen = [e for e in examples if e.status == kind][:MOST_PER_KIND]
            own = reader if role == "best" else None
            made = (shot(e, label_names, role, attack, own) for e in chosen)
            shots += [replace(s, other=other.get(s.index)) for s in made]
    return Gallery(
        tuple(_mixed(shots)),
        tuple(dict.fromkeys(attack for _, attack in attacked)),
        tuple(dict.fromkeys(role for role, _ in attacked)),
        tuple(dict.fromkeys(s.label for s in sorted(shots, key=lambda s: s.label))),
        tuple((role, attack, tally(examples)) for (role, attack), examples in attacked.items()),
    )


def _mixed(shots: Sequence[Shot]) -> list[Shot]:
    """Fooled and held texts in turn, so that the first ones seen are of both outcomes."""
    places: Counter[tuple[str, str, str]] = Counter()
    ranked = []
    for s in shots:
        places[s.role, s.attack, s.kind] += 1
        ranked.append((s.kind == "skipped", places[s.role, s.attack, s.kind]))
    order = sorted(range(len(shots)), key=lambda i: ranked[i])
    return [shots[i] for i in order]


def tally(examples: Sequence[AttackResult]) -> str:
    """How many texts were fooled, held, and wrong before, in words."""
    counts = Counter(example.status for example in examples)
    return ", ".join(f"{counts[status]:,} {word}" for status, word in STATUS.items())


def shot(
    example: AttackResult,
    label_names: Sequence[str],
    role: str,
    attack: str,
    reader: Reader | None = None,
) -> Shot:
    """One stored example, ready to be shown."""
    label = example.label
    before, after = segment(example.original), segment(example.perturbed)
    pieces = diff(before, after)
    return Shot(
        role=role,
        attack=attack,
        index=example.index,
        kind=example.status,
        status=STATUS[example.status],
        label=_name(label, label_names),
        answers=(_answer(example.before, label_names), _answer(example.after, label_names)),
        truth=(example.before[label], example.after[label]),
        words=len(example.changed),
        pieces=pieces,
        first=example.first,
        read_as=() if reader is None else tuple(reader.explain(example.perturbed)),
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
