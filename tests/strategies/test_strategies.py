"""One behaviour suite for all strategies."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import CONFIG, RUNGS, SEEDS, SPACE, play, scheduler, scored

from rosearch.objectives import find_objectives, points
from rosearch.space.variation import sample
from rosearch.strategies import STRATEGIES
from rosearch.strategies.population import front
from rosearch.types import Candidate, Job

LEARNING = [name for name in STRATEGIES if name != "random"]


@pytest.fixture(params=STRATEGIES)
def strategy(request) -> str:
    return request.param


@pytest.mark.parametrize("rungs", [1, RUNGS])
def test_any_number_of_workers_gives_the_same_run(strategy: str, rungs: int):
    runs = [play(scheduler(strategy, rungs=rungs), workers) for workers in (1, 2, 8)]
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("rungs", [1, RUNGS])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(strategy: str, rungs: int):
    whole = play(scheduler(strategy, rungs=rungs), 4)
    known: dict = {}
    for kill in (1, 7, 13, 20):
        known |= play(scheduler(strategy, rungs=rungs), 4, known=known, stop_after=kill)
    assert play(scheduler(strategy, rungs=rungs), 2, known=known) == whole


def test_another_seed_gives_another_run(strategy: str):
    first, second = play(scheduler(strategy)), play(scheduler(strategy, seed=2))
    assert [t.candidate.id for t in first.values()] != [t.candidate.id for t in second.values()]


def test_no_candidate_comes_twice_and_seeds_come_first(strategy: str):
    ids = [t.candidate.id for t in play(scheduler(strategy, n=100), 2).values()]
    assert len(set(ids)) == len(ids) == 100
    assert ids[:3] == [g.hash for g in SEEDS]


def test_children_name_a_parent_that_was_proposed_before(strategy: str):
    told = list(play(scheduler(strategy)).values())
    ids = [t.candidate.id for t in told]
    parents = [(i, t.candidate.parent) for i, t in enumerate(told) if t.candidate.parent]
    assert bool(parents) == (strategy != "random")
    assert all(parent in ids[:i] for i, parent in parents)


def test_failed_candidates_never_become_parents(strategy: str):
    failed = frozenset(range(9, 60, 3))
    told = play(scheduler(strategy, n=80), 2, fail=failed).values()
    dead = {t.candidate.id for t in told if t.score is None}
    assert len(dead) == len(failed)
    assert not dead & {t.candidate.parent for t in told}


def test_a_search_in_which_all_fail_still_ends(strategy: str):
    told = play(scheduler(strategy, n=30, rungs=RUNGS), 2, fail=frozenset(range(30)))
    assert len(told) == 30


@pytest.mark.parametrize("name", LEARNING)
def test_learning_beats_chance(name: str):
    rng = np.random.default_rng(0)
    drawn = [scored(Job(i, Candidate(i, sample(SPACE, rng), i), 2)) for i in range(200)]
    chance = np.mean([t.score.after_attack for t in drawn if t.score])
    late = list(play(scheduler(name, n=150), 2).values())[-30:]
    assert np.mean([t.score.after_attack for t in late if t.score]) > chance + 0.1


SETS = (
    ["accuracy", "params"],
    ["robustness", "latency_ms"],
    ["robustness", "accuracy", "latency_ms", "params"],
    ["flops", "robustness", "params", "latency_ms", "accuracy"],
)


@pytest.mark.parametrize("names", SETS, ids="+".join)
def test_two_to_five_objectives_work(strategy: str, names: list[str]):
    objectives = find_objectives(names)
    runs = [
        list(play(scheduler(strategy, 40, rungs=RUNGS, objectives=objectives), w).values())
        for w in (1, 3)
    ]
    assert runs[0] == runs[1] and {t.rung for t in runs[0]} == {0, 1, 2}
    kept = points(front(runs[0], objectives), objectives)
    every = points([t for t in runs[0] if t.rung == 2], objectives)
    assert kept.shape[1] == len(names)
    assert all((kept >= one).all(1).any() for one in every)  # the order: equal or beaten by one


def test_proposing_changes_nothing(strategy: str):
    made = STRATEGIES[strategy](SPACE, CONFIG)
    for trial in play(scheduler(strategy, n=40)).values():
        made.learn(trial)
    first = made.propose(50, np.random.default_rng(3))
    made.propose(51, np.random.default_rng(4))
    assert made.propose(50, np.random.default_rng(3)) == first


def test_a_strategy_keeps_little(strategy: str):
    """Memory does not grow with the run."""
    import pickle

    made = STRATEGIES[strategy](SPACE, CONFIG)
    sizes = []
    for i, trial in enumerate(play(scheduler("random", n=600), 4).values()):
        made.learn(trial)
        if i in (299, 599):
            sizes.append(len(pickle.dumps(made.__dict__)))
    assert sizes[1] < 1.5 * sizes[0]


def test_ageing_evolution_forgets_the_oldest():
    made = STRATEGIES["aging_evolution"](SPACE, CONFIG)
    for trial in play(scheduler(n=30)).values():
        made.learn(trial)
    living = list(made.living.values())  # type: ignore[attr-defined]
    assert [t.candidate.index for t in living] == list(range(22, 30))


def test_nsga2_keeps_the_front():
    made = STRATEGIES["nsga2"](SPACE, CONFIG)
    trials = list(play(scheduler("random", n=100)).values())
    for trial in trials:
        made.learn(trial)
    living = set(made.living)  # type: ignore[attr-defined]
    best = {t.candidate.id for t in front(trials)}
    assert living <= best or best <= living
