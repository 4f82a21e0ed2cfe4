"""Matching students with layers of a teacher: what is read, what is learned, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rosearch.distill.losses import attention_kl, attention_mse, hidden_mse, patient_hidden
from rosearch.distill.match_loss import MatchLoss, check_matches, same_tokens, teacher_rows
from rosearch.distill.match_schemes import (
    Match,
    layers_of,
    patient_matches,
    spread,
    tinybert_matches,
)
from rosearch.encodings.synonym import Synonym
from rosearch.encodings.vocabulary import synonym_vocabulary, trimmed
from rosearch.errors import UserError
from rosearch.models.batches import padded
from rosearch.space.genotype import Genotype, Node
from rosearch.student.build import build_student
from rosearch.student.states import student_states
from rosearch.teacher.outputs import Ragged, RaggedMaps, TeacherOutputs

D, HEADS = 24, 3
NODES = (
    Node((0,), "attention2", norm="layer"),
    Node((0, 1), "conv3", activation="relu"),
    Node((0, 1), "lstm", combine="multiply"),
)
STUDENT = Genotype(16, 32, NODES, position="sinusoidal", repeat=3)
PLAIN = Genotype(16, 32, (Node((0,), "conv3"),), repeat=2)
ALL = (
    Match("hidden", 0, 0),
    Match("hidden", 2, 1, 0.5),
    Match("cosine", 3, 2),
    Match("patient", 1, 2, 2.0),
    Match("attention", 2, 1, 100.0),
    Match("attention_kl", 3, 2),
)


def stored(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@pytest.fixture(scope="module")
def outputs(tmp_path_factory, mr_train) -> TeacherOutputs:
    """Random outputs of a teacher of two layers that reads the tokens of the plain encoding."""
    folder, rng = tmp_path_factory.mktemp("outputs"), np.random.default_rng(0)
    starts = stored(folder / "starts.npy", mr_train.starts)
    lengths = np.diff(mr_train.starts)

    def states() -> np.ndarray:
        return rng.normal(size=(len(mr_train.ids), D)).astype(np.float16)

    def maps() -> np.ndarray:
        rows = [rng.dirichlet(np.ones(t), size=(HEADS, t)).ravel() for t in lengths]
        return np.concatenate(rows).astype(np.float16)

    return TeacherOutputs(
        stored(folder / "logits.npy", rng.normal(size=(len(lengths), 2)).astype(np.float16)),
        Ragged(stored(folder / "ids.npy", mr_train.ids), starts),
        {i: Ragged(stored(folder / f"h{i}.npy", states()), starts) for i in range(3)},
        {i: RaggedMaps(stored(folder / f"a{i}.npy", maps()), starts) for i in (1, 2)},
    )


def batch(model, data, index):
    ids, mask = padded([data.texts[i] for i in index], data.vocabulary.pad_id)
    return model.input.embed(ids), mask


@pytest.fixture
def model(mr_train):
    return build_student(STUDENT, mr_train.vocabulary, ("a", "b"), 0)


INDEX = np.array([5, 0, 900])


@pytest.mark.parametrize("shared", [False, True])
def test_states_are_those_that_the_model_computes(mr_train, shared):
    model = build_student(
        replace(STUDENT, shared=shared), mr_train.vocabulary, ("a", "b"), 0
    ).eval()
    vectors, mask = batch(model, mr_train, INDEX)
    states = student_states(model, vectors, mask)
    assert torch.equal(states.logits, model.logits(vectors, mask.bool()))
    x = model.input(vectors, mask.bool())
    assert len(states.outputs) == 4 and torch.equal(states.outputs[0], x)
    for i in (1, 2, 3):
        x = model.cells[0 if shared else i - 1](x, mask.bool())
        assert torch.equal(states.outputs[i], x)
    assert set(states.attention) == {1, 2, 3}
    for maps in states.attention.values():
        assert maps.shape == (3, 2, *mask.shape[1:], *mask.shape[1:])
        torch.testing.assert_close(maps.sum(-1), torch.ones(maps.shape[:-1]))
        assert not maps.masked_select(~mask.bool()[:, None, None, :]).any()
    assert not any(m._forward_hooks for m in model.modules())  # nothing stays behind


def test_hooks_are_taken_away_after_an_error(model, mr_train):
    vectors, mask = batch(model, mr_train, INDEX)
    with pytest.raises(RuntimeError):
        student_states(model, vectors[..., :3], mask)
    assert not any(m._forward_hooks for m in model.modules())


def test_the_sum_is_that_of_its_parts(model, mr_train, outputs):
    model.eval()
    vectors, mask = batch(model, mr_train, INDEX)
    states = student_states(model, vectors, mask)
    check_matches(ALL, STUDENT, mr_train, outputs)
    matching = MatchLoss(ALL, STUDENT, outputs, seed=1)
    rows = teacher_rows(ALL, outputs, INDEX)
    maps, t = matching.maps, rows.values
    mixed = [
        torch.einsum("gh,bhst->bgst", maps[i].scores.softmax(-1), states.attention[cell])
        for i, cell in ((4, 2), (5, 3))
    ]
    assert t[3].shape == (3, D) and torch.equal(t[3], outputs.hidden[2].rows(INDEX)[:, 0])
    cosine = F.cosine_similarity(maps[2](states.outputs[3]), t[2], dim=-1)
    expected = (
        hidden_mse(maps[0](states.outputs[0]), t[0], mask)
        + 0.5 * hidden_mse(maps[1](states.outputs[2]), t[1], mask)
        + ((1 - cosine) * mask).sum(1) / mask.sum(1)
        + 2 * patient_hidden(maps[3](states.outputs[1][:, 0]), t[3])
        + 100 * attention_mse(mixed[0], t[4], mask)
        + attention_kl(mixed[1], t[5], mask)
    )
    found = matching(states, mask, rows)
    assert found.shape == (3,)
    torch.testing.assert_close(found, expected)


def test_an_example_has_the_same_loss_in_any_batch(model, mr_train, outputs):
    model.eval()
    matching = MatchLoss(ALL, STUDENT, outputs, seed=1)

    def loss(index) -> torch.Tensor:
        vectors, mask = batch(model, mr_train, index)
        states = student_states(model, vectors, mask)
        return matching(states, mask, teacher_rows(ALL, outputs, index))

    alone = torch.cat([loss([i]) for i in INDEX])
    torch.testing.assert_close(loss(INDEX), alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["patient", "hidden", "cosine", "attention", "attention_kl"])
def test_training_on_a_match_brings_student_and_teacher_together(kind, model, mr_train, outputs):
    matches = (Match(kind, 1, 1), Match(kind, 3, 2))
    matching = MatchLoss(matches, STUDENT, outputs, seed=0)
    optimiser = torch.optim.Adam([*model.parameters(), *matching.parameters()], lr=1e-2)
    rows, told = teacher_rows(matches, outputs, INDEX), []
    vectors, mask = batch(model, mr_train, INDEX)
    for _ in range(50):
        loss = matching(student_states(model, vectors.detach(), mask), mask, rows).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        told.append(loss.item())
    assert told[-1] < 0.9 * told[0]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in matching.parameters())


def test_equal_heads_need_no_map(outputs):
    three = replace(outputs, attention={1: outputs.attention[1]})
    same = Genotype(16, 96, (Node((0,), "attention1"),))
    assert len(list(MatchLoss([Match("attention", 1, 1)], same, three, 0).parameters())) == 1
    heads = {1: _Heads(outputs.attention[1].values, outputs.attention[1].starts)}
    one = replace(outputs, attention=heads)
    assert not list(MatchLoss([Match("attention", 1, 1)], same, one, 0).parameters())


class _Heads(RaggedMaps):
    width = 1


def test_maps_depend_on_the_seed_alone(outputs):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first = MatchLoss(ALL, STUDENT, outputs, 7)
    assert torch.equal(torch.rand(1), expected)
    again, other = MatchLoss(ALL, STUDENT, outputs, 7), MatchLoss(ALL, STUDENT, outputs, 8)
    for a, b, c in zip(first.parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b) and not torch.equal(a, c)


def test_layers_to_compute():
    assert layers_of(ALL) == ((0, 1, 2), (1, 2))
    assert layers_of(()) == ((), ())


def test_layers_are_spread_evenly():
    assert spread(4, 12) == ((1, 3), (2, 6), (3, 9), (4, 12))  # TinyBERT: g(m) = 3 m
    assert spread(1, 6) == ((1, 6),)
    assert spread(8, 6)[0] == (1, 1) and spread(8, 6)[-1] == (8, 6)
    pkd = patient_matches(replace(PLAIN, repeat=6), 12)
    assert [m.teacher for m in pkd] == [2, 4, 6, 8, 10]  # PKD-skip
    assert [m.kind for m in tinybert_matches(PLAIN, 6)] == ["hidden"] * 3
    found = tinybert_matches(STUDENT, 6)
    assert [(m.kind, m.student, m.teacher) for m in found] == [
        ("hidden", 0, 0),
        ("hidden", 1, 2),
        ("hidden", 2, 4),
        ("hidden", 3, 6),
        ("attention", 1, 2),
        ("attention", 2, 4),
        ("attention", 3, 6),
    ]


def test_a_layer_that_is_not_there_is_named(mr_train, outputs):
    with pytest.raises(UserError, match=r"layer 5 of the teacher is not among .* \(0, 1, 2\)"):
        check_matches([Match("hidden", 1, 5)], STUDENT, mr_train, outputs)


def test_matching_tokens_needs_the_tokens_of_the_teacher(mr_train, outputs, bert_tokenizer):
    """Another encoding is refused, a trimmed vocabulary of the same tokens is not."""
    trim = replace(
        mr_train, vocabulary=trimmed(mr_train.vocabulary, set(mr_train.ids.tolist()), 100)
    )
    assert trim.vocabulary.trimmed_rows > 0
    check_matches(ALL, STUDENT, trim, outputs)
    words = {"unputdownable": "good", "gripping": "good"}
    others = replace(mr_train, vocabulary=synonym_vocabulary(bert_tokenizer, words))
    coded = replace(STUDENT, coding=Synonym())
    check_matches(ALL, coded, others, outputs)  # the ids are still the teacher's
    changed = replace(mr_train, ids=mr_train.ids + (np.arange(len(mr_train.ids)) == 9).astype("i4"))
    assert same_tokens(mr_train, outputs) and not same_tokens(changed, outputs)
    with pytest.raises(
        UserError, match=r"^matching attention, .* and the encoding of synonym:word"
    ):
        check_matches(ALL, coded, changed, outputs)
    check_matches([Match("patient", 1, 2)], coded, changed, outputs)
