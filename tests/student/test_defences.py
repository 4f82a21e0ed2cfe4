"""Inference-time defences: what they compute, alone and in batches, in graphs and under attack.

Shapes: B batch, T tokens, E embedding dimension, C classes, K copies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from rosearch.attacks.engine import attacked
from rosearch.attacks.methods import load_attacks, resources_for
from rosearch.distill.data import TrainData
from rosearch.encodings import gene
from rosearch.encodings.synonym import Synonym
from rosearch.encodings.vocabulary import Vocabulary, student_tokenizer, synonym_vocabulary
from rosearch.export.onnx_model import write_int8, write_onnx
from rosearch.models.classifier import Classifier
from rosearch.models.onnx import OnnxClassifier
from rosearch.space.cost import Sizes, flops
from rosearch.space.defences import INFERENCE_DEFENCES, InferenceDefence, MaskedMean
from rosearch.space.genotype import Genotype, Node
from rosearch.space.ops import OPS
from rosearch.student.build import build_student
from rosearch.student.model import StudentForSequenceClassification
from rosearch.tasks.words import segment

WORDS = Vocabulary(
    tuple(map(str, range(40))), tuple((i,) for i in range(40)), 0, np.arange(40) // 2
)
ONE_OF_EACH_FAMILY = {op.family: name for name, op in OPS.items()}.values()
ALL_OPS = tuple(Node((0,), op) for op in ONE_OF_EACH_FAMILY)
ALL = Genotype(32, 64, ALL_OPS, pooling="max", position="sinusoidal")
STUDENTS = {
    "all ops": ALL,
    "first": replace(ALL, pooling="first", nodes=(Node((0,), "attention2"),)),
    "lstm": Genotype(32, 32, (Node((0,), "lstm"),), pooling="attention"),
    "bag": Genotype(32, 32, (Node((0,), "ff1"),), pooling="mean"),
}


@dataclass(frozen=True)
class Clipped(InferenceDefence):
    """Bounded influence: no component of a token vector is beyond a limit."""

    name = "clipped"
    families = ()
    module = f"{__name__}:Clip"
    limit: float = gene([1.0])


class Clip(nn.Module):
    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, student: StudentForSequenceClassification, vectors: Tensor, mask: Tensor):
        return student.logits(vectors.clamp(-self.limit, self.limit), mask)


@pytest.fixture(autouse=True)
def registered(scratch_registries: None) -> None:
    INFERENCE_DEFENCES.register(Clipped)


DEFENCES = (MaskedMean(2), MaskedMean(3), Clipped(0.5))


def student(g: Genotype, defence: InferenceDefence | None = None):
    return build_student(replace(g, defence=defence), WORDS, ("a", "b", "c"), seed=0).eval()


def queries(lengths: list[int]) -> dict[str, Tensor]:
    rng = np.random.default_rng(sum(lengths))
    mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
    ids = np.where(mask, rng.integers(1, 40, mask.shape), 0)
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(mask.astype(np.int64)),
    }


@pytest.mark.parametrize("copies", [2, 3, 5])
@pytest.mark.parametrize("name", STUDENTS)
@torch.inference_mode()
def test_the_answer_is_the_mean_of_separate_passes(name: str, copies: int):
    model = student(STUDENTS[name], MaskedMean(copies))
    asked = queries([9, 4, 1, 2])
    vectors, mask = model.input.embed(asked["input_ids"]), asked["attention_mask"].bool()
    masked = torch.zeros(copies, vectors.shape[1], dtype=torch.bool)
    each = []
    for j in range(copies):
        copy = vectors.clone()
        for p in range(vectors.shape[1]):
            if (p + j) % copies == 0:
                copy[:, p] = 0
                masked[j, p] = True
        each.append(model.logits(copy, mask).softmax(-1))
    assert (masked.sum(0) == 1).all(), "each token is masked in exactly one copy"
    found = model(**asked).logits
    assert torch.allclose(found.softmax(-1), torch.stack(each).mean(0), atol=1e-6)
    assert torch.allclose(found.exp().sum(-1), torch.ones(4), atol=1e-5), "log probabilities"
    assert not torch.allclose(found, student(STUDENTS[name])(**asked).logits, atol=1e-3)


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda d: d.key)
@pytest.mark.parametrize("name", STUDENTS)
@torch.inference_mode()
def test_batches_and_padding_change_nothing(name: str, defence: InferenceDefence):
    model = student(STUDENTS[name], defence)
    asked = queries([7, 12, 3, 1, 12])
    together = model(**asked).logits
    for row, n in enumerate(asked["attention_mask"].sum(1)):
        alone = {key: x[row : row + 1, :n] for key, x in asked.items()}
        assert torch.allclose(model(**alone).logits[0], together[row], atol=1e-5)
    vectors = model.input.embed(asked["input_ids"])
    read = model(inputs_embeds=vectors, attention_mask=asked["attention_mask"]).logits
    assert torch.equal(read, together), "token ids and embeddings go the same way"


def test_training_reads_the_bare_pass():
    asked = queries([5, 3])
    bare, wrapped = student(ALL), student(ALL, MaskedMean(3))
    vectors = wrapped.input.embed(asked["input_ids"])
    mask = asked["attention_mask"].bool()
    assert torch.equal(wrapped.logits(vectors, mask), bare.logits(vectors, mask))


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda d: d.key)
def test_the_cost_formula_counts_the_passes(defence: InferenceDefence):
    g = replace(STUDENTS["first"], defence=defence)
    sizes = Sizes({"plain": 20}, classes=3, tokens=8)
    asked = queries([8])
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        student(g, defence)(**asked)
    assert flops(g, sizes) == pytest.approx(counter.get_total_flops(), rel=0.05)
    assert flops(g, sizes) == defence.passes * flops(replace(g, defence=None), sizes)


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda d: d.key)
def test_the_graph_has_the_defence_inside(defence: InferenceDefence, tmp_path: Path):
    model = student(ALL, defence)
    write_onnx(model, tmp_path / "model.onnx")
    exported = OnnxClassifier(tmp_path / "model.onnx")
    write_int8(tmp_path / "model.onnx", tmp_path / "int8.onnx")
    small = OnnxClassifier(tmp_path / "int8.onnx")
    for lengths in ([1], [2], [1, 1], [12], [31, 5, 1], [70, 130]):
        asked = queries(lengths)
        with torch.inference_mode():
            want = model(**asked).logits
        torch.testing.assert_close(exported(**asked).logits, want, atol=1e-5, rtol=1e-5)
        assert small(**asked).logits.shape == want.shape
    asked = queries([12])
    rough = small(**asked).logits.softmax(-1)
    with torch.inference_mode():
        assert torch.allclose(rough, model(**asked).logits.softmax(-1), atol=0.1)


CLUSTERS = dict.fromkeys(("gorgeous", "splendid"), "gorgeous")
TEXTS = ("A gorgeous, witty film.", "A splendid, witty film.", "dull and slow", "!", "")


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda d: d.key)
def test_attacks_ask_the_wrapped_model(defence: InferenceDefence, bert_tokenizer):
    """Joined pieces, batches and remembered answers give what each text alone gives."""
    vocabulary = synonym_vocabulary(bert_tokenizer, CLUSTERS)
    tokenizer = student_tokenizer(bert_tokenizer, vocabulary)
    g = replace(STUDENTS["lstm"], coding=Synonym(), defence=defence)
    model = build_student(g, vocabulary, ("a", "b"), seed=0).eval()
    victim = Classifier.of(model, tokenizer)
    found = victim.probabilities([segment(text) for text in TEXTS])
    with torch.inference_mode():
        alone = [model(**tokenizer(t, return_tensors="pt")).logits.softmax(-1)[0] for t in TEXTS]
    np.testing.assert_allclose(found, torch.stack(alone).numpy(), atol=1e-6)
    assert np.array_equal(found[0], found[1]), "words of a cluster are one row, masked or not"
    assert len(victim.answers.known) == len(TEXTS) - 1
    again = victim.probabilities([segment(text) for text in reversed(TEXTS)])
    assert np.array_equal(again, found[::-1])


def test_attacks_on_embeddings_climb_through_the_defence(train_quickly, mr_train, mr):
    g = Genotype(32, 32, (Node((0,), "conv3", activation="relu"),), pooling="max")
    bare = train_quickly(g)
    wrapped = build_student(
        replace(g, defence=MaskedMean(3)), mr_train.vocabulary, mr.label_names, 0
    ).eval()
    wrapped.load_state_dict(bare.state_dict())
    texts = mr.validation.texts[:40]
    attacks = load_attacks("fgsm", resources_for(("fgsm",), texts))
    results = {}
    for name, model in (("bare", bare), ("wrapped", wrapped)):
        victim = Classifier.of(model, mr_train.tokenizer())
        labels = victim.probabilities(texts).argmax(1).tolist()
        clean = victim.probabilities(texts)[np.arange(40), labels]
        found = attacked(attacks, victim, texts, labels)
        results[name] = (clean, [r.status for r in found])
    assert "flipped" in results["wrapped"][1]
    assert not np.allclose(results["bare"][0], results["wrapped"][0])


def test_a_defended_student_is_trained_like_a_bare_one(mr, mr_train):
    """The defence draws nothing and has no weights: the same seed gives the same weights."""
    from rosearch.config import DistillConfig
    from rosearch.distill.train import train_student
    from rosearch.types import Fidelity

    g = Genotype(32, 32, (Node((0,), "conv3"),))
    targets = np.eye(2)[list(mr.train.labels[:2000])]
    data = TrainData({"plain": mr_train}, mr.train.labels[:2000], targets, mr.label_names, 1)
    how = (data, DistillConfig(), Fidelity(1, 0.1, 0, ()), 0)
    one = train_student(g, *how)
    other = train_student(replace(g, defence=MaskedMean(2)), *how)
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
