"""The genes of reading: JSON, hash, variation, features, and what a run may hold out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rosearch.config import codings_of, from_dict, readings_of
from rosearch.encodings import PLAIN
from rosearch.encodings.reader import STEPS
from rosearch.encodings.reading import Reading
from rosearch.errors import UserError
from rosearch.evaluation.held_out import check, without_known
from rosearch.report.draw import draw_line, draw_text
from rosearch.report.features import columns_of, features
from rosearch.report.history import changes
from rosearch.run.space import seed_genotypes, space_of
from rosearch.space.cost import Sizes, flops, params
from rosearch.space.genotype import Genotype, Node, from_json, to_dict
from rosearch.space.genotype import from_dict as genotype_of
from rosearch.space.presets import preset
from rosearch.space.variation import Space, crossover, mutate, sample
from rosearch.space.vector import vector

SIZES = Sizes({"plain": 3000}, 2)
READINGS = (None, *Reading.combinations())
SPACE = Space(SIZES, codings=(PLAIN,), readings=READINGS)
BARE = Space(SIZES, codings=(PLAIN,))
CNN = Genotype(32, 32, (Node((0,), "conv3"),))
READS = replace(CNN, reading=Reading())
PART = replace(CNN, reading=Reading(leet=False, splits=False))


def test_the_genes_are_the_steps_of_the_reader():
    assert Reading().steps == STEPS


def test_without_reading_json_and_hash_are_those_of_before():
    assert "reading" not in to_dict(CNN) and CNN.reading_key == "none"
    assert CNN.hash == "31dd26099a75724d"


def test_with_it_both_tell_it():
    assert from_json(PART.to_json()) == PART
    assert to_dict(PART)["reading"] == {
        "name": "reading", "unicode": True, "repeats": True, "leet": False, "splits": False,
        "dictionary": True,
    }  # fmt: skip
    assert len({g.hash for g in (CNN, READS, PART)}) == 3
    assert params(READS, SIZES) == params(CNN, SIZES) and flops(READS, SIZES) == flops(CNN, SIZES)
    assert preset("bilstm-synonym-reading") == replace(preset("bilstm-synonym"), reading=Reading())


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        ("reading", "reading: expected an object, found 'reading'"),
        ({"name": "nope"}, r"reading\.name: expected one of reading, found 'nope'"),
        ({"name": "reading", "leet": 1}, r"reading\.leet: .* valid boolean"),
        ({"name": "reading", **dict.fromkeys(STEPS, False)}, r"reading\.one step or more"),
    ],
)
def test_what_is_wrong_is_named(reading: object, message: str):
    with pytest.raises(UserError, match=message):
        genotype_of({**to_dict(CNN), "reading": reading})


def test_no_random_number_is_drawn_where_reading_is_not_allowed():
    for seed in range(30):
        one, other = np.random.default_rng(seed), np.random.default_rng(seed)
        drawn, bare = sample(SPACE, one), sample(BARE, other)
        assert replace(drawn, reading=None) == bare, "it is drawn last"
        assert mutate(bare, BARE, one).reading is None


def test_most_samples_read_with_every_step_and_evolution_finds_the_rest():
    rng = np.random.default_rng(0)
    found = [sample(SPACE, rng).reading for _ in range(300)]
    assert 0.62 < found.count(Reading()) / 300 < 0.8
    assert found.count(None) > 15 and len(set(found)) > 10
    g, seen = CNN, set()
    for _ in range(600):
        g = mutate(g, SPACE, rng)
        seen.add(g.reading)
    assert {None, Reading()} < seen and len(seen) > 8
    assert {crossover(CNN, PART, SPACE, rng).reading for _ in range(40)} == {None, PART.reading}


def test_models_and_report_see_it():
    rng = np.random.default_rng(0)
    genotypes = [sample(SPACE, rng) for _ in range(80)]
    assert vector(PART, SPACE)[-6:].tolist() == [1.0, 1.0, 1.0, 0.0, 0.0, 1.0]
    assert vector(CNN, SPACE)[-6:].tolist() == [0.0] * 6
    assert len(vector(CNN, BARE)) == len(vector(CNN, SPACE)) - 6
    labels = {c.label for f in features(genotypes) for c in columns_of(f, genotypes)}
    assert {"reading reading", "reading dictionary", "reading splits"} <= labels
    assert draw_line(PART).endswith("; reading:unicode+repeats+dictionary before")
    assert "reading of texts before their tokens: unknown words" in draw_text(READS, SIZES)
    assert changes(CNN, READS) == ("reading none \u2192 reading",)


def test_a_run_may_allow_it():
    assert readings_of(from_dict({}).space) == (None,)
    config = from_dict({"space": {"defences": ["reading"]}})
    assert readings_of(config.space) == READINGS
    space = space_of(config.space, codings_of(config), Sizes({"plain": 10}, 2), 10**7)
    assert {g.reading for g in seed_genotypes(space)} == {Reading()}


def test_what_it_undoes_is_not_held_out():
    final = {"held_out": ["characters"]}
    alone = from_dict({"final": {"held_out": ["characters", "relatives"]}})
    assert without_known(alone, READS).final.held_out == ("relatives",)
    assert without_known(alone, CNN) == alone
    with pytest.raises(UserError, match=r"inner-letters.*space\.defences = \['reading'\]"):
        check(from_dict({"space": {"defences": ["reading"]}, "final": final}))
