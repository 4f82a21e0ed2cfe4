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
from rosearch.types import Robustness

COUNTS = {name: Robustness(name, 10, 8, n, 9) for name, n in (("wordnet", 6), ("pwws", 2))}


def context(**fields: Any) -> Any:
    train = SimpleNamespace(teacher_params=10_000)
    return SimpleNamespace(train=train, teacher_accuracy=0.8, **fields)


@pytest.mark.parametrize(("how", "kept"), [("worst", 0.25), ("mean", 0.5)])
def test_robustness_is_the_worst_or_the_mean_over_suites(how: Any, kept: float):
    one = context(fitness=FitnessConfig(accuracy=0, efficiency=0, over_suites=how))
    assert fitness(0.8, COUNTS, 1000, one) == pytest.approx(kept)
    alone = {"wordnet": COUNTS["wordnet"]}
    assert fitness(0.8, alone, 1000, one) == pytest.approx(0.75)


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
