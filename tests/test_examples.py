"""The programs in examples/ run as a user runs them, on tiny models and few texts."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rosearch.results.store import Store

EXAMPLES = Path(__file__).parents[1] / "examples"
SETTINGS = """
[teacher]
name = {teacher!r}
epochs = 1
weak = "keep"
[encoding]
tolerances = [0.015]
[space]
min_compression = 0
[search]
candidates = 2
population = 2
lag = 1
attacked = 5
[final]
attacked = 5
held_out = ["characters"]
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory, mr) -> Path:
    """300 real sentences, in columns with names of their own."""
    file = tmp_path_factory.mktemp("data") / "reviews.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("body", "stars"))
        names = [mr.label_names[label] for label in mr.train.labels[:300]]
        rows.writerows(zip(mr.train.texts[:300], names, strict=True))
    return file


@pytest.fixture(scope="module")
def teacher(tmp_path_factory, bert_tokenizer, mr) -> Path:
    """Folder of a classifier: a BERT of one layer and random weights."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=len(bert_tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, id2label=dict(enumerate(mr.label_names)),
        label2id={name: i for i, name in enumerate(mr.label_names)},
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertForSequenceClassification(config)
    folder = tmp_path_factory.mktemp("teachers") / "tiny-bert"
    model.save_pretrained(folder)
    bert_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def settings(tmp_path, teacher) -> Path:
    file = tmp_path / "tiny.toml"
    file.write_text(SETTINGS.format(teacher=str(teacher)), encoding="utf-8")
    return file


def example(name: str, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / name), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.slow  # the other search below is the same but for the teacher
def test_own_csv(data: Path, settings: Path, tmp_path: Path):
    out = tmp_path / "run"
    columns = ("--text-column", "body", "--label-column", "stars")
    done = example("own_csv.py", data, out, *columns, "--settings", settings, "--workers", 1)
    assert done.returncode == 0, done.stderr
    found = Store(out / "run.db")
    assert len(found.trials()) == 2
    assert found.meta().label_names == ("negative", "positive")
    best = found.meta().summary.best
    assert f"best student: {out / 'students' / best.id}" in done.stdout
    assert (out / "students" / best.id / "model.safetensors").is_file()
    assert all(t.candidate.id in done.stdout for t in found.trials())


def test_own_teacher(data: Path, settings: Path, teacher: Path, tmp_path: Path):
    file, out = tmp_path / "plain.csv", tmp_path / "run"
    file.write_text(
        data.read_text(encoding="utf-8").replace("body,stars", "text,label", 1), encoding="utf-8"
    )
    more = ("--train", file, "--settings", settings, "--workers", 1)
    done = example("own_teacher.py", teacher, out, *more)
    assert done.returncode == 0, done.stderr
    run = Store(out / "run.db").meta()
    assert (
        run.config["teacher"] | {"name": str(teacher), "fine_tune": False}
        == (run.config["teacher"])
    )
    assert "fine-tuning" not in done.stderr
    for name in ("teacher", "reference", "best"):
        assert f"{name}: {getattr(run.summary, name).params:,} parameters" in done.stdout


def test_attack_my_model(teacher: Path):
    done = example("attack_my_model.py", teacher, "--n", 20, "--attack", "characters")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    found = re.search(r"^naive Bayes under characters: (.+?) -> (.+?) \[", done.stdout, re.M)
    assert found is not None
    clean, after = found.groups()
    assert float(clean) > 0.6 and float(after) < float(clean)
    assert any(line.startswith(f"{teacher} under characters: ") for line in lines)
    assert any(line.startswith("  -> ") for line in lines)


@pytest.mark.parametrize(
    ("name", "args", "part"),
    [
        ("own_csv.py", ("none.csv", "OUT"), "there is no file none.csv"),
        ("own_teacher.py", ("none", "OUT"), "no model 'none'"),
        ("attack_my_model.py", ("--attack", "nope", "--n", "5"), "no attack 'nope'"),
    ],
)
def test_mistakes_are_told_in_one_line(name: str, args: tuple[str, ...], part: str, tmp_path: Path):
    done = example(name, *(str(tmp_path / "run") if a == "OUT" else a for a in args))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ") and part in done.stderr
