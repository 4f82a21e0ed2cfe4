"""Which encodings and lexicons a configuration asks for, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from rosearch.config import (
    FEWEST_ATTACKED,
    attacks_read,
    codings_of,
    fidelity_at,
    from_dict,
    make_config,
    to_dict,
)
from rosearch.encodings.clusters import growing_clusters, word_evidence
from rosearch.encodings.material import Material, united
from rosearch.encodings.plain import PLAIN
from rosearch.encodings.synonym import Synonym, clusters_of
from rosearch.encodings.words import WORDS
from rosearch.errors import UserError
from rosearch.evaluation.held_out import check
from rosearch.results.store import Store
from rosearch.run.space import check_space, latency_of, seed_genotypes, space_of
from rosearch.space.cost import Sizes
from rosearch.space.variation import Space
from rosearch.types import Fidelity

BOTH = {
    "encoding": {
        "lexicons": ["wordnet", "relatives"],
        "tolerances": [0.005, 0.05],
        "max_clusters": [0, 20],
    },
    "final": {"held_out": ["characters"]},
}


def test_presets_prepare_an_encoding_for_each_choice_of_genes():
    lexicons = (("wordnet",), ("encoder",), ("wordnet", "encoder"))
    synonyms = {Synonym(names, tolerance) for names in lexicons for tolerance in (0.003, 0.011)}
    assert set(codings_of(make_config("quick"))) == {PLAIN, WORDS, *synonyms}
    assert len(codings_of(make_config("standard"))) == 2 + 9
    assert codings_of(from_dict({"space": {"encodings": ["plain"]}})) == (PLAIN,)


def test_every_combination_of_genes_is_offered():
    plain, *found = codings_of(from_dict(BOTH))
    assert plain == PLAIN
    assert len(set(found)) == len({c.key for c in found}) == 3 * 2 * 2
    assert {c.lexicons for c in found} == {("wordnet",), ("relatives",), ("wordnet", "relatives")}
    assert from_dict(to_dict(from_dict(BOTH))) == from_dict(BOTH)


def check_settings(settings: dict[str, object]) -> None:
    config = from_dict(settings)
    check_space(config.space, codings_of(config))


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        (
            {"lexicons": []},
            r"encoding\.lexicons: expected one or more different values, found \[\]",
        ),
        ({"lexicons": ["characters"]}, r"encoding\.lexicons: expected one of wordnet, relatives"),
        ({"tolerances": [0.1, 0.1]}, r"encoding\.tolerances: expected one or more different"),
        ({"tolerances": [-1]}, r"encoding\.tolerances: expected 0 to 1000, found -1"),
        ({"max_clusters": [1]}, r"max_cluster: expected 0 \(no cap\) or 2 to"),
    ],
)
def test_wrong_genes_are_named(encoding: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        check_settings({"encoding": encoding})


@pytest.mark.parametrize(
    "config",
    [
        {"encoding": {"lexicons": ["wordnet", "encoder"]}},
        {"final": {"held_out": ["wordnet"]}},
        {"search": {"attack": "encoder"}},
        {"final": {"held_out": ["relatives"]}},
        {"search": {"attack": "bert-attack"}, "final": {"held_out": ["bae"]}},
    ],
)
def test_a_held_out_lexicon_is_never_used(config: dict[str, object]):
    with pytest.raises(UserError, match="cannot be held out: the search uses it, its lexicon"):
        check(from_dict(config))
    check(from_dict({**config, "final": {"held_out": ["characters"]}}))


def test_seeds_take_the_nearest_genes_that_the_space_allows():
    config = from_dict(BOTH)
    rows = dict.fromkeys([c.key for c in codings_of(config)], 20_000)
    space = space_of(config.space, codings_of(config), Sizes(rows, 2), 22_000_000)
    coded = [g for g in seed_genotypes(space) if g.encoding == "synonym"]
    assert coded and all(g.coding in space.codings for g in coded)
    assert {g.coding.tolerance for g in coded} == {0.005}


def test_without_a_synonym_encoding_the_plain_one_is_left():
    quick = make_config("quick")
    space = space_of(quick.space, codings_of(quick), Sizes({"plain": 100}, 2), 22_000_000)
    assert list(space.encodings) == ["plain"]


def test_impossible_flops_are_an_error_before_anything_is_made():
    with pytest.raises(UserError, match=r"max_flops=10 cannot be met: the smallest student has \d"):
        check_settings({"space": {"max_flops": 10}})


def test_a_resumed_run_reads_its_latency_table(tmp_path):
    config = from_dict({"space": {"max_latency_ms": 5.0, "widths": [64], "ops": ["conv3"]}})
    store = Store(tmp_path / "run.db", create=True)
    table = latency_of(config.space, store)
    assert table is not None and latency_of(config.space, Store(tmp_path / "run.db")) == table
    assert latency_of(make_config("quick").space, store) is None


def test_clusters_of_all_encodings_equal_those_of_each():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(80)]
    texts = [[words[j] for j in rng.integers(0, 80, 9)] for _ in range(60)]
    targets = rng.normal(size=(60, 2)).astype(np.float32)
    evidence = word_evidence(texts[:50], targets[:50])
    tables = {
        name: {w: [words[j] for j in rng.integers(0, 80, 3)] for w in words}
        for name in ("wordnet", "relatives")
    }
    material = Material(None, texts, 50, targets, tables.__getitem__)
    wanted = codings_of(from_dict(BOTH))[1:]
    for encoding, clusters in clusters_of(wanted, material).items():
        lexicon = united(tables[name] for name in encoding.lexicons)
        tolerance, cap = encoding.tolerance, encoding.max_cluster
        assert clusters == growing_clusters(lexicon, evidence, (tolerance,), cap)[tolerance]


def test_united_lexicons_keep_each_substitution_once():
    tables = [{"x": ["y", "z"]}, {"x": ["z", "v"], "w": ["x"]}]
    assert united(tables) == {"x": ["y", "z", "v"], "w": ["x"]}


def test_seeds_have_only_sizes_that_the_space_allows(sizes):
    space = Space(sizes, widths=(64, 96), embedding_dims=(32,))
    seeds = seed_genotypes(space)
    assert len(seeds) >= 3
    assert {g.width for g in seeds} <= {64, 96}
    assert {g.embedding_dim for g in seeds} == {32}


def test_rungs_cost_more_and_more_and_the_last_one_is_the_full_evaluation():
    search = {"rungs": [0.06, 0.2, 1], "attacked": 400, "epochs": 3}
    config = from_dict({"search": search})
    low, middle, full = (fidelity_at(config, rung) for rung in range(3))
    assert full == Fidelity(3, 1.0, 400, ("wordnet",), None, 1.0)
    assert (middle.attack, middle.attacked, middle.portion) == ("wordnet", 80, 0.2)
    assert (low.attack, low.attacked, low.portion) == ("wordnet", FEWEST_ATTACKED, 0.06)
    other = from_dict({"search": {**search, "first_attack": "fgsm"}})
    assert [fidelity_at(other, rung).attack for rung in range(3)] == ["fgsm", "wordnet", "wordnet"]
    few = from_dict({"search": {"rungs": [0.06, 0.2, 1], "attacked": 30}})
    assert fidelity_at(few, 1).attacked == 30
    alone = from_dict({"search": {**search, "rungs": [1], "first_attack": "fgsm"}})
    assert fidelity_at(alone, 0) == full
    assert "fgsm" in attacks_read(other)
    assert "fgsm" not in attacks_read(alone)


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_what_the_first_rung_attacks_cannot_be_held_out(attack: str):
    search = {"rungs": [0.5, 1], "first_attack": "fgsm"}
    final = {"held_out": [attack]}
    with pytest.raises(UserError, match=rf"the attack {attack!r} cannot be held out"):
        check(from_dict({"search": search, "final": final}))
    check(from_dict({"search": {"rungs": [0.5, 1]}, "final": final}))
    check(from_dict({"search": {**search, "rungs": [1]}, "final": final}))


def test_a_search_against_an_attack_on_embeddings_leaves_none_of_them_to_hold_out():
    config = {"search": {"attack": "fgsm", "rungs": [1]}, "final": {"held_out": ["pgd"]}}
    with pytest.raises(UserError, match="the attack 'pgd' cannot be held out"):
        check(from_dict(config))
