"""The evolution: deterministic whatever the order of completion, no duplicates, ageing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rosearch.space.cost import Sizes, params
from rosearch.space.presets import bilstm, text_cnn, transformer
from rosearch.space.vary import Space, sample
from rosearch.strategies.evolution import Evolution, EvolutionConfig, candidate_seed
from rosearch.strategies.population import front, living, tournament
from rosearch.types import Candidate, Fidelity, Score, Trial

SIZES = Sizes({"plain": 3000, "synonym:wordnet:0.015:0": 2000}, 2)
SPACE = Space(SIZES)
SEEDS = [transformer(1), text_cnn(), bilstm("synonym")]


def scored(candidate: Candidate) -> Trial:
    """A made-up but deterministic result: likes synonym encodings and convolutions."""
    g = candidate.genotype
    value = (g.encoding == "synonym") + sum("conv" in n.op for n in g.nodes) / len(g.nodes)
    score = Score(
        clean=0.5 + 0.1 * value, n_clean=100, after_attack=0.2 * value, attack_success_rate=0.5,
        attacked=100, params=params(g, SIZES), flops=1, latency_ms=1.0, queries=1,
        train_seconds=1.0, attack_seconds=1.0, fitness=value, fidelity=Fidelity(1, 1.0, 1, "x"),
    )  # fmt: skip
    return Trial(candidate, score)


def run(workers: int, n: int = 60, seed: int = 1, fail: int | None = None) -> list[Trial]:
    """A search in which up to `workers` are under way and finish in a random order."""
    evolution = Evolution(SPACE, SEEDS, EvolutionConfig(population=8, lag=4), seed)
    order = np.random.default_rng(workers)
    running: list[Candidate] = []
    arrived: dict[int, Trial] = {}
    while len(evolution.told) < n:
        while evolution.ready and len(evolution.asked) < n and len(running) < workers:
            running.append(evolution.ask())
        if running:
            c = running.pop(int(order.integers(len(running))))
            arrived[c.index] = Trial(c, error="boom") if c.index == fail else scored(c)
        while len(evolution.told) in arrived:
            evolution.tell(arrived.pop(len(evolution.told)))
    return evolution.told


def test_any_number_of_workers_gives_the_same_run():
    runs = [[t.candidate for t in run(workers)] for workers in (1, 2, 8)]
    assert runs[0] == runs[1] == runs[2]


def test_another_seed_gives_another_run():
    assert [t.candidate.id for t in run(1)] != [t.candidate.id for t in run(1, seed=2)]


def test_no_candidate_comes_twice():
    ids = [t.candidate.id for t in run(2, n=200)]
    assert len(set(ids)) == 200


def test_seeds_come_first():
    assert [t.candidate.id for t in run(1)[:3]] == [g.hash for g in SEEDS]


def test_the_search_gets_better():
    rng = np.random.default_rng(0)
    candidates = [Candidate(i, sample(SPACE, rng), 0) for i in range(200)]
    chance = np.mean([t.score.fitness for t in map(scored, candidates) if t.score])
    late = np.mean([t.score.fitness for t in run(2, n=150)[-30:] if t.score])
    assert late > chance + 0.5


def test_children_name_their_parent():
    told = run(1)
    ids = {t.candidate.id for t in told}
    parents = [t.candidate.parent for t in told[8 + 4 :]]
    assert all(p in ids for p in parents)
    assert all(t.candidate.parent is None for t in told[:8])


def test_a_failed_candidate_never_becomes_a_parent():
    told = run(2, n=80, fail=9)
    assert told[9].candidate.id not in {t.candidate.parent for t in told}


def test_results_must_come_in_order():
    evolution = Evolution(SPACE, SEEDS, EvolutionConfig(), 0)
    evolution.ask()
    with pytest.raises(RuntimeError, match="expected the result of 0, got 1"):
        evolution.tell(scored(evolution.ask()))


def test_the_seed_depends_on_run_and_network_only():
    assert candidate_seed(1, "abc") == candidate_seed(1, "abc")
    assert len({candidate_seed(s, h) for s in range(20) for h in "abcdef"}) == 120


def test_the_oldest_die():
    told = run(1, n=30)
    assert [t.candidate.index for t in living(told, 5)] == [25, 26, 27, 28, 29]


def test_a_large_tournament_picks_the_fittest():
    told = run(1, n=30)
    best = max(told, key=lambda t: t.score.fitness if t.score else 0)
    winner = tournament(told, 500, np.random.default_rng(0))
    assert winner.score is not None and best.score is not None
    assert winner.score.fitness == best.score.fitness


def test_front_holds_exactly_the_unbeaten():
    told = run(1, n=60)
    kept = {t.candidate.id for t in front(told)}

    def goals(t: Trial) -> tuple[float, float, float]:
        assert t.score is not None
        return t.score.after_attack, t.score.clean, -t.score.params

    for t in told:
        beaten = any(
            all(x >= y for x, y in zip(goals(o), goals(t), strict=True)) and goals(o) != goals(t)
            for o in told
        )
        if beaten:
            assert t.candidate.id not in kept
        else:
            assert goals(t) in {goals(k) for k in told if k.candidate.id in kept}


def test_of_equal_trials_the_first_is_on_the_front():
    told = run(1, n=20)
    twin = replace(told[3], candidate=replace(told[3].candidate, index=99))
    assert front([told[3], twin]) == [told[3]]
    assert front([twin, told[3]]) == [twin]
    assert front([]) == []
