"""Properties of genotypes: JSON, canonical hash, validity."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosearch.config import EncodingConfig
from rosearch.encodings.plain import PLAIN
from rosearch.encodings.synonym import Synonym
from rosearch.errors import UserError
from rosearch.space.cost import Sizes
from rosearch.space.genotype import Genotype, Node, from_dict, from_json, load, to_dict
from rosearch.space.presets import PRESETS, preset, transformer
from rosearch.space.variation import Space, sample

SYNONYMS = Synonym.offered(EncodingConfig(("wordnet", "relatives"), (0.005, 0.05), (0, 20)))
ROWS = {"plain": 3000, **{c.key: 2000 for c in SYNONYMS}}
SPACE = Space(Sizes(ROWS, 2), codings=(PLAIN, *SYNONYMS), max_nodes=10)
seeds = st.integers(0, 2**32)


def sampled(seed: int) -> Genotype:
    return sample(SPACE, np.random.default_rng(seed))


def renumbered(g: Genotype, rng: np.random.Generator) -> Genotype:
    """The same network: another topological order, inputs in another order."""
    n = len(g.nodes)
    placed, order = {0}, []
    while len(order) < n:
        free = [
            i for i in range(1, n + 1) if i not in placed and set(g.nodes[i - 1].inputs) <= placed
        ]
        order.append(int(rng.choice(free)))
        placed.add(order[-1])
    new = {0: 0} | {old: k for k, old in enumerate(order, start=1)}
    nodes = []
    for old in order:
        node = g.nodes[old - 1]
        shuffled = rng.permutation([new[s] for s in node.inputs])
        nodes.append(replace(node, inputs=tuple(int(s) for s in shuffled)))
    return replace(g, nodes=tuple(nodes))


@settings(max_examples=1000, deadline=None)
@given(seeds)
def test_json_round_trip(seed: int):
    g = sampled(seed)
    assert from_json(g.to_json()) == g
    assert from_json(g.to_json()).hash == g.hash


@settings(max_examples=1000, deadline=None)
@given(seeds, seeds)
def test_hash_is_blind_to_node_order_and_input_order(seed: int, shuffle: int):
    g = sampled(seed)
    other = renumbered(g, np.random.default_rng(shuffle))
    assert other.hash == g.hash


def test_hash_tells_shared_nodes_from_twins():
    conv = Node((0,), "conv3")
    twice = Genotype(32, 64, (conv, conv, Node((1, 2), "identity")))
    once = Genotype(32, 64, (conv, Node((1, 1), "identity")))
    assert twice.hash != once.hash


def test_hash_tells_networks_apart_that_colour_refinement_does_not_merge():
    conv, b, c = Node((0,), "conv3"), Node((1, 2), "ff1"), Node((1,), "glu3")
    first = Genotype(32, 64, (conv, conv, b, c))
    second = Genotype(32, 64, (conv, conv, replace(b, inputs=(1, 1)), replace(c, inputs=(2,))))
    assert first.hash != second.hash


def test_hash_ignores_what_changes_nothing():
    g = Genotype(32, 64, (Node((0,), "conv3", combine="multiply"),), shared=True)
    assert g.hash == Genotype(32, 64, (Node((0,), "conv3"),)).hash


def test_genes_of_the_encoding_change_the_hash_in_any_order_of_the_lexicons():
    g = Genotype(32, 64, (Node((0,), "conv3"),), coding=Synonym())
    assert g.encoding == "synonym"
    assert g.encoding_key == "synonym:wordnet:0.015:0"
    assert replace(g, coding=PLAIN).encoding_key == "plain"
    both = replace(g, coding=Synonym(("wordnet", "relatives")))
    turned = replace(g, coding=Synonym(("relatives", "wordnet")))
    assert both.hash == turned.hash and both.encoding_key == turned.encoding_key
    found = {replace(g, coding=c).hash for c in (PLAIN, *SYNONYMS)}
    assert len(found) == len(SYNONYMS) + 1


def test_a_synonym_encoding_without_genes_reads_wordnet():
    data = {**to_dict(transformer(1)), "encoding": "synonym"}
    for gene in ("lexicons", "tolerance", "max_cluster"):
        data.pop(gene)
    assert from_dict(data) == replace(transformer(1), coding=Synonym())


def test_many_twins_are_hashed_quickly():
    twins = tuple(Node((0,), "conv3") for _ in range(6))
    chains = twins + tuple(Node((i,), "glu3") for i in range(1, 7))
    assert len(Genotype(32, 64, chains).hash) == 16


def test_different_samples_have_different_hashes():
    found = {sampled(seed) for seed in range(500)}
    by_hash: dict[str, Genotype] = {}
    for g in found:
        assert by_hash.setdefault(g.hash, g) == g
    assert len(by_hash) > 490


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_and_distinct(name: str):
    assert from_dict(to_dict(preset(name))) == preset(name)
    assert sum(preset(other).hash == preset(name).hash for other in PRESETS) == 1


def test_unknown_preset_names_the_presets():
    with pytest.raises(UserError, match=r"no preset 'nope'; the presets are transformer3"):
        preset("nope")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 7}, "width: expected one of 32"),
        ({"width": "64"}, "width"),
        ({"embedding_dim": 10**9}, "embedding_dim"),
        ({"repeat": 0}, "repeat: expected 1 to"),
        ({"repeat": True}, "repeat"),
        ({"nodes": []}, "nodes: expected 1 to"),
        ({"nodes": [{"inputs": [0], "op": "conv4"}]}, r"nodes\.0\.op: expected one of identity"),
        ({"nodes": [{"inputs": [1], "op": "conv3"}]}, r"nodes\.0\.inputs: node 1 may read 0 to 0"),
        ({"nodes": [{"inputs": [-1], "op": "conv3"}]}, r"nodes\.0\.inputs"),
        ({"nodes": [{"op": "conv3"}]}, r"nodes\.0\.inputs"),
        ({"schema": 2}, "schema 2 is newer than 1"),
        ({"surprise": 1}, "surprise"),
        ({"a\nb": 1}, r"a\?b"),
        ({"lexicons": ["wordnet"]}, "lexicons, tolerance, max_cluster: genes of the synonym"),
        ({"tolerance": 0.1}, "tolerance"),
        ({"encoding": "synonym", "lexicons": ["nope"]}, "lexicons: expected one or more of wordn"),
        ({"encoding": "synonym", "lexicons": ["characters"]}, "lexicons"),
        ({"encoding": "synonym", "lexicons": ["9" * 5000]}, r"lexicons: .{1,140}\.\.\.$"),
        ({"encoding": "synonym", "tolerance": -1}, "tolerance: expected 0 to 1000, found -1"),
        ({"encoding": "synonym", "tolerance": math.nan}, "tolerance"),
        ({"encoding": "synonym", "max_cluster": 1}, r"max_cluster: expected 0 \(no cap\) or 2"),
    ],
)
def test_bad_fields_are_named(change: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        from_dict({**to_dict(transformer(2)), **change})


@settings(max_examples=1000, deadline=None)
@given(st.integers(0, 2**32), st.binary(min_size=1, max_size=4), st.integers(0, 10**6))
def test_damaged_files_give_one_clear_error(seed: int, noise: bytes, place: int):
    text = sampled(seed).to_json().encode()
    at = place % len(text)
    damaged = text[:at] + noise + text[at + len(noise) :]
    try:
        from_json(damaged)
    except UserError as error:
        assert len(str(error).splitlines()) == 1


JUNK: tuple[object, ...] = (
    None, True, -1, 10**40, 1e308, float("nan"), "", "x\ny\u2028", [], [[]], [0, 0], {}, {"a": 1},
    "conv4", 99, ["wordnet", "wordnet"], "9" * 5000,
)  # fmt: skip


def spots(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Paths of everything inside a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, inner in inside:
        found.append((*path, key))
        if isinstance(inner, dict | list):
            found += spots(inner, (*path, key))
    return found


@settings(max_examples=2000, deadline=None)
@given(seeds, st.integers(0, 10**6), st.sampled_from((*JUNK, "gone")))
def test_wrong_fields_are_named_in_one_line(seed: int, place: int, junk: object):
    data = to_dict(sampled(seed))
    path = spots(data)[place % len(spots(data))]
    *outer, last = path
    holder: Any = data
    for key in outer:
        holder = holder[key]
    if junk == "gone":
        del holder[last]
    else:
        holder[last] = junk
    try:
        from_json(json.dumps(data))
    except UserError as error:
        assert len(str(error).splitlines()) == 1
        assert len(str(error)) < 400
        assert str(path[0]) in str(error)


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(["nodes", "width", "op", "inputs", "schema", "x"]), x, max_size=4
            )
        ),
    )
)
def test_any_json_value_is_a_genotype_or_a_clear_error(value: object):
    with pytest.raises(UserError):
        from_json(json.dumps(value))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read genotype .*none\.json: No such file"):
        load(tmp_path / "none.json")
