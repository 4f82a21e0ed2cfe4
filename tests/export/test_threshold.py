"""Exports that say a rare label at a threshold, which is part of their weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_votes import random_votes
from typer.testing import CliRunner

from rosearch.cli import main as cli
from rosearch.errors import UserError
from rosearch.export.bundle import export
from rosearch.export.source import find_source
from rosearch.export.threshold import FalseAlarms
from rosearch.models.open import open_classifier
from rosearch.robustness.alarms import log_odds
from rosearch.space.defences import MaskedMean
from rosearch.space.genotype import Genotype, Node
from rosearch.space.votes import FrameVotes, Votes
from rosearch.student.build import build_student
from rosearch.student.saving import save_student

CNN = Genotype(32, 32, (Node((0,), "conv3"),))
MODELS = {
    "votes": replace(CNN, votes=Votes(0.5)),
    "frame": replace(CNN, votes=FrameVotes(0.5, 1.0, reach=2.0)),
    "defended": replace(CNN, defence=MaskedMean(2)),
}
RATE = 0.2


@pytest.fixture(scope="module")
def models(read, student, bert, tmp_path_factory) -> dict[str, Path]:
    """Folders of two students of random votes, of one with a defence, and of others."""
    vocabulary, tokenizer = read
    sure = open_classifier(bert)
    with torch.no_grad():
        sure.module.classifier.weight.mul_(300.0)  # its log-odds differ by more than a margin
    found = {"convolution": student, "transformer": tmp_path_factory.mktemp("bert") / "sure"}
    save_student(sure.module, sure.tokenizer, found["transformer"])
    for name, g in MODELS.items():
        voting = g.votes is not None
        made = (
            random_votes(g, vocabulary) if voting else build_student(g, vocabulary, ("a", "b"), 0)
        )
        found[name] = tmp_path_factory.mktemp("voting") / name
        save_student(made, tokenizer, found[name])
    return found


def rare_data(
    folder: Path, mr, labels: tuple[str, str], rare: int, every: int = 6
) -> dict[str, Any]:
    """Flags of a task of real sentences, one in so many of the rare label."""
    names = [labels[rare if i % every == 0 else 1 - rare] for i in range(300)]
    lines = zip(mr.train.texts, names, strict=False)
    path = folder / "rare.jsonl"
    path.write_text("".join(json.dumps({"text": t, "label": own}) + "\n" for t, own in lines))
    return {"task": {"train": str(path)}}


@pytest.mark.parametrize(
    ("name", "form"),
    [("votes", "hf"), ("frame", "hf"), ("convolution", "onnx"), ("convolution", "int8"),
     ("transformer", "hf")],
)  # fmt: skip
@pytest.mark.parametrize("rare", [0, 1])
def test_the_likeliest_label_is_that_at_the_threshold(models, mr, tmp_path, name, form, rare):
    labels = open_classifier(models[name]).label_names
    flags = rare_data(tmp_path, mr, labels, rare)
    report = export(str(models[name]), form, tmp_path / "out", flags, n=2, alarms=FalseAlarms(RATE))
    found, task = report.threshold, find_source(str(models[name]), flags).task
    assert (found.name, found.calm) == (labels[rare], task.validation.labels.count(1 - found.label))
    own = task.label_names
    plain = open_classifier(models[name]).in_order(own)
    shipped = open_classifier(report.out).in_order(own)
    before = log_odds(plain, task.test.texts, found.label)
    after = log_odds(shipped, task.test.texts, found.label)
    assert after == pytest.approx(before - found.log_odds, abs=0.1 if form == "int8" else 1e-4)
    said = shipped.probabilities(task.validation.texts).argmax(1)
    calm = np.array(task.validation.labels) != found.label
    assert (said[calm] == found.label).sum() == found.above
    if form != "int8":  # which rounds near the threshold
        assert found.above <= RATE * found.calm
    if name in ("votes", "frame"):  # of different scores: one text more would be too many
        assert found.above + 1 > RATE * found.calm
    counts = report.qualities[0].classes[1 - found.label]
    assert f"of {found.calm} texts" in found.told(report.qualities[0].classes)
    alarms = ((after > 0) & (np.array(task.test.labels) != found.label)).sum()
    assert counts.n - counts.correct == alarms
    card = (report.out / "README.md").read_text()
    assert "## Threshold" in card and "probability of\n0.5 for the threshold" in card


def test_an_export_without_one_says_nothing_of_it(models, tmp_path):
    report = export(str(models["convolution"]), "hf", tmp_path / "out", n=2)
    assert report.threshold is None and report.to_json()["threshold"] is None
    assert "Threshold" not in (tmp_path / "out" / "README.md").read_text()


def test_what_has_no_place_for_a_threshold_is_refused(models, mr, tmp_path):
    flags = rare_data(tmp_path, mr, ("a", "b"), 1)
    out = tmp_path / "out"
    with pytest.raises(UserError, match="its inference-time defence averages several answers"):
        export(str(models["defended"]), "hf", out, flags, n=2, alarms=FalseAlarms(RATE))
    assert not out.exists()


def test_a_task_without_a_rare_label_has_to_name_one(models, mr, tmp_path):
    flags = rare_data(tmp_path, mr, ("negative", "positive"), 1, every=2)
    asked = str(models["convolution"]), "hf", tmp_path / "out", flags, None, ("wordnet",), 2
    with pytest.raises(UserError, match="name the one that is meant with --rare"):
        export(*asked, FalseAlarms(RATE))
    assert not (tmp_path / "out").exists()
    assert export(*asked, FalseAlarms(RATE, "negative")).threshold.name == "negative"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rare", "positive"], "needs the share of false alarms that it may have"),
        (["--false-alarms", "1"], "from 0 to below 1, not 1"),
        (["--false-alarms", "-0.1"], "from 0 to below 1, not -0.1"),
        (["--false-alarms", "nan"], "from 0 to below 1, not nan"),
    ],
)
def test_bad_options_are_told_before_any_work(models, tmp_path, options, message, monkeypatch):
    out = tmp_path / "out"
    model = str(models["convolution"])
    monkeypatch.setattr("sys.argv", ["rosearch"])
    run = CliRunner().invoke(
        cli.app, ["export", model, "--format", "hf", "--out", str(out), *options]
    )
    assert isinstance(run.exception, UserError) and message in str(run.exception)
    assert not out.exists()
