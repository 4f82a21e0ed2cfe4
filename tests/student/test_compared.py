"""What students of pairs know of the other text: features, batches, graphs, and on disk.

Shapes: B batch, T tokens.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rosearch.encodings.vocabulary import Vocabulary, trimmed
from rosearch.export.onnx_model import write_int8, write_onnx
from rosearch.models.classifier import Classifier
from rosearch.models.onnx import OnnxClassifier
from rosearch.models.open import open_classifier
from rosearch.space.genotype import Genotype, Node
from rosearch.space.votes import FrameVotes, Votes
from rosearch.student.build import build_student
from rosearch.student.model import StudentForSequenceClassification
from rosearch.student.saving import save_student

CNN = Genotype(32, 48, (Node((0,), "conv3", activation="relu"),))
FIRST = ("A man plays the guitar on a stage.", "Rain!", "the the the", "", "zyxwvutsrq again")
SECOND = ("Somebody plays music: the guitar.", "No rain today.", "the", "words", "a zyxwvutsrq")
SHORT = Vocabulary(
    ("[PAD]", "[SEP]", "film", "movie", "bad"), tuple((i,) for i in range(5)), 0,
    np.array([0, 1, 2, 2, 3]),
)  # fmt: skip


def student(g: Genotype, words: Vocabulary, separator: int) -> StudentForSequenceClassification:
    labels = ("differs", "agrees")
    return build_student(g, words, labels, seed=0, pair_separator=separator).eval()


def test_tokens_know_what_the_other_text_has():
    model = student(CNN, SHORT, 1)
    film, movie, bad = 2, 3, 4
    ids = torch.tensor([[film, bad, 1, movie, film, 1, 0], [bad, 1, movie, 1, 0, 0, 0]])
    rows = model.row_of(ids)
    found = model.input.compared.features(model.input.table(rows), ids, rows)
    second, token, row = found[..., :3].detach().unbind(-1)
    assert second.tolist() == [[0, 0, 0, 1, 1, 0, 0], [0, 0, 1, 0, 0, 0, 0]]
    assert token.tolist() == [[1, 0, 0, 0, 1, 0, 0], [0] * 7]
    assert row.tolist() == [[1, 0, 0, 1, 1, 0, 0], [0] * 7], "movie has the row of film"
    nearest = found[..., 3].detach()
    assert nearest[0, [0, 3, 4]].tolist() == pytest.approx([1, 1, 1])
    assert nearest[0, 1] == pytest.approx(float(nearest[1, 0])) and abs(nearest[1, 0]) < 1
    assert not nearest[ids < 2].any(), "separators and padding"
    alone = torch.tensor([[film, bad]])
    assert torch.equal(model.token_vectors(alone), model.table(model.row_of(alone)))


@pytest.mark.parametrize("op", ["conv3", "gru", "attention4", "identity"])
def test_batches_padding_and_graphs_change_nothing(op: str, read, tmp_path: Path):
    vocabulary, tokenizer = read
    model = student(replace(CNN, nodes=(Node((0,), op),)), vocabulary, tokenizer.sep_token_id)
    asked = dict(tokenizer(list(FIRST), list(SECOND), return_tensors="pt", padding=True))
    with torch.inference_mode():
        together = model(**asked).logits
        for row, n in enumerate(asked["attention_mask"].sum(1)):
            alone = {key: x[row : row + 1, :n] for key, x in asked.items()}
            assert torch.allclose(model(**alone).logits[0], together[row], atol=1e-5)
        vectors = model.token_vectors(asked["input_ids"])
        read_ = model(inputs_embeds=vectors, attention_mask=asked["attention_mask"]).logits
    torch.testing.assert_close(read_, together, atol=1e-6, rtol=0)
    write_onnx(model, tmp_path / "model.onnx")
    exported = OnnxClassifier(tmp_path / "model.onnx")
    torch.testing.assert_close(exported(**asked).logits, together, atol=1e-5, rtol=1e-4)
    write_int8(tmp_path / "model.onnx", tmp_path / "int8.onnx")
    rough = OnnxClassifier(tmp_path / "int8.onnx")(**asked).logits
    assert torch.allclose(rough.softmax(-1), together.softmax(-1), atol=0.1)


def test_a_saved_student_answers_the_same(read, tmp_path: Path):
    vocabulary, tokenizer = read
    kept = tokenizer(list(FIRST), list(SECOND))["input_ids"]
    small = trimmed(vocabulary, {i for ids in kept for i in ids}, tokenizer.unk_token_id)
    model = student(CNN, small, tokenizer.sep_token_id)
    save_student(model, tokenizer, tmp_path / "student")
    assert (tmp_path / "student" / "pairs.py").exists()
    pairs = list(zip(FIRST, SECOND, strict=True))
    found = open_classifier(tmp_path / "student").probabilities(pairs)
    np.testing.assert_array_equal(found, Classifier.of(model, tokenizer).probabilities(pairs))


@pytest.mark.parametrize("votes", [Votes(0.5), FrameVotes(0.5, 1.0, reach=1.5)])
def test_what_is_certified_of_votes_is_not_touched(votes, read):
    vocabulary, tokenizer = read
    model = student(replace(CNN, votes=votes), vocabulary, tokenizer.sep_token_id)
    assert not any("compared" in name for name, _ in model.named_parameters())
