"""Votes of words: what they compute, in batches, in graphs, on disk and under attack.

Shapes: B batch, T tokens, C classes.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_votes import random_votes
from torch import Tensor

from rosearch.attacks.engine import attacked
from rosearch.attacks.methods import load_attacks, resources_for
from rosearch.encodings.frame import BLANK, FRAME_ROWS, frame_rows
from rosearch.encodings.vocabulary import trimmed, word_parts
from rosearch.export.onnx_model import write_int8, write_onnx
from rosearch.models.classifier import Classifier
from rosearch.models.onnx import OnnxClassifier
from rosearch.models.open import open_classifier
from rosearch.space.defences import MaskedMean
from rosearch.space.genotype import Genotype, Node
from rosearch.space.votes import FrameVotes, Votes
from rosearch.student.model import StudentForSequenceClassification
from rosearch.student.saving import save_student

CELL = Genotype(32, 32, (Node((0,), "conv3", activation="relu"),), pooling="max")
ALONE = replace(CELL, votes=Votes(0.5))
FRAMED = replace(CELL, votes=FrameVotes(0.5, 1.0, reach=1.5))
LABELS = ("a", "b", "c")
TEXTS = (
    "A good, witty film.",
    "call 09061701461 now: \u00a31,500 prize!!",
    "xqzzyjk",
    "qzxv blorptastic nothing",
    "",
)


def student(g: Genotype, vocabulary) -> StudentForSequenceClassification:
    return random_votes(g, vocabulary, len(LABELS))


def by_hand(model: StudentForSequenceClassification, tokens: list[str], ids: list[int]) -> Tensor:
    """The formula, word by word."""
    table, cap = model.votes.table.weight, model.votes.cap
    words: list[list[int]] = []
    for place, token in enumerate(tokens):
        if token.startswith("##") and len(token) > 2:
            words[-1].append(place)
        else:
            words.append([place])
    total = model.votes.bias.clone()
    for places in words:
        counted = [
            p
            for p in places
            if not tokens[p].startswith("[")
            and (len(places) == 1 or not tokens[p].removeprefix("##").isalpha())
        ]
        z = sum((table[ids[p]] for p in counted), torch.zeros(3))
        total = total + cap * torch.tanh(z / cap)
    return total


@torch.inference_mode()
def test_the_logits_are_the_sum_of_the_bounded_votes(read):
    vocabulary, tokenizer = read
    model = student(ALONE, vocabulary)
    for text in TEXTS:
        asked = tokenizer(text, return_tensors="pt")
        ids = asked["input_ids"][0].tolist()
        want = by_hand(model, tokenizer.convert_ids_to_tokens(ids), ids)
        assert torch.allclose(model(**asked).logits[0], want, atol=1e-5)
    unknown = model(**tokenizer("blorptastic", return_tensors="pt")).logits[0]
    assert torch.equal(unknown, model.votes.bias), "an unknown word says nothing"
    number = model(**tokenizer("09061701461", return_tensors="pt")).logits[0]
    assert 0 < (number - model.votes.bias).abs().max() <= 0.5, "a number does, within the bound"


@torch.inference_mode()
def test_content_words_change_no_weight_and_function_words_do(read):
    vocabulary, tokenizer = read
    model = student(FRAMED, vocabulary)
    texts = ("not a good film, but nice", "not a bad book, but cold", "with a good film: and nice")
    asked = tokenizer(list(texts), return_tensors="pt")
    ids, mask = asked["input_ids"], asked["attention_mask"].bool()
    vectors = model.token_vectors(ids)
    columns = vectors[..., -model.votes.width :]
    states = model.states(vectors[..., : -model.votes.width], mask)
    weights = model.weights_of(states)
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert (weights - 1).abs().max() <= 1.5 and weights.std() > 0.1
    cells = torch.tanh(model.said_by_cells(states, mask))
    sums = (model.votes.each(columns, mask) * weights[..., None]).sum(1) + model.votes.bias
    assert torch.allclose(model(**asked).logits, sums + cells, atol=1e-6)


@pytest.mark.parametrize("op", ["conv3", "lstm", "attention4"])
def test_texts_of_one_frame_run_the_cell_once(op: str, read):
    vocabulary, tokenizer = read
    g = replace(FRAMED, nodes=(Node((0,), op),), pooling="mean", position="learned")
    model = student(g, vocabulary)
    texts = ["a good film, not bad", "a bad book, not good", "good", "a good film, but bad", "film"]
    asked = dict(tokenizer(texts, return_tensors="pt", padding=True))
    rows: list[int] = []
    hook = model.norm.register_forward_hook(lambda module, inputs, found: rows.append(len(found)))
    with torch.inference_mode():
        shared = model(**asked).logits
    own = model(**asked).logits  # for gradients, every text by itself
    hook.remove()
    torch.testing.assert_close(shared, own, atol=1e-5, rtol=0)
    assert rows == [3, 5] and own.requires_grad and shared.std(0).min() > 1e-3


def test_the_frame_is_function_words_marks_and_numbers(read):
    vocabulary, _ = read
    rows = frame_rows(vocabulary.tokens)
    of = dict(zip(vocabulary.tokens, rows, strict=True))
    assert rows.max() < FRAME_ROWS and rows.dtype == np.int64
    assert of["film"] == of["good"] == of["##s"] == of["##ness"] == BLANK
    assert len({of[t] for t in ("not", "but", ",", "!", "film", "2", "[CLS]")}) == 7
    assert of["1980"] == of["2"] and of["€"] == of["£"] != of["$"]


GENOTYPES = {
    "alone": ALONE,
    "framed": FRAMED,
    "framed, masked": replace(FRAMED, defence=MaskedMean(3)),
    "alone, masked": replace(ALONE, defence=MaskedMean(2)),
}


@pytest.mark.parametrize("name", GENOTYPES)
def test_batches_padding_and_graphs_change_nothing(name: str, read, tmp_path: Path):
    vocabulary, tokenizer = read
    model = student(GENOTYPES[name], vocabulary)
    asked = dict(tokenizer(list(TEXTS), return_tensors="pt", padding=True))
    with torch.inference_mode():
        together = model(**asked).logits
        for row, n in enumerate(asked["attention_mask"].sum(1)):
            alone = {key: x[row : row + 1, :n] for key, x in asked.items()}
            assert torch.allclose(model(**alone).logits[0], together[row], atol=1e-5)
        vectors = model.token_vectors(asked["input_ids"])
        read_ = model(inputs_embeds=vectors, attention_mask=asked["attention_mask"]).logits
    torch.testing.assert_close(read_, together, atol=1e-6, rtol=0)  # as ids or as vectors
    write_onnx(model, tmp_path / "model.onnx")
    exported = OnnxClassifier(tmp_path / "model.onnx")
    torch.testing.assert_close(exported(**asked).logits, together, atol=1e-5, rtol=1e-5)
    write_int8(tmp_path / "model.onnx", tmp_path / "int8.onnx")
    rough = OnnxClassifier(tmp_path / "int8.onnx")(**asked).logits
    assert torch.allclose(rough.softmax(-1), together.softmax(-1), atol=0.1)


@pytest.mark.parametrize("name", ["alone", "framed"])
def test_a_saved_student_answers_the_same(name: str, read, tmp_path: Path):
    vocabulary, tokenizer = read
    kept = tokenizer(list(TEXTS), add_special_tokens=True)["input_ids"]
    small = trimmed(vocabulary, {i for ids in kept for i in ids}, tokenizer.unk_token_id)
    model = student(GENOTYPES[name], small)
    save_student(model, tokenizer, tmp_path / "student")
    texts = [*TEXTS, "entirely different words, which were left out"]
    found = open_classifier(tmp_path / "student").probabilities(texts)
    np.testing.assert_array_equal(found, Classifier.of(model, tokenizer).probabilities(texts))
    with torch.inference_mode():
        each = [model(**tokenizer(t, return_tensors="pt")).logits.softmax(-1)[0] for t in texts]
    np.testing.assert_allclose(found, torch.stack(each).numpy(), atol=1e-6)


def test_attacks_on_embeddings_reach_the_votes(read, mr):
    vocabulary, tokenizer = read
    victim = Classifier.of(student(ALONE, vocabulary), tokenizer)
    texts = mr.validation.texts[:20]
    labels = victim.probabilities(texts).argmax(1).tolist()
    attacks = load_attacks("fgsm", resources_for(("fgsm",), texts))
    found = attacked(attacks, victim, texts, labels)
    assert all(r.queries for r in found)
    assert any(not np.allclose(r.before, r.after) for r in found)


def test_parts_of_words_are_told_by_the_tokenizers_marks():
    assert [p.inner for p in word_parts(("good", "##ness", "##1", "!", "##"))] == [
        False, True, True, False, False,
    ]  # fmt: skip
    marked = word_parts(("\u0120good", "ness", "!", "\u01201"))
    assert [(p.text, p.inner) for p in marked] == [
        ("good", False), ("ness", True), ("!", False), ("1", False),
    ]  # fmt: skip


def test_a_bound_far_away_bounds_nothing(read):
    vocabulary, tokenizer = read
    model = student(replace(CELL, votes=Votes(500.0)), vocabulary)
    asked = tokenizer("good", return_tensors="pt")
    with torch.inference_mode():
        z = model.votes.table.weight[asked["input_ids"][0, 1]]
        assert torch.allclose(model(**asked).logits[0], z, atol=1e-4)
    assert math.isclose(model.votes.cap, 500.0)
