"""Export of models for pairs of texts: token types are an input where the model reads them."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnxruntime
import pytest
import torch
from card_code import printed_logits, snippet

from rosearch.export.bundle import ExportReport, ParityError, export
from rosearch.models.classifier import Classifier
from rosearch.models.load import load_classifier
from rosearch.models.onnx import OnnxClassifier
from rosearch.models.timing import latencies

TWO = ["input_ids", "attention_mask"]
PAIR = ("A man plays the guitar on a stage.", "Somebody makes music.")
LIMIT = "One text per example"


@pytest.fixture(scope="session")
def flags(mr, tmp_path_factory) -> dict[str, Any]:
    """A task of pairs: sentences of `mr`, each with the one after it, as a file."""
    file = tmp_path_factory.mktemp("data") / "pairs.tsv"
    rows = list(zip(mr.train.texts[:400:2], mr.train.texts[1:400:2], strict=True))
    labels = [("negative", "positive")[i % 2] for i in range(len(rows))]
    lines = ["\t".join((a, b, label)) for (a, b), label in zip(rows, labels, strict=True)]
    file.write_text("\n".join(["first\tsecond\tlabel", *lines]) + "\n", encoding="utf-8")
    columns = {"text_column": "first", "text_pair_column": "second"}
    return {"task": {"train": str(file), **columns}}


@pytest.fixture(scope="session")
def pair_bert(bert, tmp_path_factory) -> Path:
    """The tiny BERT, with token types that change every answer."""
    model, tokenizer = load_classifier(bert)
    with torch.no_grad():
        model.bert.embeddings.token_type_embeddings.weight[1].mul_(10.0)
        for weight in model.bert.encoder.parameters():
            weight.mul_(8.0 if weight.ndim == 2 else 1.0)  # attention that looks at single tokens
        model.classifier.weight.mul_(8.0)
    folder = tmp_path_factory.mktemp("teachers") / "pair-bert"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def bert_onnx(pair_bert, flags, tmp_path_factory) -> ExportReport:
    out = tmp_path_factory.mktemp("exports") / "bert"
    return export(str(pair_bert), "onnx", out, flags, n=3)


@pytest.fixture(scope="session")
def bert_int8(pair_bert, flags, tmp_path_factory) -> ExportReport:
    out = tmp_path_factory.mktemp("exports") / "bert-int8"
    return export(str(pair_bert), "int8", out, flags, n=3)


@pytest.fixture(scope="session")
def student_onnx(student, flags, tmp_path_factory) -> ExportReport:
    out = tmp_path_factory.mktemp("exports") / "student"
    return export(str(student), "onnx", out, flags, n=3)


@pytest.fixture(scope="session")
def student_int8(student, pair_bert, flags, tmp_path_factory) -> ExportReport:
    """A student beside a teacher that reads token types."""
    out = tmp_path_factory.mktemp("exports") / "student-int8"
    return export(str(student), "int8", out, flags, str(pair_bert), n=3)


EXPORTS = {
    "bert_onnx": [*TWO, "token_type_ids"],
    "bert_int8": [*TWO, "token_type_ids"],
    "student_onnx": TWO,
    "student_int8": TWO,
}


@pytest.fixture(params=EXPORTS)
def exported(request) -> tuple[ExportReport, list[str]]:
    """Every report with the inputs that its graph should have."""
    return request.getfixturevalue(request.param), EXPORTS[request.param]


def logits(folder: Path, pair: tuple[str, str], **changed: torch.Tensor) -> list[float]:
    """Of the model as it was trained, by transformers alone."""
    model, tokenizer = load_classifier(folder)
    with torch.inference_mode():
        asked = {**tokenizer(*pair, return_tensors="pt"), **changed}
        found: list[float] = model.eval()(**asked).logits[0].tolist()
    return found


def test_pairs_are_exported_whole(exported):
    report, inputs = exported
    session = onnxruntime.InferenceSession(report.out / "model.onnx")
    assert [taken.name for taken in session.get_inputs()] == inputs
    assert report.parity.n == len(report.source.task.test) == 20
    if report.form == "onnx":
        assert report.parity.difference <= 1e-4 and report.parity.agreement == 1.0
    else:
        assert 0 < report.parity.difference < 0.2 and report.parity.agreement >= 0.8
    assert report.qualities[0].n == 20 and report.qualities[0].attacks["wordnet"].n == 3
    assert all(row.ms > 0 for row in report.latency)


def test_the_snippet_for_pairs_answers_as_the_model_does(exported):
    report, _ = exported
    printed = printed_logits(report)
    want = logits(report.source.folder, PAIR)
    assert len(printed) == 2
    assert printed[0] == pytest.approx(want, abs=0.3 if report.form == "int8" else 1e-4)


def test_the_card_is_of_pairs(exported):
    report, _ = exported
    card = (report.out / "README.md").read_text(encoding="utf-8")
    assert "a pair of texts per example" in card and LIMIT not in card
    assert "only the second text is changed" in card and "32 tokens a pair" in card


def test_the_card_of_single_texts_says_so(onnx):
    card = (onnx.out / "README.md").read_text(encoding="utf-8")
    assert LIMIT in card and "pair" not in card.replace("text_pair", "")
    session = onnxruntime.InferenceSession(onnx.out / "model.onnx")
    assert [taken.name for taken in session.get_inputs()] == TWO, "all its types would be 0"


def test_without_token_types_parity_fails(pair_bert, flags, tmp_path, monkeypatch):
    monkeypatch.setattr(Classifier, "reads_types", lambda *_: False)
    with pytest.raises(ParityError, match="the onnx model differs"):
        export(str(pair_bert), "onnx", tmp_path / "out", flags, n=1)
    assert not list(tmp_path.iterdir())


def test_types_that_are_not_given_are_0(bert_onnx, pair_bert):
    _, tokenizer = load_classifier(pair_bert)
    asked = tokenizer(*PAIR, return_tensors="pt")
    graph = OnnxClassifier(bert_onnx.out / "model.onnx")
    zeros = torch.zeros_like(asked["token_type_ids"])
    typed = graph(**asked).logits[0].tolist()
    untyped = graph(asked["input_ids"], asked["attention_mask"]).logits[0].tolist()
    assert typed == pytest.approx(logits(pair_bert, PAIR), abs=1e-4)
    assert untyped == pytest.approx(logits(pair_bert, PAIR, token_type_ids=zeros), abs=1e-4)
    assert abs(typed[0] - untyped[0]) > 0.05


@pytest.mark.parametrize("form", ["student", "pair_bert"])
def test_the_hf_snippet_for_pairs_runs(form, flags, tmp_path, monkeypatch, capsys, request):
    folder = request.getfixturevalue(form)
    report = export(str(folder), "hf", tmp_path / "out", flags, n=1)
    assert report.parity.difference == 0.0
    monkeypatch.chdir(report.out)
    capsys.readouterr()
    exec(snippet(report.out), {})
    found = re.match(r"{'label': '(\w+)', 'score': ([\d.]+)}", capsys.readouterr().out)
    assert found
    want = torch.tensor(logits(folder, PAIR)).softmax(-1).max().item()
    assert float(found[2]) == pytest.approx(want, abs=1e-4)


def test_a_student_and_its_teacher_are_timed_on_pairs(student_int8):
    assert {(row.who, row.form) for row in student_int8.latency} == {
        ("model", "int8"), ("model", "onnx"), ("teacher", "int8"), ("teacher", "onnx"),
    }  # fmt: skip


@pytest.mark.parametrize(("text", "typed"), [(PAIR, True), (PAIR[0], False)])
def test_timed_pairs_have_token_types(text, typed, bert_tokenizer):
    asked: list[dict[str, torch.Tensor]] = []

    class Recording:
        device = torch.device("cpu")

        def forward(self, input_ids, attention_mask, token_type_ids=None):
            raise AssertionError("models are called")

        def eval(self) -> None:
            pass

        def __call__(self, **inputs: torch.Tensor) -> SimpleNamespace:
            asked.append(inputs)
            return SimpleNamespace(logits=None)

    latencies({("model", "hf"): Classifier.of(Recording(), bert_tokenizer)}, [text], rounds=1)
    assert all(inputs["input_ids"].shape[1] == 32 for inputs in asked)
    assert all(("token_type_ids" in inputs) == typed for inputs in asked)
    if typed:
        assert asked[0]["token_type_ids"].tolist() == [[0] * 16 + [1] * 16]
