"""An attack on one text as its steps: each changed word, and what the models then say."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rosearch.attacks.at_hand import resources_at_hand
from rosearch.attacks.engine import attacked
from rosearch.attacks.methods import load_attacks
from rosearch.attacks.result import AttackResult, Status
from rosearch.errors import UserError
from rosearch.models.answers import Answers
from rosearch.models.classifier import Classifier
from rosearch.report.gallery import Piece, diff
from rosearch.tasks.words import Words

MOST_QUERIES = 10_000
MOST_SECONDS = 10.0


@dataclass(frozen=True)
class Step:
    """A text on the way of an attack; the first one is the original.

    Attributes:
        gone, new: the word that was changed last, and what it became.
        pieces: the text, with all that is gone and new by then.
        student, teacher: probabilities (C,) of the text; no teacher, none.
    """

    gone: str
    new: str
    pieces: tuple[Piece, ...]
    text: str
    student: tuple[float, ...]
    teacher: tuple[float, ...] | None


@dataclass(frozen=True)
class Attacked:
    """What came of an attack on one text; `label` is what the student said of it before."""

    status: Status
    label: int
    queries: int
    exhausted: bool
    unchangeable: bool
    steps: tuple[Step, ...]


def attack_text(
    name: str,
    text: Words,
    student: Classifier,
    teacher: Classifier | None,
    given: Mapping[str, Path],
    stopped: Callable[[], bool],
) -> Attacked:
    """Have a student say something else of a text than it does.

    Args:
        name: of `attacks_at_hand`.
        given: files of lexicons that are made of a task's teacher.
        stopped: asked before every question to the student.

    Raises:
        UserError: it takes longer than `MOST_SECONDS`, or was stopped.
    """
    label = int(student.probabilities([text])[0].argmax())
    read = resources_at_hand(name, [text.example], given)
    attacks = load_attacks(name, read, max_queries=MOST_QUERIES)
    hurried = replace(student, answers=Hurried(student.answers, stopped))
    (found,) = attacked(attacks, hurried, [text.example], [label])
    steps = tuple(_steps(text, found, student, teacher))
    return Attacked(found.status, label, found.queries, found.exhausted, found.unchangeable, steps)


class Hurried:
    """The answers of a model that is asked until the time is up."""

    def __init__(self, answers: Answers, stopped: Callable[[], bool]) -> None:
        self.answers, self.stopped = answers, stopped
        self.end = time.monotonic() + MOST_SECONDS

    def probabilities(self, texts: Sequence[Words]) -> np.ndarray:
        self._hurry()
        return self.answers.probabilities(texts)

    def reads(self, texts: Sequence[Words]) -> Sequence[Hashable]:
        self._hurry()
        return self.answers.reads(texts)

    def _hurry(self) -> None:
        if self.stopped() or time.monotonic() > self.end:
            raise UserError(
                f"the attack was not done in {MOST_SECONDS:.0f} seconds; take a shorter text, or "
                "`rosearch attack`, which has no limit of time"
            )


def _steps(
    text: Words, found: AttackResult, student: Classifier, teacher: Classifier | None
) -> Iterator[Step]:
    """The original and each step of an attack, in the order in which words were changed last."""
    became = dict(zip(found.changed, found.replacements, strict=True))
    texts, words = [text], [("", "")]
    for i in reversed(dict.fromkeys(reversed(found.path))):
        texts.append(texts[-1].with_word(i, became[i]))
        words.append((text.words[i], became[i]))
    says = [_rows(student, texts), _rows(teacher, texts) if teacher else [None] * len(texts)]
    for after, (gone, new), own, others in zip(texts, words, *says, strict=True):
        yield Step(gone, new, diff(text, after), after.text, own, others)


def _rows(model: Classifier, texts: Sequence[Words]) -> list[tuple[float, ...]]:
    return [tuple(map(float, row)) for row in model.probabilities(texts)]
