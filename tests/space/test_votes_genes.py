"""Votes as genes: JSON, hash, variation, cost, what models and the report see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rosearch.config import codings_of, from_dict, votes_of
from rosearch.encodings import PLAIN
from rosearch.encodings.frame import FRAME_ROWS
from rosearch.encodings.genes import differences
from rosearch.encodings.vocabulary import Vocabulary
from rosearch.encodings.words import WORDS
from rosearch.errors import UserError
from rosearch.evaluation.held_out import check
from rosearch.report.draw import draw_line, draw_svg, draw_text
from rosearch.report.features import columns_of, features
from rosearch.report.history import changes
from rosearch.run.space import check_space, seed_genotypes, space_of, warm_seeds
from rosearch.space.cost import Limits, Sizes, flops, params
from rosearch.space.defences import MaskedMean
from rosearch.space.genotype import Genotype, Node, from_json, to_dict
from rosearch.space.genotype import from_dict as genotype_of
from rosearch.space.latency import parts
from rosearch.space.variation import Space, crossover, mutate, sample
from rosearch.space.vector import vector
from rosearch.space.votes import FrameVotes, Votes
from rosearch.student.build import build_student

SIZES = Sizes({"plain": 3000, "words": 5000}, 2)
VOTES = (None, *Votes.combinations(), *FrameVotes.combinations())
SPACE = Space(SIZES, codings=(PLAIN, WORDS), votes=VOTES)
BARE = Space(SIZES, codings=(PLAIN, WORDS))
CNN = Genotype(32, 32, (Node((0,), "conv3"),))
VOTING = replace(CNN, votes=FrameVotes(1.0, 2.0, 0.25, 1.5))
ALONE = replace(CNN, votes=Votes(1.0, 0.0, 0.25))
OLD = replace(CNN, votes=Votes(1.0, 4.0, 0.25))  # a cell beside the votes, which read all words


def test_json_and_hash_tell_votes_only_where_there_are_some():
    assert "votes" not in to_dict(CNN) and CNN.votes_key == "none"
    assert CNN.hash == "31dd26099a75724d", "that of before there were votes"
    assert to_dict(ALONE)["votes"] == {"name": "votes", "cap": 1.0, "context": 0.0, "share": 0.25}
    assert from_json(VOTING.to_json()) == VOTING and from_json(ALONE.to_json()) == ALONE
    others = (replace(VOTING, votes=replace(VOTING.votes, **{name: 1.0})) for name in
              ("context", "share", "reach"))  # fmt: skip
    assert len({g.hash for g in (CNN, VOTING, ALONE, *others)}) == 6
    assert ALONE.hash == "4b992e139b2da2a9" and VOTING.hash == "17f19b2dffadf0ff", "that of before"


def test_the_cell_of_the_frame_has_a_small_table_and_its_genes_count():
    framed = replace(CNN, votes=FrameVotes())
    assert framed.framed and not ALONE.framed
    assert params(framed, SIZES) == params(CNN, SIZES) + (FRAME_ROWS - 3000) * 32 + 33 + 3001 * 2
    assert len({framed.hash, replace(framed, width=64).hash, ALONE.hash}) == 3
    rng = np.random.default_rng(0)
    space = Space(SIZES, codings=(PLAIN, WORDS), votes=(None, *FrameVotes.combinations()))
    for _ in range(30):
        child = mutate(framed, space, rng)
        assert child.hash != framed.hash


def test_models_see_every_kind_of_votes_in_features_of_its_own():
    found = np.array([vector(replace(CNN, votes=votes), SPACE) for votes in VOTES])
    assert len(np.unique(found, axis=0)) == len(VOTES)


def test_votes_alone_are_one_student_whatever_the_cell():
    other = replace(ALONE, width=64, nodes=(Node((0,), "lstm"),), pooling="max", repeat=2)
    assert other.hash == ALONE.hash
    assert replace(ALONE, coding=WORDS).hash != ALONE.hash
    assert replace(ALONE, defence=MaskedMean(2)).hash != ALONE.hash
    assert params(other, SIZES) == params(ALONE, SIZES) == 3001 * 2
    assert flops(other, SIZES) == flops(ALONE, SIZES) < flops(CNN, SIZES)
    assert parts(ALONE) == ["student", "votes"]
    assert sorted(parts(VOTING)) == sorted([*parts(CNN), "votes"])


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        ("votes", "votes: expected an object, found 'votes'"),
        (
            {"name": "masked_mean"},
            r"votes\.name: expected one of votes, votes_frame, found 'masked_mean'",
        ),
        ({"name": "votes", "cap": 0.0}, r"votes\.cap: expected more than 0 to 1000, found 0"),
        ({"name": "votes", "context": -1.0}, r"votes\.context: expected 0 to 1000, found -1"),
        (
            {"name": "votes_frame", "context": 0.0},
            r"votes\.context: expected more than 0, found 0",
        ),
        (
            {"name": "votes_frame", "reach": 0.0},
            r"votes\.reach: expected more than 0 to 1000, found 0",
        ),
        ({"name": "votes", "share": 2.0}, r"votes\.share: expected 0 to 1, found 2"),
        ({"name": "votes", "bound": 2}, "votes has the genes cap, context, share, found 'bound'"),
    ],
)
def test_what_is_wrong_is_named(votes: object, message: str):
    with pytest.raises(UserError, match=message):
        genotype_of({**to_dict(CNN), "votes": votes})
    with pytest.raises(UserError, match="votes: expected votes, found"):
        replace(CNN, votes=MaskedMean(2))


def test_evolution_finds_votes_and_draws_nothing_without():
    for seed in range(20):
        one, other = np.random.default_rng(seed), np.random.default_rng(seed)
        assert replace(sample(SPACE, one), votes=None) == sample(BARE, other), "drawn last"
    rng = np.random.default_rng(0)
    drawn = [sample(SPACE, rng).votes for _ in range(300)]
    assert 100 < drawn.count(None) < 200, "half of them have votes"
    assert len({v for v in drawn if v is not None}) > 20
    g, seen = CNN, set()
    for _ in range(400):
        child = mutate(g, SPACE, rng)
        assert child.hash != g.hash
        if type(g.votes) is type(child.votes) and g.votes != child.votes:
            assert differences(g.votes, child.votes) == 1, "one gene at a time"
        g = child
        seen.add(type(g.votes))
    assert seen == {type(None), Votes, FrameVotes}
    assert {crossover(CNN, VOTING, SPACE, rng).votes for _ in range(40)} == {None, VOTING.votes}


def test_evolution_reaches_all_shares_of_a_frame_although_other_kinds_have_more_genes():
    rng, start = np.random.default_rng(0), replace(CNN, votes=FrameVotes())
    found = [c.votes for _ in range(900) if (c := mutate(start, SPACE, rng)).votes != start.votes]
    frames = [v for v in found if isinstance(v, FrameVotes)]
    assert 0.6 < len(frames) / len(found) < 0.95, "and leaves them now and then"
    assert {v.share for v in frames} == {0.25, 0.3, 0.35, 0.5}


def test_limits_let_votes_alone_through():
    rng = np.random.default_rng(0)
    space = replace(SPACE, limits=Limits(max_params=params(replace(ALONE, coding=WORDS), SIZES)))
    found = [sample(space, rng) for _ in range(5)]
    assert all(not g.has_cell for g in found)


def test_models_and_report_see_them():
    rng = np.random.default_rng(0)
    genotypes = [sample(SPACE, rng) for _ in range(60)]
    assert vector(ALONE, SPACE)[-9:].tolist() == [1.0, 0.0, 0.0, 0.25, *[0.0] * 5]
    assert vector(VOTING, SPACE)[-9:].tolist() == [*[0.0] * 4, 1.0, 0.0, np.log2(3), 0.25, 1.5]
    assert vector(CNN, SPACE)[-9:].tolist() == [0.0] * 9
    assert len(vector(CNN, BARE)) == len(vector(CNN, SPACE)) - 9
    labels = {c.label for f in features(genotypes) for c in columns_of(f, genotypes)}
    assert {"votes votes", "votes cap", "votes_frame reach"} <= labels
    assert draw_line(ALONE) == "votes of words, cap 1.0, context 0.0, share 0.25"
    assert draw_line(VOTING).startswith("votes of words") and "conv3" in draw_line(VOTING)
    assert "conv3" not in draw_text(ALONE, SIZES) and "6,002 parameters" in draw_text(ALONE, SIZES)
    assert "votes of words" in draw_text(VOTING, SIZES)
    for g in (ALONE, VOTING):
        assert draw_svg(g, SIZES).startswith("<svg") and "votes" in draw_svg(g, None)
    assert changes(CNN, VOTING) == ("votes none \u2192 votes_frame:1.0:2.0:0.25:1.5",)


def test_a_run_may_allow_them():
    assert votes_of(from_dict({}).space) == (None,)
    settings = {"defences": ["votes", "votes_frame"], "encodings": ["words", "plain"]}
    config = from_dict({"space": settings})
    assert votes_of(config.space) == VOTES
    check_space(config.space, codings_of(config))
    check(config)
    space = space_of(config.space, codings_of(config), Sizes({"plain": 10, "words": 20}, 2), 10**7)
    assert space.votes == VOTES and space.defences == (None,)
    seeds = seed_genotypes(space)
    assert any(not g.has_cell for g in seeds) and {g.encoding for g in seeds} <= {"plain", "words"}
    sizes = Sizes({"plain": 10, "words": 20}, 2, pairs=True)
    on_pairs = seed_genotypes(space_of(config.space, codings_of(config), sizes, 10**7))
    assert len([g for g in on_pairs if g.votes is not None]) == 1 < len(on_pairs)
    bare = space_of(from_dict({}).space, codings_of(from_dict({})), Sizes({"plain": 10}, 2), 10**7)
    assert all(g.votes is None for g in seed_genotypes(bare))


def test_cells_that_read_all_words_beside_votes_are_read_and_not_built():
    """Runs of earlier versions are reported; a warm start takes the nearest votes there are."""
    old = from_json(OLD.to_json())
    assert old == OLD and old.hash == "0e86fe26211bcfc7" and draw_svg(old, SIZES).startswith("<svg")
    assert params(old, SIZES) == params(CNN, SIZES) + 3001 * 2
    with pytest.raises(UserError, match=f"cannot build {old.hash}: its votes stand beside a cell"):
        build_student(old, Vocabulary(("a",), ((0,),), 0), ("a", "b"), seed=0)
    assert [g.votes for g in warm_seeds([old], SPACE)] == [Votes(1.0, 0.0, 0.25)]
