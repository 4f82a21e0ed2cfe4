"""Measuring for an estimate ends in time on any task, and tells the truth where costs are plain."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rosearch.attacks.attack import Outcome
from rosearch.attacks.steps import Request
from rosearch.evaluation import costs
from rosearch.tasks import Split
from rosearch.tasks.words import Words
from rosearch.types import Fidelity

NONE: Any = None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that trainings and questions turn on."""
    found = SimpleNamespace(now=0.0)
    monkeypatch.setattr(costs, "time", SimpleNamespace(perf_counter=lambda: found.now))
    return found


class Asked:
    """An attack that asks about every word, and a victim to which each word takes its time."""

    def __init__(self, clock: SimpleNamespace, each: float = 0.001) -> None:
        self.clock, self.each, self.texts = clock, each, list[str]()

    def search(self, text: Words, label: int):
        self.texts.append(text.text)
        for _ in text.words:
            answer = yield Request([text])
        return Outcome("survived", text, answer[0], answer[0], len(text.words))

    name, limited = "asked", NONE

    def probabilities(self, texts: list[Words]) -> np.ndarray:
        self.clock.now += sum(self.each * len(text.words) for text in texts)
        return np.full((len(texts), 2), 0.5)

    def seconds(self, texts: Split) -> float:
        return sum(self.each * len(text.split()) ** 2 for text in texts.texts)

    def told(self, texts: Split, allowed: float) -> float:
        victim: Any = self
        return costs.seconds_to_attack([self], victim, texts, allowed)


def split(*lengths: int) -> Split:
    return Split(tuple("word " * n for n in lengths), (0,) * len(lengths))


def test_where_all_texts_can_be_attacked_they_are(clock):
    texts, asked = split(10, 20, 15, 8, 12), Asked(clock)
    assert asked.told(texts, 10.0) == pytest.approx(asked.seconds(texts))
    assert asked.texts == list(texts.texts)


@pytest.mark.parametrize("lengths", [(300,) * 50, (30, 300) * 50, (3000,) * 9, (20,) * 3_000])
def test_more_is_told_from_what_can_be_done_in_time(clock, lengths):
    texts, asked = split(*lengths), Asked(clock, 0.01)
    told = asked.told(texts, 100.0)
    assert told == pytest.approx(asked.seconds(texts)) and told > 1_000
    assert clock.now <= 100.0
    assert all(len(text.split()) <= costs.FIRST_WORDS for text in asked.texts[: costs.FEW])


def test_an_attack_that_takes_longer_than_it_should_is_given_up(clock):
    asked = Asked(clock)

    class Harder(Asked):
        def probabilities(self, texts: list[Words]) -> np.ndarray:
            self.each = 0.001 if len(texts[0].words) <= 64 else 1.0
            return super().probabilities(texts)

    asked = Harder(clock)
    told = asked.told(split(*(100,) * 20), 50.0)
    assert clock.now < 50 + 4 * 100  # one question more of each text under attack
    assert told > 100


def test_the_teacher_has_its_time_for_all_attacks_together(clock):
    asked = Asked(clock, 0.1)
    context: Any = SimpleNamespace(
        opened=lambda _: asked, attacks=lambda _: (asked,), validation=split(*(300,) * 20)
    )
    told = costs.attack_seconds(NONE, ("a", "b", "c"), 9_000.0, context)
    assert told == {name: pytest.approx(0.1 * 300**2) for name in "abc"}
    assert clock.now <= 9_000.0


@pytest.mark.parametrize(("step", "portions"), [(0.05, [1.0]), (1.0, [1.0, 0.055])])
def test_a_long_training_is_given_up_and_its_time_told(clock, monkeypatch, step, portions):
    trained = []

    def train(_g, _data, _config, fidelity, _seed, *, on_batch=None, validate=None):
        trained.append(fidelity.portion)
        last = round(100 * fidelity.portion)
        for done in range(1, last + 1):
            clock.now += step
            if on_batch:
                on_batch(done, last, 0.5)
        return "student"

    monkeypatch.setattr("rosearch.distill.train.train_student", train)
    monkeypatch.setattr("rosearch.evaluation.candidate.validation_loss", lambda *_: None)
    job: Any = SimpleNamespace(candidate=SimpleNamespace(genotype=None, seed=0))
    context: Any = SimpleNamespace(train=None, distill=None)
    model, took = costs._trained(job, Fidelity(1, 1.0, 10, ("x",)), 10.0, context)
    assert (model, took) == ("student", pytest.approx(100 * step))
    assert trained == pytest.approx(portions)
    assert clock.now <= 17
