"""The gene of the inference-time defence: JSON, hash, variation, cost, limits, features."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from rosearch.config import codings_of, defences_of, from_dict
from rosearch.encodings import PLAIN, gene
from rosearch.errors import UserError
from rosearch.evaluation.held_out import check
from rosearch.report.draw import draw_line, draw_text
from rosearch.report.features import columns_of, features
from rosearch.report.history import changes
from rosearch.run.space import check_space, seed_genotypes, space_of
from rosearch.space.cost import Limits, Sizes, flops, params
from rosearch.space.defences import INFERENCE_DEFENCES, InferenceDefence, MaskedMean
from rosearch.space.genotype import Genotype, Node, from_json, to_dict
from rosearch.space.genotype import from_dict as genotype_of
from rosearch.space.latency import parts
from rosearch.space.presets import bilstm, transformer
from rosearch.space.variation import Space, crossover, mutate, sample
from rosearch.space.vector import vector

SIZES = Sizes({"plain": 3000}, 2)
DEFENCES = (None, *MaskedMean.combinations())
SPACE = Space(SIZES, codings=(PLAIN,), defences=DEFENCES)
BARE = Space(SIZES, codings=(PLAIN,))
CNN = Genotype(32, 32, (Node((0,), "conv3"),))
DEFENDED = replace(CNN, defence=MaskedMean(3))


@dataclass(frozen=True)
class Clipped(InferenceDefence):
    """Vectors are bounded."""

    name = "clipped"
    families = ()
    module = "nowhere:Clip"
    limit: float = gene([1.0, 2.0])


def test_without_a_defence_json_and_hash_are_those_of_before():
    assert "defence" not in to_dict(CNN) and CNN.defence_key == "none"
    assert CNN.hash == "31dd26099a75724d"
    assert genotype_of({**to_dict(CNN), "defence": None}) == CNN


def test_with_a_defence_both_tell_it():
    assert to_dict(DEFENDED)["defence"] == {"name": "masked_mean", "copies": 3}
    assert from_json(DEFENDED.to_json()) == DEFENDED
    assert len({g.hash for g in (CNN, DEFENDED, replace(CNN, defence=MaskedMean(2)))}) == 3
    bare = genotype_of({**to_dict(CNN), "defence": {"name": "masked_mean"}})
    assert bare.defence == MaskedMean()


@pytest.mark.parametrize(
    ("defence", "message"),
    [
        ("masked_mean", "defence: expected an object, found 'masked_mean'"),
        ({}, r"defence\.name: expected one of masked_mean, found None"),
        ({"name": "nope"}, r"defence\.name: expected one of masked_mean, found 'nope'"),
        ({"name": "masked_mean", "copies": 1}, r"defence\.copies: expected 2 to 64, found 1"),
        ({"name": "masked_mean", "copies": "2"}, r"defence\.copies: .* valid integer"),
        ({"name": "masked_mean", "k": 2}, "masked_mean has the genes copies, found 'k'"),
    ],
)
def test_what_is_wrong_is_named(defence: object, message: str):
    with pytest.raises(UserError, match=message):
        genotype_of({**to_dict(CNN), "defence": defence})


def test_no_random_number_is_drawn_where_no_defence_is_allowed():
    for seed in range(30):
        one, other = np.random.default_rng(seed), np.random.default_rng(seed)
        drawn, bare = sample(SPACE, one), sample(BARE, other)
        assert replace(drawn, defence=None) == bare, "the defence is drawn last"
        assert bare.defence is None
        one = np.random.default_rng(seed)
        assert mutate(bare, BARE, one).defence is None
        assert crossover(bare, drawn, BARE, one).defence is None


def test_evolution_finds_every_defence():
    rng = np.random.default_rng(0)
    assert {sample(SPACE, rng).defence for _ in range(100)} == set(DEFENCES)
    g, seen = CNN, set()
    for _ in range(500):
        g = mutate(g, SPACE, rng)
        seen.add(g.defence)
    assert seen == set(DEFENCES)
    found = {crossover(CNN, DEFENDED, SPACE, rng).defence for _ in range(40)}
    assert found == {None, MaskedMean(3)}


def test_passes_count_in_flops_and_latency_and_nowhere_else():
    for g in (CNN, bilstm(), transformer(2)):
        three = replace(g, defence=MaskedMean(3))
        assert flops(three, SIZES) == 3 * flops(g, SIZES)
        assert params(three, SIZES) == params(g, SIZES)
        once, thrice = parts(g), parts(three)
        assert once.count("student") == thrice.count("student") == 1
        assert sorted(thrice) == sorted(["student", *3 * once[1:]])


def test_limits_shrink_the_defence_first():
    limit = flops(transformer(1), SIZES)
    space = replace(SPACE, limits=Limits(max_flops=limit))
    rng = np.random.default_rng(0)
    found = [sample(space, rng) for _ in range(60)]
    assert all(flops(g, SIZES) <= limit for g in found)
    assert {g.defence for g in found} > {None}


def test_models_and_report_see_it():
    rng = np.random.default_rng(0)
    genotypes = [sample(SPACE, rng) for _ in range(60)]
    one, other = vector(DEFENDED, SPACE), vector(replace(CNN, defence=MaskedMean(4)), SPACE)
    assert one[-2:].tolist() == [1.0, 3.0] and other[-2:].tolist() == [1.0, 4.0]
    assert vector(CNN, SPACE)[-2:].tolist() == [0.0, 0.0]
    assert len(vector(CNN, BARE)) == len(one) - 2, "where there is none, it is no feature"
    labels = {c.label for f in features(genotypes) for c in columns_of(f, genotypes)}
    assert {"defence masked_mean", "masked_mean copies"} <= labels
    assert draw_line(DEFENDED).endswith("; masked_mean:3 at inference")
    assert "masked_mean:3 at inference, 3 forward passes" in draw_text(DEFENDED, SIZES)
    assert changes(CNN, DEFENDED) == ("defence none \u2192 masked_mean:3",)


def test_a_run_may_allow_some():
    assert defences_of(from_dict({}).space) == (None,)
    config = from_dict({"space": {"defences": ["masked_mean"]}})
    assert defences_of(config.space) == DEFENCES
    check_space(config.space, codings_of(config))
    check(config)
    space = space_of(config.space, codings_of(config), Sizes({"plain": 10}, 2), 10**7)
    assert space.defences == DEFENCES
    assert {g.defence for g in seed_genotypes(space)} == {None}
    with pytest.raises(
        UserError,
        match=r"expected one of masked_mean, votes, votes_frame, reading, found 'x'",
    ):
        from_dict({"space": {"defences": ["x"]}})


def test_wrong_defences_of_a_space_are_refused():
    with pytest.raises(UserError, match="space: copies: expected 2 to 64, found 1"):
        Space(SIZES, codings=(PLAIN,), defences=(None, MaskedMean(1)))
    with pytest.raises(UserError, match="space: defences: expected one or more"):
        Space(SIZES, codings=(PLAIN,), defences=())
    with pytest.raises(UserError, match="defence: expected an inference-time defence"):
        replace(CNN, defence="masked_mean")


def test_a_users_own_defence_is_a_gene_like_any_other(scratch_registries):
    INFERENCE_DEFENCES.register(Clipped)
    g = replace(CNN, defence=Clipped(2.0))
    assert from_json(g.to_json()) == g and g.defence_key == "clipped:2.0"
    config = from_dict({"space": {"defences": ["clipped", "masked_mean"]}})
    assert defences_of(config.space) == (
        None,
        Clipped(1.0),
        Clipped(2.0),
        *MaskedMean.combinations(),
    )
    space = replace(SPACE, defences=defences_of(config.space))
    rng = np.random.default_rng(0)
    assert {type(sample(space, rng).defence) for _ in range(60)} == {
        type(None), Clipped, MaskedMean,
    }  # fmt: skip
    assert vector(g, space)[-4:].tolist() == [1.0, 2.0, 0.0, 0.0]
    assert flops(g, SIZES) == flops(CNN, SIZES)
