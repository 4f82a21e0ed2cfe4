"""Losses against hand-computed values; training learns, is deterministic and fails clearly."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from rosearch.config import DistillConfig
from rosearch.distill.data import TrainData
from rosearch.distill.defences.substitution import substituted, substitutes
from rosearch.distill.losses import soft_and_hard, soft_cross_entropy
from rosearch.distill.optimiser import Optimiser
from rosearch.distill.schedule import cosine_rate
from rosearch.distill.train import TrainingDiverged, train_student
from rosearch.encodings.vocabulary import Vocabulary
from rosearch.models.batches import bucketed_epoch, padded, sorted_batches
from rosearch.space.genotype import Genotype, Node
from rosearch.space.presets import preset
from rosearch.student.build import build_student
from rosearch.teacher.training import linear_rate
from rosearch.types import Fidelity

BAG = Genotype(32, 32, (Node((0,), "ff1", activation="relu"),))


def test_soft_cross_entropy_by_hand():
    student, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[math.log(3.0) * 2, 0.0]])
    # T = 2: p = (3/4, 1/4), q = (1/2, 1/2): cross-entropy log 2, times T^2
    assert soft_cross_entropy(student, teacher, 2.0).item() == pytest.approx(4 * math.log(2))
    student = torch.tensor([[math.log(9.0), 0.0]])
    # T = 1, q = (0.9, 0.1), p = (9/10, 1/10)
    expected = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert soft_cross_entropy(student, teacher, 1.0).item() == pytest.approx(expected)


def test_distillation_weighs_soft_and_hard():
    student, teacher = torch.tensor([[1.0, -1.0]]), torch.tensor([[0.3, 0.1]])
    labels = torch.tensor([1])
    hard = math.log(1 + math.exp(2.0))
    soft = soft_cross_entropy(student, teacher, 2.0).item()
    for weight in (0.0, 0.25, 1.0):
        loss = soft_and_hard(student, teacher, labels, 2.0, weight).item()
        assert loss == pytest.approx(weight * soft + (1 - weight) * hard, rel=1e-5)


def test_soft_gradients_keep_their_size():
    """Hinton et al. 2015: at high T the gradient times T^2 no longer depends on T."""

    def gradient(temperature: float) -> torch.Tensor:
        student = torch.tensor([[0.5, -0.2]], requires_grad=True)
        soft_cross_entropy(student, torch.tensor([[1.0, -0.9]]), temperature).backward()
        assert student.grad is not None
        return student.grad

    assert torch.allclose(gradient(20.0), gradient(50.0), rtol=0.02)


def test_an_epoch_holds_every_example_once_in_batches_of_like_length():
    lengths = list(np.random.default_rng(0).integers(3, 60, 1003))
    batches = list(bucketed_epoch(lengths, 16, np.random.default_rng(1)))
    assert sorted(np.concatenate(batches)) == list(range(1003))
    assert max(len(b) for b in batches) == 16
    waste = sum(max(lengths[i] for i in b) * len(b) - sum(lengths[i] for i in b) for b in batches)
    assert waste / sum(lengths) < 0.05


def test_sorted_batches_keep_the_budget():
    lengths = [5, 100, 7, 3, 900, 8, 6]
    batches = list(sorted_batches(lengths, 64, 4))
    assert sorted(i for b in batches for i in b) == list(range(7))
    for b in batches:
        assert len(b) == 1 or max(lengths[i] for i in b) * len(b) <= 64
        assert max(lengths[i] for i in b) - min(lengths[i] for i in b) <= 4


def test_padding_stands_on_the_right():
    ids, mask = padded([[5, 6, 7], [8]], pad_id=9)
    assert ids.tolist() == [[5, 6, 7], [8, 9, 9]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize("rate", [cosine_rate, linear_rate])
def test_rates_rise_and_fall_to_zero(rate):
    values = [rate(s, 100) for s in range(101)]
    assert values[0] <= 0.34 and max(values) <= 1.0
    assert values[-1] < 0.01
    assert values.index(max(values)) in range(1, 12)
    assert all(rate(s, 1) >= 0 for s in range(2))


def test_training_learns_real_sentences(students, mr, mr_train):
    for model in students:
        tokenizer = mr_train.tokenizer()
        batch = tokenizer(list(mr.validation.texts[:400]), return_tensors="pt", padding=True)
        with torch.inference_mode():
            right = model(**batch).logits.argmax(-1) == torch.tensor(mr.validation.labels[:400])
        assert right.float().mean() > 0.58


def test_training_is_deterministic_and_leaves_the_generator_alone(train_quickly):
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    first = train_quickly(BAG, seed=3, epochs=1)
    assert torch.equal(torch.rand(2), expected)
    again, other = train_quickly(BAG, seed=3, epochs=1), train_quickly(BAG, seed=4, epochs=1)
    assert torch.equal(first.classifier.weight, again.classifier.weight)
    assert not torch.equal(first.classifier.weight, other.classifier.weight)


def test_progress_is_told(train_quickly):
    told: list[tuple[int, int, float]] = []
    train_quickly(BAG, epochs=1, on_batch=lambda *state: told.append(state))
    assert [t[0] for t in told] == list(range(1, math.ceil(2000 / 32) + 1))
    assert told[-1][0] == told[-1][1]
    assert np.mean([t[2] for t in told[-10:]]) < np.mean([t[2] for t in told[:10]])


def test_a_diverging_loss_is_an_error(mr, mr_train):
    targets = np.full((2000, 2), np.nan)
    data = TrainData({"plain": mr_train}, mr.train.labels[:2000], targets, mr.label_names, 1)
    with pytest.raises(TrainingDiverged, match=r"the loss became nan in batch 1 of 63"):
        train_student(BAG, data, DistillConfig(), Fidelity(1, 1.0, 0, ()), 0)


def test_substitution_replaces_only_what_the_lexicon_allows():
    tokens = ("[PAD]", "film", "movie", "flick", "dull", "slow")
    vocabulary = Vocabulary(tokens, tuple((i,) for i in range(6)), 0, np.array([0, 1, 1, 2, 3, 4]))
    found = substitutes(vocabulary, {"film": ["Movie", "flick", "unknown"], "dull": ["slow"]})
    assert found.count.tolist() == [0, 1, 0, 0, 1, 0]  # "movie" has the row of "film"
    assert found.ids[1, 0] == 3 and found.ids[4, 0] == 5
    ids = torch.tensor([[1, 4, 2, 0]]).repeat(500, 1)
    table, count = torch.from_numpy(found.ids), torch.from_numpy(found.count)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        half = substituted(ids, table, count, 0.5)
    assert set(half[:, 0].tolist()) == {1, 3} and set(half[:, 1].tolist()) == {4, 5}
    assert (half[:, 2:] == ids[:, 2:]).all()
    assert 0.4 < (half[:, 0] == 3).float().mean() < 0.6
    assert torch.equal(substituted(ids, table, count, 0.0), ids)
    assert (substituted(ids, table, count, 1.0)[:, :2] == torch.tensor([3, 5])).all()


LSTM = Genotype(32, 32, (Node((0,), "lstm"),), pooling="max")


def weights_equal(one, other) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.fixture
def train_portion(mr, mr_train):
    """Trains a share of two epochs, with or without a checkpoint."""

    targets = np.zeros((2000, 2))
    data = TrainData({"plain": mr_train}, mr.train.labels[:2000], targets, mr.label_names, 1)

    def train(portion, checkpoint=None, config=None, **more):
        steps: list[int] = []
        config = config or DistillConfig()
        model = train_student(
            LSTM, data, config, Fidelity(2, 0.25, 0, (), portion=portion), 3, checkpoint=checkpoint,
            on_batch=lambda done, total, loss: steps.append(done), **more,
        )  # fmt: skip
        return model, steps

    return train


def test_going_on_from_a_checkpoint_equals_training_in_one_go(train_portion, tmp_path):
    path = tmp_path / "deep" / "c.safetensors"
    whole, steps = train_portion(1.0)
    assert steps == list(range(1, 33))
    first, steps = train_portion(0.3, path)  # ends inside of an epoch
    assert steps == list(range(1, 11))
    assert not weights_equal(first, whole)
    again, steps = train_portion(0.3, path)
    assert steps == [] and weights_equal(again, first)
    second, steps = train_portion(0.8, path)
    assert steps == list(range(11, 27))
    assert weights_equal(second, train_portion(0.8)[0])
    third, steps = train_portion(1.0, path)
    assert steps == list(range(27, 33))
    assert weights_equal(third, whole)
    kept, steps = train_portion(1.0, path)  # a finished training is not done again
    assert steps == [] and weights_equal(kept, whole)


def test_a_useless_checkpoint_costs_time_only(train_portion, tmp_path):
    path = tmp_path / "c.safetensors"
    expected, _ = train_portion(0.3)
    train_portion(0.8, path)
    assert weights_equal(train_portion(0.3, path)[0], expected)  # the file is further already
    train_portion(0.1, path, DistillConfig(learning_rate=1e-3))  # of another recipe
    assert weights_equal(train_portion(0.3, path)[0], expected)
    path.write_bytes(path.read_bytes()[:1000])
    assert weights_equal(train_portion(0.3, path)[0], expected)


def test_early_stopping_brings_the_best_epoch_back(train_portion, tmp_path):
    losses = iter([0.5, 0.7])
    kept = []

    def validate(model):
        kept.append({name: t.clone() for name, t in model.state_dict().items()})
        return next(losses)

    config = DistillConfig(patience=1)
    model, steps = train_portion(1.0, None, config, validate=validate)
    assert len(steps) == 32 and len(kept) == 2
    assert all(torch.equal(t, kept[0][name]) for name, t in model.state_dict().items())

    losses, path = iter([0.5, 0.7]), tmp_path / "c.safetensors"
    train_portion(0.6, path, config, validate=validate)  # the first epoch, and part of the second
    resumed, steps = train_portion(1.0, path, config, validate=validate)
    assert len(steps) == 32 - 19 and weights_equal(resumed, model)


def test_rows_that_no_text_reads_stay_as_they_are(train_portion, mr_train):
    model, _ = train_portion(0.3)
    moved = model.input.table.weight.detach() != torch.from_numpy(mr_train.embedding[:, :32])
    read = set(np.unique(mr_train.ids).tolist())
    changed = set(moved.any(1).nonzero()[:, 0].tolist())
    assert changed and changed <= read


@pytest.mark.parametrize(("name", "least", "most"), [("votes", 50, 100), ("bag", 0.9, 1.1)])
def test_a_word_that_only_right_texts_have_hardly_votes(name: str, least: float, most: float, read):
    """Adam alone moves the row of a word by a whole step, however small the error is."""
    vocabulary, _ = read
    model = build_student(preset(name), vocabulary, ("a", "b"), 0)
    optimiser, table = Optimiser(model, DistillConfig()), model.table.weight
    before = table.detach().clone()
    gradients = torch.full((2, table.shape[1]), 1e-2)
    gradients[1] /= 100  # its text is right
    table.grad = torch.sparse_coo_tensor(torch.tensor([[5, 7]]), gradients, table.shape)
    optimiser.step(1.0)
    moved = (table.detach() - before).abs().mean(1)
    assert least < moved[5] / moved[7] < most
