"""The order of jobs, promotions, and when a search is over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_scores import with_numbers
from simulated import RUNGS, play, scheduler, scored

from rosearch.space.genotype import Genotype, Node
from rosearch.strategies.rungs import (
    Rungs,
    best_first,
    expected_evaluations,
    increments,
    ranks_and_contributions,
)
from rosearch.strategies.scheduler import candidate_seed
from rosearch.types import Candidate, ClassCounts, Job, Trial


def test_without_rungs_every_candidate_is_one_job():
    told = play(scheduler(n=25))
    assert [(k, t.candidate.index, t.rung) for k, t in told.items()] == [
        (i, i, 0) for i in range(25)
    ]


def test_about_a_third_of_a_rung_moves_on_one_rung_at_a_time():
    told = list(play(scheduler(n=90, rungs=RUNGS), 4).values())
    by_rung = [[t for t in told if t.rung == r] for r in range(RUNGS)]
    assert [len(level) for level in by_rung] == [90, 30, 10]
    for r in range(1, RUNGS):
        below = {t.candidate.id for t in by_rung[r - 1]}
        ids = [t.candidate.id for t in by_rung[r]]
        assert len(set(ids)) == len(ids) and set(ids) <= below


def test_the_better_ones_move_on():
    told = list(play(scheduler("random", n=90, rungs=2)).values())
    first = [t for t in told if t.rung == 0]
    moved = {t.candidate.id for t in told if t.rung == 1}
    ranked = [t.candidate.id in moved for t in best_first(first)]
    assert sum(ranked[:30]) > 2 * sum(ranked[30:])


CONSTANT = (ClassCounts(40, 40, 100), ClassCounts(60, 0, 0))  # always says the first label


def measured(
    index: int, after: float, clean: float, params: int, classes: tuple[ClassCounts, ...] = ()
) -> Trial:
    trial = scored(Job(index, Candidate(index, Genotype(32, 32, (Node((0,), "conv3"),)), index), 0))
    assert trial.score is not None
    score = with_numbers(trial.score, clean, after, params)
    return replace(trial, score=replace(score, classes=classes))


def test_the_middle_of_the_front_moves_on_before_its_ends():
    trials = [
        measured(0, 0.02, 0.90, 900),  # accurate, and falls to any attack
        measured(1, 0.90, 0.52, 1000),  # robust, and knows next to nothing
        measured(2, 0.40, 0.80, 500),
        measured(3, 0.39, 0.79, 600),  # dominated by the one before
        measured(4, 0.95, 0.40, 100, CONSTANT),
    ]
    ordered = [t.candidate.index for t in best_first(trials, chance_accuracy=0.5)]
    assert ordered == [2, 1, 0, 3]
    unable = [measured(5, 0.95, 0.30, 100, CONSTANT), trials[4]]
    assert [t.candidate.index for t in best_first(unable, chance_accuracy=0.5)] == [4, 5]
    ranks, alone = ranks_and_contributions(trials[:4], 0.5)
    assert ranks.tolist() == [0, 0, 0, 1]
    # Boxes down to (0, 0.5, 1050), without what others of the rank dominate, too.
    middle = 0.4 * 0.3 * 550 - 0.4 * 0.02 * 50 - 0.02 * 0.3 * 150 + 0.02 * 0.02 * 50
    expected = [0.02 * (0.4 - 0.3) * 150, 0.5 * 0.02 * 50, middle, 0.39 * 0.29 * 450]
    assert alone == pytest.approx(expected)


def test_failures_are_not_promoted():
    failed = frozenset(range(0, 60, 2))
    told = play(scheduler(n=60, rungs=RUNGS), 3, fail=failed).values()
    assert all(t.rung == 0 for t in told if t.score is None)
    assert sum(t.rung == 1 for t in told) == 10


def test_only_recent_results_are_compared():
    rungs = Rungs(2, window=10)
    trials = list(play(scheduler("random", n=60)).values())
    for trial in trials:
        rungs.learn(trial)
    promoted = []
    while (found := rungs.promote()) is not None:
        promoted.append(found[0].index)
    assert promoted and min(promoted) >= 50
    assert len(promoted) <= 20


def test_jobs_wait_for_the_results_that_they_depend_on():
    search = scheduler(slots=2)
    first, second = search.ask(), search.ask()
    assert first and second and search.ask() is None and not search.finished
    search.tell(second, scored(second))
    assert search.ask() is None  # the first ends first in imaginary time
    search.tell(first, scored(first))
    assert search.ask() and search.ask() and search.ask() is None
    with pytest.raises(RuntimeError, match="told before"):
        search.tell(first, scored(first))


def test_the_seed_depends_on_run_and_network_only():
    assert candidate_seed(1, "abc") == candidate_seed(1, "abc")
    assert len({candidate_seed(s, h) for s in range(20) for h in "abcdef"}) == 120


@pytest.mark.parametrize("slots", [1, 3, 20])
def test_a_search_ends_whatever_the_slots(slots: int):
    told = play(scheduler(n=31, rungs=RUNGS, slots=slots), 5)
    assert sum(t.rung == 0 for t in told.values()) == 31
    assert sum(t.rung == 1 for t in told.values()) == 10


def test_a_longer_search_starts_like_a_shorter_one():
    short, longer = play(scheduler(n=20)), play(scheduler(n=50))
    assert list(short.values()) == list(longer.values())[:20]


def test_checkpoints_are_worth_keeping_for_who_may_move_on():
    search = scheduler("random", n=90, rungs=2)
    told = list(play(search).values())
    promising = search.unfinished()
    first = [t for t in told if t.rung == 0]
    moved = {t.candidate.id for t in told if t.rung == 1}
    assert not promising & moved
    best = [t.candidate.id for t in best_first(first)[:40] if t.candidate.id not in moved]
    assert set(best) <= promising and len(promising) <= 61 - len(moved)
    fresh = scheduler(rungs=2)
    job = fresh.ask()
    assert job and fresh.unfinished() == {job.candidate.id}


def test_a_budget_of_queries_counts_what_was_learned():
    limited = scheduler(n=60, slots=4)
    limited.queries = 10  # one for each result
    assert 10 <= len(play(limited, 2)) <= 14
    assert limited.spent >= 10


def test_expected_evaluations_are_those_that_come():
    told = list(play(scheduler(n=77, rungs=RUNGS), 3).values())
    counts = tuple(sum(t.rung == rung for t in told) for rung in range(RUNGS))
    assert counts == expected_evaluations(77, RUNGS, 3.0)
    assert increments((0.06, 0.2, 1.0)) == pytest.approx((0.06, 0.14, 0.8))
