"""Properties of sampling, mutation, crossover, repair and cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosearch.config import EncodingConfig
from rosearch.encodings.plain import PLAIN
from rosearch.encodings.synonym import Synonym
from rosearch.errors import UserError
from rosearch.space.cost import Limits, Sizes, efficiency, params
from rosearch.space.genotype import from_json
from rosearch.space.variation import Space, crossover, mutate, repair, sample

SYNONYMS = Synonym.offered(EncodingConfig(("wordnet", "relatives"), (0.005, 0.05), (0, 20)))
ROWS = {"plain": 3000, "synonym:wordnet:0.015:0": 2000, **{c.key: 2000 for c in SYNONYMS}}
SIZES = Sizes(ROWS, 2)
SPACE = Space(SIZES)
LIMITED = Space(SIZES, Limits(max_params=300_000), codings=(PLAIN, *SYNONYMS))


@settings(max_examples=1000, deadline=None)
@given(st.integers(0, 2**32))
def test_chains_of_variations_stay_valid_and_leave_parents_alone(seed: int):
    rng = np.random.default_rng(seed)
    a, b = sample(LIMITED, rng), sample(LIMITED, rng)
    for _ in range(4):
        before = a.to_json(), b.to_json()
        child = mutate(a, LIMITED, rng)
        mixed = crossover(a, b, LIMITED, rng)
        assert (a.to_json(), b.to_json()) == before
        assert child.hash != a.hash
        for g in (child, mixed):
            assert from_json(g.to_json()) == g  # valid
            assert len(g.nodes) <= LIMITED.max_nodes
            assert params(g, SIZES) <= 300_000
        a, b = child, mixed


@settings(max_examples=1000, deadline=None)
@given(st.integers(0, 2**32))
def test_every_mutation_changes_the_hash_or_nothing_at_all(seed: int):
    rng = np.random.default_rng(seed)
    g = sample(LIMITED, rng)
    before = g.to_json()
    child = mutate(g, LIMITED, rng)
    assert child.hash != g.hash
    assert g.to_json() == before
    assert params(child, SIZES) <= 300_000
    assert child.encoding == "plain" or child.coding in SYNONYMS


def test_synonym_encodings_change_one_gene_at_a_time():
    rng = np.random.default_rng(0)
    g = replace(sample(LIMITED, rng), coding=SYNONYMS[0])
    seen = set()
    for _ in range(300):
        child = mutate(g, LIMITED, rng)
        if g.encoding == child.encoding == "synonym":
            old, new = vars(g.coding), vars(child.coding)
            assert sum(old[gene] != new[gene] for gene in old) <= 1
            seen.add(child.encoding_key)
        g = child
    assert len(seen) > 3


def test_wrong_codings_are_refused():
    with pytest.raises(UserError, match="space: max_cluster: expected 0"):
        Space(SIZES, codings=(Synonym(max_cluster=1),))
    with pytest.raises(UserError, match="space: codings: expected one or more"):
        Space(SIZES, codings=())


def test_the_same_generator_gives_the_same_genotypes():
    first = [sample(SPACE, np.random.default_rng(3)) for _ in range(2)]
    assert first[0] == first[1]


def test_samples_cover_the_space():
    rng = np.random.default_rng(0)
    found = [sample(SPACE, rng) for _ in range(400)]
    assert {node.op for g in found for node in g.nodes} == set(SPACE.ops)
    assert {g.encoding for g in found} == set(SPACE.encodings)
    assert {g.pooling for g in found} == set(SPACE.poolings)


def test_repair_changes_nothing_within_the_limits():
    g = sample(LIMITED, np.random.default_rng(1))
    assert repair(g, LIMITED) is g


def test_impossible_limit_names_the_smallest_value():
    with pytest.raises(UserError, match=r"max_params=1000 cannot be met: the smallest .* has \d+"):
        Space(SIZES, Limits(max_params=1000))


def test_unreachable_limit_within_the_choices_is_an_error_not_a_loop():
    narrow = {"widths": (768,), "embedding_dims": (512,), "poolings": ("attention",)}
    with pytest.raises(UserError, match="max_params=100000 cannot be met") as error:
        Space(SIZES, Limits(max_params=100_000), **narrow)
    smallest = int(str(error.value).split()[-1])
    found = sample(Space(SIZES, Limits(max_params=smallest), **narrow), np.random.default_rng(0))
    assert params(found, SIZES) == smallest
    tight = Limits(max_params=smallest, max_flops=1)
    with pytest.raises(UserError, match="max_flops=1 cannot be met"):
        Space(SIZES, tight, **narrow)


def test_unknown_choice_is_named():
    with pytest.raises(UserError, match=r"space: ops: expected one or more of identity.*conv99"):
        Space(SIZES, ops=("conv99",))


@pytest.mark.parametrize(("ratio", "value"), [(1, 0.0), (0.5, 0.0), (6.5, 1.0), (40, 1.0)])
def test_efficiency_is_log_compression_capped_at_one(ratio: float, value: float):
    assert efficiency(ratio, 6.5) == pytest.approx(value)


def test_efficiency_between():
    assert efficiency(6.5**0.5, 6.5) == pytest.approx(0.5)
