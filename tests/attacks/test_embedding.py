"""White-box attacks: they stay in their ball, move only words, and drive the loss up."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rosearch.attacks.embedding import (
    ascend,
    climbed,
    movable_tokens,
    norms,
    projected,
    scale_of,
    start,
)
from rosearch.attacks.engine import attacked
from rosearch.attacks.goals import Goal
from rosearch.attacks.methods import ATTACKS, load_attacks, resources_for
from rosearch.attacks.methods.fgsm import FGSM_BALL
from rosearch.attacks.methods.pgd import PGD_BALL
from rosearch.attacks.white_box import Ball, EmbeddingAttack
from rosearch.encodings.vocabulary import plain_vocabulary, student_tokenizer
from rosearch.errors import UserError
from rosearch.models.classifier import Classifier
from rosearch.space.genotype import Genotype, Node
from rosearch.student.build import build_student
from rosearch.tasks.words import segment

BALLS = st.builds(
    Ball,
    norm=st.sampled_from(["l2", "linf"]),
    radius=st.floats(0.01, 5),
    steps=st.integers(1, 4),
    step=st.floats(0.01, 20),
    random_start=st.booleans(),
)
WHITE = [name for name, recipe in ATTACKS.items() if recipe.white_box]


def is_inside(delta: torch.Tensor, ball: Ball) -> bool:
    most = ball.radius * (1 + 1e-5)
    if ball.norm == "l2":
        return bool((norms(delta) <= most).all())
    return bool((delta.abs() <= most / delta.shape[-1] ** 0.5).all()) and bool(
        (delta.norm(dim=-1) <= most).all()
    )


@settings(max_examples=60, deadline=None)
@given(BALLS, st.integers(0, 1000))
def test_perturbations_stay_in_the_ball_and_off_padding(ball: Ball, seed: int):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(3, 5, 4, generator=generator) * 2 - 1
    weights = torch.randn(3, 5, 4, generator=generator)
    movable = (torch.rand(3, 5, 1, generator=generator) < 0.6).float()
    delta = start(noise, movable, ball)
    assert is_inside(delta, ball)
    for _ in range(3):
        delta = climbed(delta, weights, movable, ball)
        assert is_inside(delta, ball) and delta.isfinite().all()
        assert not (delta * (1 - movable)).any()
    ended = ascend(lambda x: (x * weights).sum((1, 2)), weights, movable, ball, delta)
    assert is_inside(ended, ball) and not (ended * (1 - movable)).any()


@settings(max_examples=60, deadline=None)
@given(BALLS, st.integers(0, 1000))
def test_projection_is_the_nearest_point(ball: Ball, seed: int):
    generator = torch.Generator().manual_seed(seed)
    delta = torch.randn(2, 3, 4, generator=generator) * 3
    nearest = projected(delta, ball)
    assert torch.allclose(projected(nearest, ball), nearest, atol=1e-6)
    for _ in range(20):
        other = projected(torch.randn(2, 3, 4, generator=generator), ball)
        assert (norms(delta - nearest) <= norms(delta - other) + 1e-5).all()


@settings(max_examples=60, deadline=None)
@given(BALLS, st.integers(0, 1000))
def test_the_loss_of_a_linear_model_rises_to_its_bound(ball: Ball, seed: int):
    """A linear loss gains at most the radius times the dual norm of its weights."""
    generator = torch.Generator().manual_seed(seed)
    vectors, weights = torch.randn(2, 2, 5, 4, generator=generator)
    movable = torch.ones(2, 5, 1)

    def loss(x: torch.Tensor) -> torch.Tensor:
        return (x * weights).sum((1, 2))

    gains = []
    for steps in range(1, 5):
        some = Ball(ball.norm, ball.radius, steps, ball.step, False)
        delta = ascend(loss, vectors, movable, some, torch.zeros_like(vectors))
        gains.append(loss(vectors + delta) - loss(vectors))
    assert (torch.stack(gains).diff(dim=0) >= -1e-4).all() and (gains[0] > 0).all()
    if ball.norm == "l2":
        bound = ball.radius * weights.flatten(1).norm(dim=1)
    else:
        bound = ball.radius / 4**0.5 * weights.abs().sum((1, 2))
    assert (gains[-1] <= bound * (1 + 1e-4) + 1e-4).all()
    if ball.step >= ball.radius:
        assert torch.allclose(gains[-1], bound, rtol=1e-3, atol=1e-3)


def test_without_a_gradient_nothing_moves():
    zero, movable = torch.zeros(2, 3, 4), torch.ones(2, 3, 1)
    for ball in (FGSM_BALL, PGD_BALL):
        assert not climbed(zero, zero, movable, ball).any()


def test_special_tokens_and_padding_do_not_move():
    ids, mask = torch.tensor([[101, 7, 102, 0]]), torch.tensor([[1, 1, 1, 0]])
    movable = movable_tokens(ids, mask, torch.tensor([101, 102]))
    assert movable[0, :, 0].tolist() == [0, 1, 0, 0]


def test_the_scale_ignores_what_all_rows_share():
    table = torch.randn(500, 16)
    assert scale_of(table) == pytest.approx(16**0.5, rel=0.1)
    assert scale_of(3 * table + 100) == pytest.approx(3 * scale_of(table), rel=1e-3)


@pytest.fixture(scope="module")
def texts(mr):
    return mr.test.texts[:12]


def own_labels(victim, texts) -> list[int]:
    """What the victim says, so that no text is skipped."""
    return [int(i) for i in victim.probabilities([segment(t) for t in texts]).argmax(1)]


def attack_named(name: str, max_queries: int | None = None) -> EmbeddingAttack:
    (attack,) = load_attacks(name, resources_for([name], []), max_queries=max_queries)
    return attack


@pytest.mark.parametrize("name", WHITE)
def test_texts_stay_and_passes_are_counted(name: str, students, mr_train, texts):
    victim = Classifier.of(students[0], mr_train.tokenizer())
    attack = attack_named(name)
    results = attacked(attack, victim, texts, own_labels(victim, texts))
    for r in results:
        assert (r.perturbed, r.changed, r.path) == (r.original, (), ())
        assert r.queries == 1 + attack.ball.steps + 1
        assert r.after[r.label] < r.before[r.label]
        assert (np.argmax(r.after) != r.label) == (r.status == "flipped")
    for budget in (1, 2, 3, 5):
        for r in attacked(
            attack_named(name, budget), victim, texts[:2], own_labels(victim, texts[:2])
        ):
            assert r.queries <= budget
            assert r.exhausted == (r.status == "survived" and budget < attack.ball.steps + 2)


def test_more_radius_does_more_harm(students, mr_train, texts):
    victim = Classifier.of(students[0], mr_train.tokenizer())
    labels = own_labels(victim, texts)
    held = []
    for radius in (0.01, 0.1, 1.0):
        attack = EmbeddingAttack("pgd", Ball("l2", radius, 5, radius / 2, True))
        results = attacked(attack, victim, texts, labels)
        held.append(sum(r.status == "survived" for r in results))
    assert held == sorted(held, reverse=True) and held[0] > held[-1]


def test_a_network_with_other_units_is_as_robust(bert_tokenizer, texts):
    """Embeddings ten times as long, weights behind them a tenth: the same function."""
    g = Genotype(16, 32, (Node((0,), "conv3", activation="relu"),), pooling="max")
    vocabulary = plain_vocabulary(bert_tokenizer)
    table = np.random.default_rng(0).normal(size=(vocabulary.n_rows, 16)).astype(np.float32)
    results = []
    for unit in (1.0, 10.0):
        model = build_student(g, vocabulary, ("a", "b"), 0, table)
        with torch.no_grad():
            model.input.table.weight *= unit
            model.input.project.weight /= unit
        victim = Classifier.of(model, student_tokenizer(bert_tokenizer, vocabulary))
        labels = own_labels(victim, texts)
        results.append(attacked(attack_named("pgd"), victim, texts, labels))
    for a, b in zip(*results, strict=True):
        assert a.status == b.status
        assert a.after == pytest.approx(b.after, abs=1e-3)


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta"])
def test_hugging_face_classifiers_are_attacked(kind: str, bert_tokenizer, texts):
    from transformers import AutoConfig, AutoModelForSequenceClassification

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    if kind == "distilbert":
        sizes = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16}
    config = AutoConfig.for_model(
        kind, vocab_size=len(bert_tokenizer), num_labels=3, pad_token_id=0, **sizes
    )
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():  # a random head hardly tells texts apart
        head = model.classifier.out_proj if kind == "roberta" else model.classifier
        head.weight.mul_(100)
    victim = Classifier.of(model, bert_tokenizer)
    labels = own_labels(victim, texts)
    for goal in (Goal(), Goal((labels[0] + 1) % 3)):
        attack = EmbeddingAttack("pgd", Ball("l2", 4.0, 5, 1.5, True), goal)
        for r in attacked(attack, victim, texts, labels):
            if r.status != "skipped":
                far = goal.distance(np.array([r.before, r.after]), r.label)
                assert far[1] < far[0] - 1e-5


def test_a_function_has_no_gradients():
    victim = Classifier.function(lambda texts: [[0.1, 0.9]] * len(texts))
    for name in WHITE:
        with pytest.raises(UserError, match="needs the victim's gradients: give it a student"):
            attacked(attack_named(name), victim, ["a film"], [1])


class Odd(nn.Module):
    """A classifier that reads embeddings in another way than token ids, or not at all."""

    device = torch.device("cpu")

    def __init__(self, reads: bool) -> None:
        super().__init__()
        self.table, self.reads = nn.Embedding(30522, 4), reads

    def get_input_embeddings(self) -> nn.Module:
        return self.table

    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None):
        if input_ids is not None:
            return SimpleNamespace(logits=torch.tensor([[0.0, 1.0]]).expand(len(input_ids), 2))
        if not self.reads:
            raise NotImplementedError
        return SimpleNamespace(logits=inputs_embeds.mean(1)[:, :2])


@pytest.mark.parametrize(
    ("reads", "message"),
    [(True, "Odd answers embeddings otherwise"), (False, "takes inputs_embeds; Odd does not")],
)
def test_models_that_do_not_read_embeddings_are_refused(reads, message, bert_tokenizer):
    victim = Classifier.of(Odd(reads), bert_tokenizer)
    with pytest.raises(UserError, match=message):
        attacked(attack_named("fgsm"), victim, ["a film"], [1])


def test_gradients_do_not_touch_the_weights(students, mr_train, texts):
    victim = Classifier.of(students[1], mr_train.tokenizer())
    attacked(attack_named("pgd"), victim, texts, own_labels(victim, texts))
    assert all(p.grad is None for p in students[1].parameters())
