"""Exports of a student that reads texts before their tokens read alike, rosearch or not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from card_code import printed_logits, snippet
from made_readers import reading

from rosearch.encodings.confusables import LOOK_ALIKES
from rosearch.encodings.reader import Reader
from rosearch.export import usage
from rosearch.export.bundle import export
from rosearch.models.open import open_classifier
from rosearch.space.genotype import Genotype, Node
from rosearch.student.build import build_student
from rosearch.student.saving import save_student

WORDS = ["a", "and", "gorgeous", "witty", "film", "dull", "slow", "brilliant"]
READER = Reader(dict.fromkeys(WORDS, -6.0), {}, (), LOOK_ALIKES)
TEXTS = ("A gor geous, w1tty flim.", "Dulll and sl\u043ew.", "briliant, gor-geous and witty film")


@pytest.fixture(scope="module")
def student(read, tmp_path_factory) -> Path:
    vocabulary, plain = read
    tokenizer = reading(plain, READER)
    g = Genotype(32, 32, (Node((0,), "conv3", norm="layer"),), pooling="mean")
    model = build_student(g, vocabulary, ("negative", "positive"), seed=0)
    with torch.no_grad():
        model.classifier.weight.mul_(4.0)
    folder = tmp_path_factory.mktemp("models") / "reads"
    save_student(model, tokenizer, folder)
    return folder


@pytest.mark.parametrize("form", ["onnx", pytest.param("int8", marks=pytest.mark.slow)])
def test_graphs_read_as_the_student_does(student: Path, tmp_path: Path, monkeypatch, form: str):
    monkeypatch.setattr(usage, "EXAMPLES", TEXTS[:2])
    report = export(str(student), form, tmp_path / form, n=2)
    code = {"reader.py", "reader_forms.py", "reader_index.py", "reader_joins.py",
            "reader_whole.py"}  # fmt: skip
    assert code | {"reader.json"} < {path.name for path in report.out.iterdir()}
    ours = open_classifier(student).probabilities(TEXTS)
    read = open_classifier(student).probabilities([READER(text) for text in TEXTS])
    assert np.array_equal(ours, read)
    exported = open_classifier(report.out).probabilities(TEXTS)
    tolerance = 1e-5 if form == "onnx" else 0.05
    assert np.abs(exported - ours).max() < tolerance
    assert "Reader.load" in snippet(report.out)
    printed = torch.tensor(printed_logits(report)).softmax(-1).numpy()
    assert np.abs(printed - exported[:2]).max() < 1e-5
    assert "auto_map" not in json.loads((report.out / "config.json").read_text())
