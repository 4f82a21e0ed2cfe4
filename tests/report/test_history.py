"""Hypervolume, lineage, what changed between genotypes, rung correlations."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_runs import SIZES, made_run, made_trials
from made_scores import with_numbers

from rosearch.encodings.synonym import Synonym
from rosearch.report.data import plot_data
from rosearch.report.history import (
    changes,
    hypervolume,
    lineage,
    rank_interval,
    rung_correlations,
)
from rosearch.report.page import run_page
from rosearch.report.snapshot import Snapshot, read_snapshot
from rosearch.results.meta import RunMeta
from rosearch.space.genotype import Genotype, Node
from rosearch.space.variation import Space, mutate, sample
from rosearch.strategies.population import front
from rosearch.types import Fidelity, Trial


def scored(trial: Trial, clean: float, after: float, size: int) -> Trial:
    assert trial.score is not None
    return replace(trial, score=with_numbers(trial.score, clean, after, size))


def run_of(trials: list[Trial], **finished: float) -> Snapshot:
    ended = {(t.candidate.index, t.rung): 3600.0 * (t.candidate.index + 1) for t in trials}
    return Snapshot(Path("run"), RunMeta(started=0.0), trials, ended)


def test_hypervolume_of_two_boxes_by_hand():
    a, b, failed = made_trials(3)
    one = scored(a, clean=0.8, after=0.5, size=25)  # of 100: a box of 0.8 x 0.5 x 0.75
    two = scored(b, clean=0.5, after=0.9, size=50)
    curve = hypervolume(run_of([one, failed, two]), 100)
    together = 0.8 * 0.5 * 0.75 + 0.5 * 0.9 * 0.5 - 0.5 * 0.5 * 0.5
    assert curve.volume == pytest.approx((0.3, together), abs=1e-6)
    assert curve.done == (1, 2)
    assert curve.hours == (1.0, 2.0)
    worse = scored(b, clean=0.7, after=0.4, size=30)
    assert hypervolume(run_of([one, worse]), 100).volume == pytest.approx((0.3, 0.3))
    larger_than_all = scored(a, clean=0.9, after=0.9, size=200)
    assert hypervolume(run_of([larger_than_all]), 100).volume == (0.0,)
    assert hypervolume(run_of([]), 100).volume == ()


def test_hypervolume_counts_what_the_front_beats():
    trials = made_trials(30)
    curve = hypervolume(run_of(trials), 10_000_000)
    rng = np.random.default_rng(0)
    points = rng.random((20_000, 3))  # after-attack accuracy, accuracy, share of the parameters
    beaten = np.zeros(len(points), bool)
    for t in front(trials):
        assert t.score is not None
        mine = (t.score.after_attack, t.score.clean, 1 - t.score.params / 1e7)
        beaten |= (points <= mine).all(axis=1)
    assert curve.volume[-1] == pytest.approx(beaten.mean(), abs=0.015)
    assert list(curve.volume) == sorted(curve.volume)


def test_time_counts_in_the_order_in_which_trials_ended():
    first, second, _ = made_trials(3)
    run = replace(run_of([first, second]), finished={(0, 0): 7200.0, (1, 0): 3600.0})
    curve = hypervolume(run, 10_000_000)
    assert curve.hours == (1.0, 2.0)
    assert curve.volume[0] == hypervolume(run_of([second]), 10_000_000).volume[0]


def test_only_the_last_rung_has_a_hypervolume():
    first, second, _ = made_trials(3)
    full = replace(scored(first, clean=0.6, after=0.3, size=1_000_000), rung=1)
    run = replace(
        run_of([first, second, full]), finished={(0, 0): 60.0, (1, 0): 120.0, (0, 1): 3600.0}
    )
    curve = hypervolume(run, 10_000_000)
    assert curve.done == (3,) and curve.hours == (1.0,)
    assert curve.volume == hypervolume(run_of([full]), 10_000_000).volume


def test_lineage_goes_back_to_the_founder():
    trials = made_trials(30)
    steps = lineage(trials, trials[25])
    assert [s.trial.candidate.index for s in steps] == [4, 11, 18, 25]
    assert steps[0].changes == ()
    assert all(step.changes for step in steps[1:])
    alone = replace(trials[25], candidate=replace(trials[25].candidate, parent="gone"))
    assert [s.trial for s in lineage(trials, alone)] == [alone]


def test_changes_are_told_in_words():
    old = Genotype(64, 64, (Node((0,), "conv3"), Node((1,), "lstm", activation="relu")))
    wider = replace(old, width=96, pooling="max")
    assert changes(old, wider) == ("width 64 \u2192 96", "pooling mean \u2192 max")
    swapped = replace(old, nodes=(Node((0,), "gru", norm="layer"), old.nodes[1]))
    assert changes(old, swapped) == ("node 1: conv3 \u2192 gru, norm none \u2192 layer",)
    plain = replace(old, nodes=(old.nodes[0], Node((1,), "lstm")))
    assert changes(old, plain) == ("node 2 (lstm): activation relu \u2192 none",)
    rewired = replace(old, nodes=(old.nodes[0], Node((0,), "lstm", activation="relu")))
    assert changes(old, rewired) == ("node 2 (lstm): reads input",)
    grown = replace(old, nodes=(Node((0,), "ff2"), Node((0,), "conv3"), Node((2, 1), "lstm")))
    assert changes(old, grown)[0] == "node 1 (ff2) added, reads input"
    assert "node 1 (ff2) removed" in changes(grown, old)
    coded = replace(old, coding=Synonym())
    assert changes(old, coded) == ("encoding plain \u2192 synonym:wordnet:0.015:0",)


def test_no_variation_goes_unnoticed():
    rng, space = np.random.default_rng(5), Space(SIZES)
    for _ in range(200):
        old = sample(space, rng)
        new = mutate(old, space, rng)
        assert all(changes(old, new))
        assert changes(old, new) != ("order of the nodes",), (old, new)


def test_rung_correlations_compare_the_same_candidates():
    low = [t for t in made_trials(21) if t.score]
    higher = Fidelity(4, 1.0, 400, ("wordnet",))
    high = []
    for t in low[:10]:
        assert t.score is not None
        better = t.score.clean + 0.1
        score = with_numbers(t.score, better, 1 - t.score.after_attack)
        high.append(replace(t, score=replace(score, fitness=1.0, fidelity=higher)))
    (rung,) = rung_correlations([*high, *low])
    assert (rung.lower.epochs, rung.higher, rung.n) == (2, higher, 10)
    assert rung.rho[:2] == pytest.approx((-1.0, 1.0))
    assert rung.rho[2] is None  # it never varies
    assert rung_correlations([*low, *high[:2]]) == []
    assert rung_correlations(low) == []


def test_intervals_of_rank_correlations():
    """Bonett and Wright 2000: rho = 0.6 of 50 pairs has the standard error 0.1585."""
    found = rank_interval(0.6, 50)
    assert found is not None
    half = 1.959964 * 0.15845
    assert math.atanh(found.high) - math.atanh(0.6) == pytest.approx(half, rel=1e-3)
    assert math.atanh(0.6) - math.atanh(found.low) == pytest.approx(half, rel=1e-3)
    assert found.low < 0.6 < found.high < 1
    assert rank_interval(None, 50) is rank_interval(1.0, 50) is rank_interval(0.5, 3) is None


def test_intervals_cover_the_true_correlation():
    """Of normal pairs: Spearman's rho is 6 / pi asin(r / 2)."""
    rng, r, n = np.random.default_rng(0), 0.7, 30
    truth = 6 / math.pi * math.asin(r / 2)
    covered = 0
    for _ in range(400):
        x, noise = rng.normal(size=(2, n))
        y = r * x + math.sqrt(1 - r * r) * noise
        ranks = [np.argsort(np.argsort(v)) for v in (x, y)]
        found = rank_interval(float(np.corrcoef(ranks)[0, 1]), n)
        covered += found is not None and found.low <= truth <= found.high
    assert 0.92 < covered / 400 < 0.98


def test_rungs_of_a_run_are_told_apart(tmp_path: Path):
    """Candidates are counted once, the front is of the last rung, the cheap rung has a name."""
    trials = made_trials(30)
    cheap = Fidelity(3, 1.0, 200, ("fgsm",), None, 0.06)
    low = [
        replace(
            t,
            score=replace(with_numbers(t.score, None, 1 - t.score.after_attack), fidelity=cheap),
        )
        for t in trials
        if t.score
    ]
    high = [replace(t, rung=1) for t in trials[:8]]
    run = read_snapshot(made_run(tmp_path, finished=False, trials=[*low, *high]))
    assert len(run.trials) == 37 and len(run.candidates) == 29
    assert {t.rung for t in run.front} == {1} and run.leader and run.leader.rung == 1
    page = run_page(run, plots=False)
    assert "29 candidates have been" in page
    words = "the first 6% of 3 epochs on 100% of the train split, 200 texts attacked by fgsm"
    assert words in page
    data = plot_data([run])["runs"][0]
    assert len(data["id"]) == 29 and len(data["cheap"]) == 21
    assert not set(data["front"]) & set(data["cheap"])
    assert [a.n for a in run.statistics.analyses] == [8]


def test_rung_correlations_are_shown_only_where_there_are_several_fidelities(tmp_path: Path):
    run = read_snapshot(made_run(tmp_path, finished=False))
    assert 'id="rungs"' not in run_page(run, plots=False)
    again = [
        replace(t, score=replace(t.score, fidelity=Fidelity(9, 1.0, 400, ("wordnet",))))
        for t in run.trials[:5]
        if t.score
    ]
    page = run_page(replace(run, trials=[*run.trials, *again]), plots=False)
    assert page.count("<td>1.00</td>") == 3
    assert "against 9 epochs on 100% of the train split, 400 texts attacked by wordnet" in page
