"""What one evaluation takes, as measured in a worker; imports torch only there.

Whatever the task, measuring ends soon: trainings are given up and attacks tried on few texts where
the whole would take too long, and their time is told from that.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.tasks import Split
from rosearch.tasks.words import Words, beginning, segment
from rosearch.types import Fidelity, Job, Text

if TYPE_CHECKING:
    from rosearch.attacks.attack import AnyAttack, Outcome, Search
    from rosearch.attacks.goals import Goal
    from rosearch.distill.train import OnBatch
    from rosearch.evaluation.context import Context
    from rosearch.models.classifier import Classifier
    from rosearch.student.model import StudentForSequenceClassification

TEXTS = 5  # attacked of the teacher, by each attack
FEW, FIRST_WORDS = 4, 32  # texts attacked first, and the words that are left of them then
GROWTH = 4  # times as many texts with the next sample
CLEAN = 1_000  # validation texts asked for their label


@dataclass(frozen=True)
class Measured:
    """Seconds of one evaluation, and the peak memory of the process that it ran in."""

    train_seconds: float
    attack_seconds: float
    gigabytes: float


class _LongEnough(Exception):
    """It has shown how long it takes."""


def measured(job: Job, seconds: float, context: Context) -> Measured:
    """What an evaluation takes, told within about so many seconds."""
    from rosearch.evaluation.candidate import measurements
    from rosearch.models.classifier import Classifier

    genotype, fidelity = job.candidate.genotype, context.fidelities[job.rung]
    end = time.perf_counter() + seconds
    model, training = _trained(job, fidelity, seconds / 2, context)
    student = Classifier.of(model, context.train.tokenizer(genotype))
    start = time.perf_counter()
    measurements(model, genotype, context)
    few = context.validation.take(range(min(CLEAN, len(context.validation))))
    known = time.perf_counter()
    student.counts(few)
    clean = (time.perf_counter() - known) * len(context.validation) / len(few)
    attacking, split = known - start + clean, context.validation.sample(fidelity.attacked)
    for i, suite in enumerate(fidelity.attacks):
        left = (end - time.perf_counter()) / (len(fidelity.attacks) - i)
        attacks = context.attacks(suite, fidelity.max_queries, exact=False)
        attacking += seconds_to_attack(attacks, student, split, left)
    return Measured(training, attacking, peak_gigabytes())


def _trained(
    job: Job, fidelity: Fidelity, seconds: float, context: Context
) -> tuple[StudentForSequenceClassification, float]:
    """A student, and the seconds of its training; where these are more than allowed, one that has
    learnt for half of what is allowed."""
    from rosearch.distill.train import train_student
    from rosearch.evaluation.candidate import validation_loss

    g, start, share = job.candidate.genotype, time.perf_counter(), 1.0

    def watch(done: int, total: int, _loss: float) -> None:
        nonlocal share
        share = done / total
        if share < 1 and time.perf_counter() - start > seconds:
            raise _LongEnough

    def train(one: Fidelity, on_batch: OnBatch | None = None) -> StudentForSequenceClassification:
        look, seed = validation_loss(g, context), job.candidate.seed
        return train_student(
            g, context.train, context.distill, one, seed, on_batch=on_batch, validate=look
        )

    try:
        return train(fidelity, watch), time.perf_counter() - start
    except _LongEnough:
        took = (time.perf_counter() - start) / share
        return train(replace(fidelity, portion=fidelity.portion * share / 2)), took


def seconds_to_attack(
    attacks: Sequence[AnyAttack], victim: Classifier, split: Split, allowed: float
) -> float:
    """Seconds that a suite takes on the texts of a split, told within about those allowed.

    It attacks ever larger samples while there is time, if possible all of the texts; the others are
    told from these: an attack asks about each word, and to be asked about is as much work as there
    are words. No text is attacked twice: victims know what they were asked before.
    """
    from rosearch.attacks.engine import attacked

    end = time.perf_counter() + allowed
    took, done, total = 0.0, 0, sum(map(_work, split.texts))
    for sample in _samples(split):
        work, start = sum(map(_work, sample.texts)), time.perf_counter()
        if done and start + took / done * work > end:
            break
        try:
            attacked([_Until(a, end) for a in attacks], victim, sample.texts, sample.labels)
        except _LongEnough:  # all of the sample would have taken even longer
            so_far = time.perf_counter() - start
            return total * max(so_far / work, took / max(1, done))
        took, done = took + time.perf_counter() - start, done + work
    return total * took / done


def _samples(split: Split) -> Iterator[Split]:
    """The beginnings of a few texts, longer ones, these whole; then ever more of the others."""
    n, words = min(FEW, len(split)), FIRST_WORDS
    few = split.take(range(n))
    while True:
        cut = tuple(beginning(text, words) for text in few.texts)
        yield replace(few, texts=cut)
        if cut == few.texts:
            break
        words *= 2
    while n < len(split):
        before, n = n, min(GROWTH * n, len(split))
        yield split.take(range(before, n))


@dataclass(frozen=True)
class _Until:
    """An attack that is given up at a time of the clock."""

    attack: AnyAttack
    end: float

    @property
    def name(self) -> str:
        return self.attack.name

    def search(self, text: Words, label: int) -> Search:
        """That of the attack.

        Raises:
            _LongEnough: it is time.
        """
        step, answer = self.attack.search(text, label), None
        while True:
            try:
                request = step.send(answer)
            except StopIteration as stop:
                found: Outcome = stop.value
                return found
            if time.perf_counter() > self.end:
                raise _LongEnough
            answer = yield request

    def limited(self, name: str, goal: Goal, max_queries: int | None) -> _Until:
        return replace(self, attack=self.attack.limited(name, goal, max_queries))


def _work(text: Text) -> int:
    """Of an attack on a text: its questions, times their words."""
    return max(1, len(segment(text).words)) ** 2


def attack_seconds(
    teacher: Path, attacks: Sequence[str], seconds: float, context: Context
) -> dict[str, float]:
    """Seconds that each attack takes on one text of the teacher, told within about so many."""
    victim, split, found = context.opened(teacher), context.validation.sample(TEXTS), {}
    end = time.perf_counter() + seconds
    for i, name in enumerate(attacks):
        left = (end - time.perf_counter()) / (len(attacks) - i)
        took = seconds_to_attack(context.attacks(name), victim, split, left)
        found[name] = took / len(split)
    return found


def peak_gigabytes() -> float:
    """The most memory that this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9
