"""Clusters keep apart what means different things for the task, and merge the rest."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from rosearch.encodings.clusters import (
    Evidence,
    growing_clusters,
    word_evidence,
)

TEXTS = (
    [["good", "film"]] * 30 + [["bad", "film"]] * 30 + [["fine", "movie"]] * 20
    + [["poor", "movie"]] * 20
)  # fmt: skip
LOGITS = np.array([[-1.0, 1.0]] * 30 + [[1.0, -1.0]] * 30 + [[-1.0, 1.0]] * 20 + [[1.0, -1.0]] * 20)


def test_evidence_has_the_sign_of_the_class():
    evidence = word_evidence(TEXTS, LOGITS)
    assert evidence.effect["good"][1] > 0.3 > 0 > evidence.effect["good"][0]
    assert evidence.effect["bad"][0] > 0.3
    assert abs(evidence.effect["film"][0]) < 0.1
    assert evidence.count["good"] == 30


def test_opposites_stay_apart_however_they_are_linked():
    evidence = word_evidence(TEXTS, LOGITS)
    lexicon = {"good": ["fine", "bad", "well"], "bad": ["poor", "good"], "film": ["movie"]}
    clusters = clusters_at(lexicon, evidence, tolerance=0.02)
    assert clusters["good"] == clusters["fine"] == clusters["well"]
    assert clusters["bad"] == clusters["poor"] != clusters["good"]
    assert clusters["film"] == clusters["movie"]


def test_tolerance_decides_how_much_is_merged():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(200)]
    evidence = Evidence({w: rng.normal(size=2) for w in words}, dict.fromkeys(words, 5))
    lexicon = {w: [words[j] for j in rng.integers(0, 200, 4)] for w in words}
    counts = [len(set(clusters_at(lexicon, evidence, t).values())) for t in (0.0, 0.5, 1e9)]
    merged = [len(clusters_at(lexicon, evidence, t)) for t in (0.0, 0.5, 1e9)]
    assert merged[0] == 0 < merged[1] <= merged[2]
    assert counts[2] < counts[1]


def clusters_at(lexicon, evidence: Evidence, tolerance: float, cap: int = 0) -> dict[str, str]:
    return growing_clusters(lexicon, evidence, (tolerance,), cap)[tolerance]


def random_words(n: int, seed: int) -> tuple[dict[str, list[str]], Evidence]:
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(n)]
    evidence = Evidence({w: rng.normal(size=2) for w in words}, dict.fromkeys(words, 5))
    return {w: [words[j] for j in rng.integers(0, n, 4)] for w in words}, evidence


@pytest.mark.parametrize("cap", [0, 3])
def test_growing_clusters_equal_those_of_each_tolerance(cap: int):
    lexicon, evidence = random_words(150, 2)
    tolerances = (0.5, 0.05, 5.0, 0.2)
    grown = growing_clusters(lexicon, evidence, tolerances, cap)
    for tolerance in tolerances:
        assert grown[tolerance] == clusters_at(lexicon, evidence, tolerance, cap)


@pytest.mark.parametrize("cap", [2, 5, 20])
def test_no_cluster_outgrows_the_cap(cap: int):
    lexicon, evidence = random_words(150, 3)
    sizes = Counter(clusters_at(lexicon, evidence, 1e9, cap).values())
    assert 2 <= max(sizes.values()) <= cap
    assert max(Counter(clusters_at(lexicon, evidence, 1e9).values()).values()) > 20


def test_order_of_the_lexicon_does_not_matter():
    rng = np.random.default_rng(1)
    words = [f"w{i}" for i in range(60)]
    evidence = Evidence({w: rng.normal(size=2) for w in words}, dict.fromkeys(words, 3))
    lexicon = {w: [words[j] for j in rng.integers(0, 60, 3)] for w in words}
    backwards = dict(reversed(lexicon.items()))

    def groups(clusters: dict[str, str]) -> set[frozenset[str]]:
        return {frozenset(w for w in clusters if clusters[w] == c) for c in clusters.values()}

    assert groups(clusters_at(lexicon, evidence, 0.4)) == groups(
        clusters_at(backwards, evidence, 0.4)
    )


def test_no_evidence_and_no_lexicon():
    assert clusters_at({}, Evidence({}, {}), 1.0) == {}
    assert set(clusters_at({"a": ["b"]}, Evidence({}, {}), 0.0)) == {"a", "b"}
