"""Robust methods: one behaviour suite for all, then what is particular to each.

Shapes: B batch, T tokens, E embedding dimension.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from rosearch.attacks.embedding import norms, scale_of
from rosearch.config import DistillConfig
from rosearch.distill.batch import Batch
from rosearch.distill.data import EncodedTrain, TrainData, encode_train
from rosearch.distill.defences.characters import Spellings, misspellings
from rosearch.distill.defences.compose import robust_method
from rosearch.distill.defences.embeddings import AtWorstPoint, special_tokens
from rosearch.distill.defences.first_order import FirstOrderSubstitution
from rosearch.distill.defences.steps import Composed
from rosearch.distill.defences.substitution import Substitutes, substitutes
from rosearch.distill.objective import Prediction
from rosearch.distill.train import train_student
from rosearch.encodings.vocabulary import plain_vocabulary, student_tokenizer, tokenizer_settings
from rosearch.models.batches import padded
from rosearch.space.genotype import Genotype, Node
from rosearch.student.build import build_student
from rosearch.types import Fidelity

CNN = Genotype(32, 32, (Node((0,), "conv3", activation="relu"),), pooling="max")
LSTM = Genotype(32, 32, (Node((0,), "lstm"),), pooling="mean")
OFF = DistillConfig(substitution=0.0, dropout=0.0, precision="float32")
FIRST_ORDER = replace(OFF, substitution=0.9, substitution_choice="first-order")
FREELB = replace(OFF, adversarial="freelb")
METHODS = {
    "none": OFF,
    "random": replace(OFF, substitution=0.9),
    "first-order": FIRST_ORDER,
    "characters": replace(OFF, characters=0.9),
    "fgsm": replace(OFF, adversarial="fgsm", adversarial_radius=0.05),
    "pgd": replace(OFF, adversarial="pgd"),
    "freelb": FREELB,
    "weighed": replace(FIRST_ORDER, clean_weight=0.4),
    "composed": replace(FREELB, substitution=0.5, characters=0.5, clean_weight=0.3),
}
ADVERSARIAL = ("first-order", "fgsm", "pgd", "freelb")
ON_EMBEDDINGS = ("fgsm", "pgd", "freelb")
DULL = ["It was with them, and of the.", "To be or not to be?"]  # stop words only


def encoded(tokenizer, texts) -> EncodedTrain:
    """Texts under the plain encoding, each word's neighbours in the vocabulary as its synonyms."""
    vocabulary = plain_vocabulary(tokenizer)
    student = student_tokenizer(tokenizer, vocabulary)
    words = [t for t in vocabulary.tokens[2500:12000] if t.isalpha()]
    lexicon = {w: words[i + 1 : i + 1 + i % 5] for i, w in enumerate(words)}
    embedding = np.random.default_rng(0).normal(size=(vocabulary.n_rows, 32)).astype(np.float32)
    return encode_train(
        vocabulary, student, tokenizer_settings(student), texts, embedding, 64,
        [substitutes(vocabulary, lexicon), Spellings(misspellings(student, texts, 64, seed=0))],
    )  # fmt: skip


@pytest.fixture(scope="module")
def data(bert_tokenizer, mr) -> EncodedTrain:
    return encoded(bert_tokenizer, [*mr.train.texts[:40], *DULL])


@pytest.fixture(scope="module")
def pairs(bert_tokenizer, mr) -> EncodedTrain:
    texts = mr.train.texts
    return encoded(bert_tokenizer, list(zip(texts[:20], texts[20:40], strict=True)))


def batch_of(data: EncodedTrain, rows=range(40)) -> Batch:
    rows = np.asarray([r for r in rows if r < len(data.texts)])
    ids, mask = padded([data.texts[i] for i in rows], data.vocabulary.pad_id)
    labels = torch.arange(len(rows)) % 2
    return Batch(ids, mask, labels, 4.0 * F.one_hot(labels, 2).float() - 2, rows)


def student(data: EncodedTrain, g: Genotype = CNN, dropout: float = 0.0):
    model = build_student(g, data.vocabulary, ("a", "b"), 0, data.embedding)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    return model.train()


def gradients(model, config: DistillConfig, data: EncodedTrain, batch: Batch, seed: int = 1):
    """Loss and gradients of one step."""
    model.zero_grad()
    method = robust_method(config, data, model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        loss = method.backward(model, batch, Prediction(config))
    return loss, {name: p.grad.clone() for name, p in model.named_parameters()}


def close(one: dict[str, Tensor], other: dict[str, Tensor], rtol: float = 1e-4) -> bool:
    return all(torch.allclose(one[n], other[n], rtol=rtol, atol=1e-6) for n in one)


@pytest.mark.parametrize("g", [CNN, LSTM], ids=["cnn", "lstm"])
@pytest.mark.parametrize("name", METHODS)
def test_a_step_gives_gradients_and_changes_nothing_else(name: str, g: Genotype, data):
    model, batch = student(data, g), batch_of(data)
    before, kept = copy.deepcopy(model.state_dict()), (batch.ids.clone(), batch.mask.clone())
    loss, found = gradients(model, METHODS[name], data, batch)
    assert loss.shape == () and torch.isfinite(loss) and not loss.requires_grad
    assert all(torch.isfinite(x).all() for x in found.values())
    assert all(found[n].abs().max() > 0 for n in found if not n.startswith("input.positions"))
    assert model.training
    assert all(torch.equal(x, model.state_dict()[n]) for n, x in before.items())
    assert torch.equal(batch.ids, kept[0]) and torch.equal(batch.mask, kept[1])


@pytest.mark.parametrize("name", METHODS)
def test_a_step_depends_on_the_global_generator_alone(name: str, data):
    config, batch = replace(METHODS[name], dropout=0.1), batch_of(data)
    model = student(data, dropout=0.1)
    first, second = (gradients(model, config, data, batch)[1] for _ in range(2))
    assert all(torch.equal(first[n], second[n]) for n in first)
    other = gradients(model, config, data, batch, seed=2)[1]
    assert not close(first, other)


@pytest.mark.parametrize("name", METHODS)
def test_pairs_are_trained_alike(name: str, pairs):
    loss, found = gradients(student(pairs), METHODS[name], pairs, batch_of(pairs))
    assert torch.isfinite(loss) and all(torch.isfinite(x).all() for x in found.values())


@pytest.mark.parametrize("name", ["random", "first-order", "characters", "weighed"])
def test_a_batch_without_replaceable_words_is_an_ordinary_one(name: str, data):
    model, batch = student(data), batch_of(data, [40, 41])
    none = without_substitutes(data, batch)
    loss, found = gradients(model, METHODS[name], none, batch)
    expected, plain = gradients(model, OFF, none, batch)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5) and close(found, plain)


def without_substitutes(data: EncodedTrain, batch: Batch) -> EncodedTrain:
    """The data with the substitutes of a batch's words taken away."""
    found = data.table(Substitutes)
    assert found is not None
    count = found.count.copy()
    count[batch.ids.unique().numpy()] = 0
    return replace(data, tables=(Substitutes(found.ids, count), data.table(Spellings)))


@pytest.mark.parametrize("name", ON_EMBEDDINGS)
def test_a_ball_without_extent_is_plain_distillation(name: str, data):
    model, batch = student(data, LSTM), batch_of(data)
    config = replace(METHODS[name], adversarial_radius=0.0)
    loss, found = gradients(model, config, data, batch)
    expected, plain = gradients(model, OFF, data, batch)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5) and close(found, plain)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_the_loss_under_attack_is_no_smaller_than_the_clean_one(name: str, data, students, mr):
    batch = batch_of(data)
    labels = torch.tensor(mr.train.labels[:40])
    batch = replace(batch, labels=labels, targets=4.0 * F.one_hot(labels, 2).float() - 2)
    for trained in students:
        model = copy.deepcopy(trained).eval()
        clean, _ = gradients(model, OFF, data, batch)
        attacked, _ = gradients(model, METHODS[name], data, batch)
        assert attacked > 1.02 * clean
        assert not model.training


class Recorder:
    """An objective that keeps what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[Tensor] = []
        self.dropped: list[Tensor] = []
        self.training: list[bool] = []

    def losses(self, model, batch: Batch, vectors: Tensor | None = None) -> Tensor:
        clean = model.input.embed(batch.ids)
        vectors = clean if vectors is None else vectors
        self.asked.append((vectors - clean).detach())
        self.dropped.append(F.dropout(torch.ones(50), 0.5))
        self.training.append(model.training)
        return Prediction(OFF).losses(model, batch, vectors)


@pytest.mark.parametrize("radius", [0.05, 0.7])
@pytest.mark.parametrize("name", ON_EMBEDDINGS)
def test_perturbations_stay_in_the_ball_and_off_padding_and_special_tokens(name, radius, pairs):
    model, batch, seen = student(pairs), batch_of(pairs), Recorder()
    config = replace(METHODS[name], adversarial_radius=radius, adversarial_steps=4)
    with torch.random.fork_rng(devices=[]):
        robust_method(config, pairs, model).backward(model, batch, seen)
    reach = radius * scale_of(torch.from_numpy(pairs.embedding))
    special = torch.isin(batch.ids, special_tokens(pairs))
    assert special.sum() >= 3 * len(batch.ids)  # two texts: three special tokens
    still = special | (batch.mask == 0)
    for delta in seen.asked:
        assert (delta[still] == 0).all()
        size = delta.norm(dim=-1) if name == "fgsm" else norms(delta)
        assert size.max() <= reach * 1.0001 + 1e-5
    assert norms(seen.asked[-1]).min() > 0.3 * reach
    assert len(seen.asked) == {"fgsm": 2, "pgd": 5, "freelb": 4}[name]


@pytest.mark.parametrize("name", ["fgsm", "pgd"])
def test_the_ascent_asks_for_no_gradient_of_parameters_and_drops_nothing(name: str, data):
    model, batch, seen = student(data), batch_of(data), Recorder()
    method = robust_method(METHODS[name], data, model)
    assert isinstance(method, Composed) and isinstance(method.method, AtWorstPoint)
    method.method.perturbation(model, batch, seen, model.input.embed(batch.ids).detach())
    assert all(p.grad is None for p in model.parameters())
    assert seen.training and not any(seen.training)
    assert model.training


def test_freelb_drops_the_same_units_in_every_step(data):
    model, seen = student(data), Recorder()
    with torch.random.fork_rng(devices=[]):
        robust_method(FREELB, data, model).backward(model, batch_of(data), seen)
    assert all(torch.equal(seen.dropped[0], other) for other in seen.dropped[1:])
    assert all(seen.training)


def test_freelb_is_the_mean_gradient_over_its_points(data):
    """The embedding gets its gradient in one go: as if each point had been a pass of its own."""
    model, batch, seen = student(data), batch_of(data), Recorder()
    method = robust_method(FREELB, data, model)
    model.zero_grad()
    with torch.random.fork_rng(devices=[]):
        loss = method.backward(model, batch, seen)
    found = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    points = [model.input.embed(batch.ids) + delta for delta in seen.asked]
    losses = torch.stack([Prediction(OFF).losses(model, batch, x).mean() for x in points])
    losses.mean().backward()
    assert losses.mean().item() == pytest.approx(loss.item(), rel=1e-5)
    assert close(found, {name: p.grad for name, p in model.named_parameters()})


class Linear:
    """Losses that are linear in the embeddings, so that the first order is the whole truth."""

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights

    def losses(self, model, batch: Batch, vectors: Tensor | None = None) -> Tensor:
        vectors = model.input.embed(batch.ids) if vectors is None else vectors
        return (vectors * self.weights[: vectors.shape[1]]).sum((1, 2))


def test_first_order_substitution_takes_the_best_of_all_substitutes(data):
    model, batch = student(data), batch_of(data)
    found = data.table(Substitutes)
    assert found is not None
    table, count = map(torch.from_numpy, (found.ids, found.count))
    objective = Linear(torch.randn(64, 32, generator=torch.Generator().manual_seed(0)))
    noise = FirstOrderSubstitution(table, count, share=1.0)
    ids = noise(model, batch, objective).ids
    vectors = model.input.table.weight.detach()
    changed = 0
    for (row, place), word in np.ndenumerate(batch.ids.numpy()):
        options = [int(word), *table[word, : count[word]].tolist()]
        gain = vectors[options] @ objective.weights[place]
        assert int(ids[row, place]) == options[int(gain.argmax())]
        changed += int(ids[row, place] != word)
    assert changed > 40
    assert (
        objective.losses(model, replace(batch, ids=ids)) >= objective.losses(model, batch)
    ).all()
    with torch.random.fork_rng(devices=[]):
        some = replace(noise, share=0.4)(model, batch, objective).ids
    moved = (some != batch.ids).sum().item()
    assert 0.2 * changed < moved < 0.6 * changed
    assert ((some == batch.ids) | (some == ids)).all()


def test_no_word_is_replaced_where_every_substitute_lowers_the_loss(data):
    model, batch = student(data), batch_of(data)
    found = data.table(Substitutes)
    assert found is not None
    table, count = map(torch.from_numpy, (found.ids, found.count))
    model.input.table.weight.data[:] = 0.0
    model.input.table.weight.data[batch.ids.unique()] = 1.0
    valid = torch.arange(table.shape[1]) < count[:, None]
    among_them = (torch.isin(table, batch.ids.unique()) & valid).any(1)
    noise = FirstOrderSubstitution(table, count.masked_fill(among_them, 0), 1.0)
    assert torch.equal(noise(model, batch, Linear(torch.ones(64, 32))).ids, batch.ids)
    assert not torch.equal(noise(model, batch, Linear(-torch.ones(64, 32))).ids, batch.ids)


def test_character_noise_needs_an_encoding_prepared_for_it(data):
    bare = replace(data, tables=(data.table(Substitutes),))
    with pytest.raises(ValueError, match="prepared"):
        robust_method(METHODS["characters"], bare, student(data))


def test_substitution_is_off_where_the_encoding_has_no_substitutes(data):
    model, batch = student(data), batch_of(data)
    bare = replace(data, tables=(data.table(Spellings),))
    assert close(
        gradients(model, FIRST_ORDER, bare, batch)[1], gradients(model, OFF, data, batch)[1]
    )


def states(*models) -> Iterator[tuple[Tensor, ...]]:
    yield from zip(*(m.state_dict().values() for m in models), strict=True)


def test_robust_trainings_go_on_from_checkpoints(data, tmp_path):
    config = replace(METHODS["composed"], dropout=0.1, batch_size=8)
    labels = [i % 2 for i in range(42)]
    targets = np.eye(2)[labels] * 4 - 2
    train_data = TrainData({LSTM.encoding_key: data}, labels, targets, ("a", "b"), 1)

    def train(portion: float, checkpoint=None):
        fidelity = Fidelity(2, 1.0, 0, (), portion=portion)
        return train_student(LSTM, train_data, config, fidelity, 0, checkpoint=checkpoint)

    whole = train(1.0)
    assert all(torch.equal(a, b) for a, b in states(whole, train(1.0)))
    path = tmp_path / "c.safetensors"
    train(0.4, path)
    assert path.exists()
    assert all(torch.equal(a, b) for a, b in states(whole, train(1.0, path)))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator with CUDA")
@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains_on_cuda(name, data):
    labels = [i % 2 for i in range(42)]
    targets = np.eye(2)[labels] * 4 - 2
    train_data = TrainData({LSTM.encoding_key: data}, labels, targets, ("a", "b"), 1)
    config = replace(METHODS[name], device="cuda", learning_rate=1e-2)
    losses: list[float] = []

    def keep(done: int, total: int, loss: float) -> None:
        losses.append(loss)

    for g in (CNN, LSTM):
        losses.clear()
        model = train_student(g, train_data, config, Fidelity(8, 1.0, 0, ()), 0, on_batch=keep)
        assert model.device.type == "cuda"
        assert np.mean(losses[-2:]) < np.mean(losses[:2])
