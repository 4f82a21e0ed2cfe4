"""The model-based strategy: its processes, the improvement that it expects, what it proposes."""

from __future__ import annotations

from collections.abc import Sequence

import moocore
import numpy as np
import pytest
from simulated import CONFIG, RUNGS, SPACE, play, scheduler, scored
from threadpoolctl import threadpool_info, threadpool_limits

from rosearch.space.cost import params
from rosearch.space.genotype import Genotype
from rosearch.space.variation import Space, sample
from rosearch.space.vector import vector
from rosearch.strategies import STRATEGIES
from rosearch.strategies.boxes import undominated_boxes
from rosearch.strategies.gaussian_process import GaussianProcess, Settings
from rosearch.strategies.improvement import _by_boxes, _by_slabs, expected_improvement
from rosearch.strategies.surrogate import _Model
from rosearch.types import Candidate, Job


def volume(points: np.ndarray, reference: np.ndarray) -> float:
    return float(moocore.hypervolume(points, ref=reference, maximise=True))


def front_of(rng: np.random.Generator, n: int) -> np.ndarray:
    drawn = rng.random((n, 3))
    return drawn[moocore.is_nondominated(drawn, maximise=True)]


@pytest.mark.parametrize("members", [0, 1, 2, 7, 40])
def test_expected_improvement_is_the_mean_of_what_points_add(members: int, rng):
    front = front_of(rng, members) if members else np.zeros((0, 3))
    reference = np.array([0.1, 0.2, 0.05])  # some members do not reach it
    means, spread = rng.random((6, 2)), 0.02 + 0.2 * rng.random((6, 2))
    exact = rng.random(6)
    found = expected_improvement(front, reference, means, spread, exact)
    before = volume(front, reference) if members else 0.0
    for k in range(6):
        drawn = means[k] + spread[k] * rng.normal(size=(4000, 2))
        gains = [volume(np.vstack([front, [*d, exact[k]]]), reference) - before for d in drawn]
        error = 5 * np.std(gains) / np.sqrt(len(gains)) + 1e-5
        assert found[k] == pytest.approx(np.mean(gains), abs=error)


def test_a_certain_point_adds_exactly_its_volume(rng):
    front, reference = front_of(rng, 12), np.zeros(3)
    points = rng.random((20, 3))
    certain = np.full((20, 2), 1e-9)
    found = expected_improvement(front, reference, points[:, :2], certain, points[:, 2])
    added = [volume(np.vstack([front, p]), reference) - volume(front, reference) for p in points]
    assert found == pytest.approx(np.array(added), abs=1e-6)


@pytest.mark.parametrize(("uncertain", "exact"), [(2, 0), (1, 1), (2, 2), (3, 1), (3, 0), (0, 2)])
@pytest.mark.parametrize("members", [0, 1, 12])
def test_expected_improvement_of_any_number_of_objectives(
    uncertain: int, exact: int, members: int, rng
):
    k = uncertain + exact
    drawn = rng.random((members, k))
    front = drawn[moocore.is_nondominated(drawn, maximise=True)] if members else drawn
    reference = np.full(k, 0.1)
    means, spread = rng.random((4, uncertain)), 0.02 + 0.2 * rng.random((4, uncertain))
    known = rng.random((4, exact))
    found = expected_improvement(front, reference, means, spread, known)
    before = volume(front, reference) if members else 0.0
    for m in range(4):
        points = means[m] + spread[m] * rng.normal(size=(3000, uncertain))
        gains = [volume(np.vstack([front, [*p, *known[m]]]), reference) - before for p in points]
        error = 5 * np.std(gains) / np.sqrt(len(gains)) + 1e-5
        assert found[m] == pytest.approx(np.mean(gains), abs=error)


def test_boxes_and_slabs_agree(rng):
    front, reference = front_of(rng, 30), np.array([0.1, 0.2, 0.05])
    front = front[(front > reference).all(1)]
    means, spread, exact = rng.random((20, 2)), 0.1 * rng.random((20, 2)) + 0.01, rng.random(20)
    slabs = _by_slabs(front, reference, means, spread, exact)
    boxes = _by_boxes(front, reference, means, spread, exact[:, None])
    assert boxes == pytest.approx(slabs, abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("digits", [1, 9])  # with ties, and without
def test_boxes_hold_what_is_undominated_once(k: int, digits: int, rng):
    points, reference = rng.random((25, k)).round(digits), np.full(k, 0.05)
    points = points[(points > reference).all(1)]
    lows, highs = undominated_boxes(points, reference)
    drawn = 1.2 * rng.random((2000, k))
    inside = ((drawn[:, None] >= lows) & (drawn[:, None] < highs)).all(2).sum(1)
    beaten = (points[None] >= drawn[:, None]).all(2).any(1)
    assert (inside == (~beaten & (drawn >= reference).all(1))).all()


def test_points_below_the_reference_add_nothing():
    found = expected_improvement(
        np.zeros((0, 3)),
        np.array([0.0, 0.0, 0.5]),
        np.array([[0.5, 0.5], [-9.0, 0.5], [0.5, 0.5]]),
        np.full((3, 2), 0.1),
        np.array([0.4, 0.9, 0.9]),
    )
    assert found[0] == 0 and found[1] == pytest.approx(0, abs=1e-9) and found[2] > 0.05


def test_a_process_predicts_what_the_formulas_say(rng):
    """Rasmussen and Williams 2006, equations 2.25 and 2.26, written out without any shortcut."""
    features, values = rng.normal(size=(9, 3)), rng.normal(size=9)
    rungs = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1])
    s = Settings(length=0.7, noise=0.1, share=0.4)
    process = GaussianProcess(features, rungs, values, s)

    def standard(x: np.ndarray) -> np.ndarray:
        return (x - features.mean(0)) / features.std(0)

    def covariance(a: np.ndarray, i: int, b: np.ndarray, j: int) -> float:
        near = np.exp(-0.5 * ((a - b) ** 2).mean() / s.length**2)
        return float((0.8 * near + 0.2 * (a * b).mean()) * (1.0 if i == j else s.share))

    known, new = standard(features), standard(rng.normal(size=(4, 3)))
    kernel = np.array(
        [
            [covariance(a, i, b, j) for b, j in zip(known, rungs, strict=True)]
            for a, i in zip(known, rungs, strict=True)
        ]
    )
    moments = [(values[rungs == r].mean(), values[rungs == r].std()) for r in (0, 1)]
    targets = np.array(
        [(v - moments[r][0]) / moments[r][1] for v, r in zip(values, rungs, strict=True)]
    )
    inverse = np.linalg.inv(kernel + s.noise * np.eye(9))
    signal = targets @ inverse @ targets / 9
    means, deviations = process.predict(new * features.std(0) + features.mean(0), 1)
    for k in range(4):
        cross = np.array([covariance(new[k], 1, b, j) for b, j in zip(known, rungs, strict=True)])
        mean = moments[1][0] + moments[1][1] * (cross @ inverse @ targets)
        variance = signal * (covariance(new[k], 1, new[k], 1) - cross @ inverse @ cross)
        assert means[k] == pytest.approx(mean)
        assert deviations[k] == pytest.approx(moments[1][1] * np.sqrt(variance))


def test_cheap_results_help_to_predict_dear_ones_where_they_agree(rng):
    features = rng.normal(size=(60, 4))
    truth = np.sin(features[:, 0]) + 0.5 * features[:, 1]
    noisy = 10 + 3 * truth + 0.3 * rng.normal(size=60)  # another scale: training goes on
    few = np.arange(6)
    rungs = np.array([0] * 60 + [1] * 6)
    both = GaussianProcess(
        np.vstack([features, features[few]]), rungs, np.append(noisy, truth[few])
    )
    alone = GaussianProcess(features[few], rungs[60:], truth[few])
    new = rng.normal(size=(200, 4))
    wanted = np.sin(new[:, 0]) + 0.5 * new[:, 1]

    def error(process: GaussianProcess) -> float:
        return float(np.abs(process.predict(new, 1)[0] - wanted).mean())

    assert error(both) < 0.7 * error(alone)


@pytest.mark.parametrize("values", [[0.5] * 8, [0.1] * 7 + [0.9]])
def test_equal_results_and_equal_genotypes_do_no_harm(values: list[float]):
    process = GaussianProcess(np.ones((8, 3)), np.zeros(8, dtype=int), np.array(values))
    means, deviations = process.predict(np.ones((2, 3)), 0)
    assert np.isfinite(means).all() and (deviations > 0).all()


def test_vectors_are_finite_and_tell_different_students_apart(rng):
    drawn = {g.hash: g for g in (sample(SPACE, rng) for _ in range(300))}
    found = np.array([vector(g, SPACE) for g in drawn.values()])
    assert np.isfinite(found).all()
    different = len(np.unique(found.round(9), axis=0))
    assert different > 0.95 * len(found)  # the wiring is told by a few numbers only


def test_it_finds_the_front_of_a_made_up_objective_in_fewer_evaluations_than_evolution():
    """What it proposes after 40 results is better than what ageing evolution does."""
    late = {}
    for name in ("surrogate", "aging_evolution"):
        told = list(play(scheduler(name, n=60)).values())[40:]
        late[name] = np.mean([t.score.fitness for t in told if t.score])
    assert late["surrogate"] > late["aging_evolution"]


def test_results_of_lower_rungs_are_enough_to_begin_with():
    made = STRATEGIES["surrogate"](SPACE, CONFIG)
    rng = np.random.default_rng(1)
    for i in range(12):
        made.learn(scored(Job(i, Candidate(i, sample(SPACE, rng), i), 0)))
    found = made.propose(12, rng)
    assert params(found.genotype, SPACE.sizes) > 0
    told = list(play(scheduler("surrogate", n=30, rungs=RUNGS), 3).values())
    assert {t.rung for t in told} == {0, 1, 2}


def test_its_linear_algebra_leaves_the_cores_to_the_workers(monkeypatch, rng):
    threads: list[int] = []

    def gain(model: _Model, genotypes: Sequence[Genotype], space: Space) -> np.ndarray:
        threads.extend(i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas")
        return usual(model, genotypes, space)

    usual = _Model.gain
    monkeypatch.setattr(_Model, "gain", gain)
    made = STRATEGIES["surrogate"](SPACE, CONFIG)
    for i in range(6):
        made.learn(scored(Job(i, Candidate(i, sample(SPACE, rng), i), 0)))
    with threadpool_limits(2, user_api="blas"):
        made.propose(6, rng)
    assert threads and set(threads) == {1}
