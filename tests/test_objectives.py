"""Objectives by name, and what is told by the values of several."""

from __future__ import annotations

import moocore
import numpy as np
import pytest
from made_scores import made_score

from rosearch.config import make_config
from rosearch.errors import UserError
from rosearch.evaluation.held_out import check
from rosearch.objectives import (
    DEFAULT,
    OBJECTIVES,
    Objective,
    contributions,
    crowding,
    find_objectives,
    hypervolume,
    is_nondominated,
    nondominated_ranks,
    oriented,
    reference_point,
)
from rosearch.types import Fidelity, Robustness, Score

FIDELITY = Fidelity(1, 1.0, 10, ("wordnet",))
SCORE = made_score(0.75, 100, 0.5, 0.2, 10, 1000, 70, 2.5, 1, 1.0, 1.0, 1.0, FIDELITY)


def test_a_score_is_read_by_names_and_more_is_better():
    assert oriented(SCORE, DEFAULT) == (0.5, 0.75, -1000.0)
    others = find_objectives(["latency_ms", "accuracy", "flops"])
    assert oriented(SCORE, others) == (-2.5, 0.75, -70.0)
    exact = [o.name for o in map(OBJECTIVES.get, OBJECTIVES) if o and o.exact]
    assert exact == ["params", "flops"]


def test_attack_suites_are_objectives_and_make_one_robustness():
    attacks = {
        "wordnet": Robustness("wordnet", 10, 8, 6, 5),
        "pwws": Robustness("pwws", 10, 8, 2, 7),
    }
    score = Score(0.8, 100, attacks, {"params": 5}, 1.0, 1.0, 1.0, FIDELITY)
    both = find_objectives(["pwws", "wordnet", "robustness"], ["wordnet", "pwws"])
    assert oriented(score, both) == (0.2, 0.6, 0.2)
    assert (score.attack_success_rate, score.queries, score.attacked) == (0.75, 12, 10)
    mean = Score(0.8, 100, attacks, {"params": 5}, 1.0, 1.0, 1.0, FIDELITY, "mean")
    assert (mean.after_attack, mean.attack_success_rate) == (0.4, 0.5)
    assert oriented(SCORE, both) == (0.5, 0.5, 0.5)  # a rung with a suite of its own


def test_an_unknown_name_lists_the_known_ones():
    known = "there are wordnet, robustness, accuracy, params, flops, latency_ms"
    with pytest.raises(UserError, match=f"no objective 'size'; {known}"):
        find_objectives(["accuracy", "size"], ["wordnet"])
    for wrong in (["accuracy"], ["accuracy", "accuracy"], [*OBJECTIVES, "wordnet"]):
        with pytest.raises(UserError, match=r"expected 2 to 5 different objectives, found \["):
            find_objectives(wrong, ["wordnet"])
    config = make_config(overrides={"search": {"objectives": ["accuracy", "size"]}})
    with pytest.raises(UserError, match=r"search\.objectives: no objective 'size'"):
        check(config)


def test_what_is_measured_by_a_plugin_is_an_objective():
    depth = OBJECTIVES.register(Objective("depth", measure=lambda model, g, context: len(g.nodes)))
    try:
        found = find_objectives(["accuracy", "depth"])
        assert found[1] is depth
        score = Score(0.8, 100, {}, {"depth": 3}, 1.0, 1.0, 1.0, FIDELITY)
        assert oriented(score, found) == (0.8, -3.0)
    finally:
        OBJECTIVES.remove("depth")


def test_volume_begins_at_chance_at_nothing_and_beyond_the_worst():
    gain = Objective("gain", maximise=True)
    objectives = (*DEFAULT, gain, Objective("loss"))
    values = np.array([[0.5, 0.75, -1000.0, 2.0, 0.5], [0.2, 0.8, -10.0, 1.0, 3.0]])
    found = reference_point(values, objectives, 0.55)
    assert found == pytest.approx([0.0, 0.55, -1050.0, 0.95, 0.475])
    assert (values >= found)[:, [0, 1, 2, 3, 4]].all()


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_functions_on_two_to_five_objectives(k: int, rng):
    values, reference = rng.random((30, k)).round(1), np.full(k, -0.1)
    ranks = nondominated_ranks(values)
    front = is_nondominated(values)
    assert front.any() and (ranks[front] == 0).all()
    alone = contributions(values, ranks, reference)
    one = int(np.argmax(alone * (ranks == 0)))
    others = np.delete(values[ranks == 0], np.flatnonzero(np.flatnonzero(ranks == 0) == one), 0)
    lost = hypervolume(values[ranks == 0], reference) - hypervolume(others, reference)
    assert alone[one] == pytest.approx(lost)
    assert hypervolume(values, reference) == pytest.approx(
        float(moocore.hypervolume(-values, ref=-reference))
    )
    assert np.isinf(crowding(values, ranks)[ranks == 0]).any()
    assert hypervolume(np.zeros((0, k)), reference) == 0
