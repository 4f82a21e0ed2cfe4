"""Saved students that read texts before their tokens: every way to load them reads alike."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from made_readers import reading

from rosearch.cli.predict import print_prediction
from rosearch.encodings.confusables import LOOK_ALIKES
from rosearch.encodings.reader import Reader
from rosearch.encodings.vocabulary import plain_vocabulary
from rosearch.errors import UserError
from rosearch.models.batches import tokenized
from rosearch.models.classifier import Classifier
from rosearch.models.load import load_classifier
from rosearch.models.predict import predict
from rosearch.space.genotype import Genotype, Node
from rosearch.student.build import build_student
from rosearch.student.saving import save_student
from rosearch.tasks.words import segment

WORDS = ["a", "the", "film", "good", "bad", "great", "gorgeous", "brilliant", "dull", "is", "and"]
READER = Reader(dict.fromkeys(WORDS, -6.0), {"b": -9.0, "ad": -9.0}, (), LOOK_ALIKES)
TEXTS = ["a goood film", "gor geous, gre@t and briliant", "a b ad flim", "g\u043e\u043ed is good",
         "the film", "", "dull-dull qwrtzy"]  # fmt: skip
USE = """
import json, sys
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
folder, texts, again = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
tokenizer = AutoTokenizer.from_pretrained(folder, **trust)
model = AutoModelForSequenceClassification.from_pretrained(folder, **trust).eval()
logits = model(**tokenizer(texts, return_tensors="pt", padding=True)).logits
classify = pipeline("text-classification", model=folder, **trust)
scores = [answer["score"] for answer in classify(texts)]
tokenizer.save_pretrained(again)
model.save_pretrained(again)
print(json.dumps({
    "logits": logits.tolist(), "scores": scores, "class": type(tokenizer).__module__,
    "ids": tokenizer(["a goood film"], ["gor geous"])["input_ids"][0],
    "single": tokenizer("gor geous")["input_ids"], "encoded": tokenizer.encode("gor geous"),
    "tokens": tokenizer.tokenize("gor geous"),
    "words": tokenizer([["a", "flim"]], is_split_into_words=True)["input_ids"][0],
}))
"""


def used(folder: Path, tmp_path: Path, start: str) -> dict[str, object]:
    """What a new process finds that loads the folder and saves it again."""
    local = start.startswith("import rosearch")
    out = subprocess.run(
        [sys.executable, *([] if local else ["-I"]), "-c", start + USE, str(folder),
         json.dumps(TEXTS), str(tmp_path / "again")],
        env={**os.environ, "HF_MODULES_CACHE": str(tmp_path / "modules"), "HF_HUB_OFFLINE": "1"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert out.returncode == 0, out.stderr
    return dict(json.loads(out.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def saved(bert_tokenizer, tmp_path_factory) -> tuple[Path, Classifier]:
    """A saved student that reads, and the student itself."""
    vocabulary = plain_vocabulary(bert_tokenizer)
    g = Genotype(32, 32, (Node((0,), "conv3", activation="relu"),), pooling="max")
    model = build_student(g, vocabulary, ("bad", "good"), seed=0).eval()
    tokenizer = reading(bert_tokenizer, READER)
    tokenizer.backend_tokenizer.no_padding()
    folder = tmp_path_factory.mktemp("models") / "0a-student.v1"
    save_student(model, tokenizer, folder)
    return folder, Classifier.of(model, tokenizer)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param("import rosearch\ntrust = {}\n", id="rosearch"),
        pytest.param(
            "import rosearch\ntrust = {'trust_remote_code': True}\n",
            id="rosearch-trusting",
            marks=pytest.mark.slow,
        ),
        pytest.param("trust = {'trust_remote_code': True}\n", id="without-rosearch"),
    ],
)
def test_auto_classes_and_pipeline_read(saved, bert_tokenizer, tmp_path: Path, start: str):
    folder, student = saved
    found = used(folder, tmp_path, start)
    ours = torch.tensor(student.probabilities(TEXTS))
    assert torch.allclose(torch.tensor(found["logits"]).softmax(-1), ours, atol=1e-5)
    assert torch.allclose(torch.tensor(found["scores"]), ours.max(-1).values, atol=1e-5)
    local = start.startswith("import rosearch")
    assert str(found["class"]).startswith("rosearch." if local else "transformers_modules.")
    assert (tmp_path / "modules").exists() == (not local), "the copied code was (not) run"

    def plain(*texts: str) -> list[int]:
        return list(bert_tokenizer(*texts, truncation=True)["input_ids"])

    assert found["single"] == found["encoded"] == plain("gorgeous")
    assert found["tokens"] == ["gorgeous"]
    assert found["ids"] == plain("a good film", "gorgeous")
    assert found["words"] == plain("a film")
    again = {path.name for path in (tmp_path / "again").iterdir()}
    assert again == {path.name for path in folder.iterdir()}
    for name in ("reader.json", "reader.py"):
        assert (tmp_path / "again" / name).read_text() == (folder / name).read_text()


@pytest.mark.slow
def test_it_is_never_read_without(saved, tmp_path: Path):
    with pytest.raises(AssertionError, match="trust_remote_code=True"):
        used(saved[0], tmp_path, "trust = {'trust_remote_code': False}\n")


def test_the_folder_holds_the_reader_and_its_code(saved):
    names = {path.name for path in saved[0].iterdir()}
    assert {"reader.json", "reader.py", "reading_tokenizer.py"} < names
    config = json.loads((saved[0] / "tokenizer_config.json").read_text())
    assert config["auto_map"] == {"AutoTokenizer": [None, "reading_tokenizer.ReadingTokenizerFast"]}
    assert "reader_file" not in config and "/" not in json.dumps(config)


def test_attacks_ask_the_whole_pipeline(saved):
    """Pieces of words are remembered, and joined after the text was read."""
    student = saved[1]
    for text in [*TEXTS, *zip(TEXTS, reversed(TEXTS), strict=True)]:
        found = student.network.encoder.encode(segment(text))
        assert found == tokenized(student.tokenizer, [text], 512)[0]


def test_the_local_class_wins_over_the_copied_code(saved, tmp_path: Path):
    folder = tmp_path / "student"
    shutil.copytree(saved[0], folder)
    for name in ("reader.py", "reading_tokenizer.py"):
        (folder / name).write_text("raise RuntimeError('the copied code was run')\n")
    _, tokenizer = load_classifier(folder)
    assert tokenizer.tokenize("gor geous") == ["gorgeous"]


def test_predict_shows_what_was_corrected(saved, bert_tokenizer, tmp_path: Path, capsys):
    folder, student = saved
    for as_json in (False, True):
        for answer in predict(folder, ["A gor geous flim.", "the film"], explain=True):
            print_prediction(answer, as_json)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("\t")[2:] == ["A gor geous flim.", "gor geous -> gorgeous, flim -> film"]
    assert lines[1].split("\t")[2:] == ["the film", ""]
    assert json.loads(lines[2])["read_as"] == [["gor geous", "gorgeous"], ["flim", "film"]]
    assert "read_as" not in next(iter(predict(folder, ["the flim"]))).to_json()
    save_student(student.module, bert_tokenizer, tmp_path / "bare")
    with pytest.raises(UserError, match="reads texts as they are"):
        next(iter(predict(tmp_path / "bare", ["the flim"], explain=True)))
