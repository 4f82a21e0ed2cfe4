"""Fitness under several attack suites, and what objectives measure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rosearch.config import FitnessConfig
from rosearch.evaluation.candidate import measurements
from rosearch.evaluation.fitness import fitness
from rosearch.objectives import OBJECTIVES, Objective
from rosearch.space.cost import Sizes, flops, params
from rosearch.space.presets import text_cnn
from rosearch.types import AttackedClass, ClassCounts, Robustness

CLASSES = (ClassCounts(10, 8, 10), ClassCounts(10, 8, 10))
COUNTS = {name: Robustness(name, 10, 8, n, 9) for name, n in (("wordnet", 6), ("pwws", 2))}


def context(teacher: float = 0.8, reference: float = 0.72, **fields: Any) -> Any:
    train = SimpleNamespace(teacher_params=10_000)
    known = {"teacher_accuracy": teacher, "reference_accuracy": reference}
    return SimpleNamespace(train=train, **known, **fields)


def test_a_teacher_that_is_never_right_is_no_measure():
    """Students are held to chance: the constant one has all that is asked."""
    constant = (ClassCounts(10, 10, 20), ClassCounts(10, 0, 0))
    weights = FitnessConfig(efficiency=0, robustness=0)
    assert fitness(constant, COUNTS, 1000, context(0.0, 0.0, fitness=weights)) == 1.0
    nothing = (ClassCounts(10, 0, 10), ClassCounts(10, 0, 10))
    found = fitness(nothing, COUNTS, 1000, context(0.0, 0.0, fitness=weights))
    assert found == pytest.approx(-weights.shortfall * weights.min_accuracy)


@pytest.mark.parametrize(("reference", "charged"), [(0.8, 0.0), (0.9, 0.1), (0.4, 0.0), (1, 0.2)])
def test_what_the_plain_reference_is_better_by_is_charged(reference: float, charged: float):
    weights = FitnessConfig(efficiency=0, robustness=0, shortfall=3)
    found = fitness(CLASSES, COUNTS, 1000, context(0.8, reference, fitness=weights))
    assert found == pytest.approx(1 - 3 * charged / 0.8)


@pytest.mark.parametrize(("how", "kept"), [("worst", 0.25), ("mean", 0.5)])
def test_robustness_is_the_worst_or_the_mean_over_suites(how: Any, kept: float):
    one = context(fitness=FitnessConfig(accuracy=0, efficiency=0, over_suites=how))
    assert fitness(CLASSES, COUNTS, 1000, one) == pytest.approx(kept)
    alone = {"wordnet": COUNTS["wordnet"]}
    assert fitness(CLASSES, alone, 1000, one) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("metric", "accuracy", "kept"), [("balanced", 0.5, 0.5), ("accuracy", 0.97, 0.97)]
)
def test_always_the_same_label_is_worth_what_the_metric_says(
    metric: Any, accuracy: float, kept: float
):
    """A constant on 3 % positives: plain accuracy says it is nearly perfect."""
    constant = (ClassCounts(970, 970, 1000), ClassCounts(30, 0, 0))
    attacked = (AttackedClass(30, 30, 30, 0.97), AttackedClass(30, 0, 0, 0.03))
    counts = {"wordnet": Robustness("wordnet", 60, 30, 30, 60, attacked)}
    assert counts["wordnet"].after(metric) == pytest.approx(kept)
    settings = FitnessConfig(efficiency=0, robustness=0, shortfall=0, metric=metric)
    one = context(fitness=settings)
    assert fitness(constant, counts, 1000, one) == pytest.approx(accuracy / 0.8)


def test_measurements_are_what_objectives_of_the_search_ask_for(
    monkeypatch, sizes: Sizes, scratch_registries
):
    g = text_cnn()
    monkeypatch.setattr("rosearch.evaluation.candidate.latency_ms", lambda model: 1.5)
    monkeypatch.setattr("rosearch.evaluation.candidate.on_cpu", lambda model: model)
    OBJECTIVES.register(Objective("layers", measure=lambda model, g, context: model.layers))
    OBJECTIVES.register(Objective("width", exact=lambda g, sizes: g.width))
    OBJECTIVES.register(Objective("unasked", measure=lambda model, g, context: 1 / 0))
    asked = context(sizes=sizes, objectives=("robustness", "layers", "wordnet", "width"))
    found = measurements(SimpleNamespace(layers=7), g, asked)  # type: ignore[arg-type]
    assert found == {
        "params": params(g, sizes), "flops": flops(g, sizes), "layers": 7.0, "width": g.width,
        "latency_ms": 1.5,
    }  # fmt: skip
