"""Front, ranks, crowding and tournaments."""

from __future__ import annotations

import numpy as np
from simulated import RUNGS, play, scheduler

from rosearch.objectives import oriented
from rosearch.strategies.population import (
    front,
    ranks_and_crowding,
    standing,
    tournament,
)
from rosearch.types import Trial


def goals(t: Trial) -> tuple[float, ...]:
    assert t.score is not None
    return oriented(t.score)


def beats(a: Trial, b: Trial) -> bool:
    return goals(a) != goals(b) and all(x >= y for x, y in zip(goals(a), goals(b), strict=True))


def test_front_holds_exactly_the_unbeaten():
    told = list(play(scheduler(n=60)).values())
    kept = front(told)
    assert len({goals(t) for t in kept}) == len(kept)
    for t in told:
        beaten = any(beats(other, t) for other in told)
        assert (goals(t) in {goals(k) for k in kept}) != beaten


def test_front_compares_the_highest_rung_only():
    told = list(play(scheduler(n=60, rungs=RUNGS)).values())
    assert {t.rung for t in front(told)} == {2}
    assert front([t for t in told if t.rung == 0]) and front([]) == []


def test_ranks_peel_off_one_front_after_the_other():
    told = list(play(scheduler(n=60)).values())
    ranks, crowding = ranks_and_crowding(told)
    left = set(range(60))
    for rank in range(int(ranks.max()) + 1):
        unbeaten = {i for i in left if not any(beats(told[j], told[i]) for j in left)}
        assert unbeaten == {int(i) for i in np.flatnonzero(ranks == rank)}
        left -= unbeaten
    assert (crowding >= 0).all() and np.isinf(crowding[ranks == 0]).any()


def test_a_large_tournament_picks_the_best():
    told = list(play(scheduler(n=60, rungs=RUNGS)).values())
    assert tournament(told, 2000, np.random.default_rng(0)) == max(told, key=standing)
