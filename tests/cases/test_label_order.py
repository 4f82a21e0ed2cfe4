"""A model that numbers the labels otherwise gives the results of one that numbers them alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rosearch.config import TeacherConfig, from_dict
from rosearch.errors import UserError
from rosearch.models.predict import predict
from rosearch.robustness.evaluate import attack
from rosearch.robustness.transfer import transfer
from rosearch.run.prepare import teacher_accuracy
from rosearch.student.saving import save_student
from rosearch.tasks.named import task_of
from rosearch.teacher.fit import fit_teacher
from rosearch.teacher.targets import cache_targets, load_targets

NAMES = ("negative", "positive")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    from rosearch.io import resources

    pinned = resources.cache_dir()
    monkeypatch.setenv("ROSEARCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    for found in pinned.iterdir():
        if found.name not in ("teachers", "targets"):
            (tmp_path / "cache" / found.name).symlink_to(found)


@pytest.fixture(scope="module")
def right(students, mr_train, tmp_path_factory) -> Path:
    """A student that knows the task somewhat."""
    made = tmp_path_factory.mktemp("models") / "right"
    save_student(students[0], mr_train.tokenizer(), made)
    return made


@pytest.fixture(scope="module")
def made(right, tmp_path_factory):
    """The same one with its outputs in another order, under names of one's choice."""

    def make(*names: str, flip: bool = True) -> Path:
        folder = tmp_path_factory.mktemp("models")
        model = AutoModelForSequenceClassification.from_pretrained(right)
        if flip:
            head = model.classifier
            head.weight = torch.nn.Parameter(head.weight.flip(0))
            head.bias = torch.nn.Parameter(head.bias.flip(0))
        model.config.id2label = dict(enumerate(names))
        model.config.label2id = {name: i for i, name in enumerate(names)}
        save_student(model, AutoTokenizer.from_pretrained(right), folder)
        return folder

    return make


def test_an_attack_finds_the_same(right, made, mr):
    flipped = made(*NAMES[::-1])
    plain, other = (
        attack(m, mr, n=40, attacks=("wordnet", "fgsm"), similarity=False) for m in (right, flipped)
    )
    assert plain.label_names == other.label_names == NAMES
    for name, found in plain.results.items():  # the sum of logits has another order
        afters = [[r.after for r in results] for results in (found, other.results[name])]
        assert np.array(afters[0]) == pytest.approx(np.array(afters[1]), abs=1e-5)
        assert found == [
            replace(b, after=a.after) for a, b in zip(found, other.results[name], strict=True)
        ]
    targeted = [
        attack(m, mr, n=40, target="positive", similarity=False).results for m in (right, flipped)
    ]
    assert targeted[0] == targeted[1]
    counts = transfer(plain, [right, flipped], mr)
    assert counts[str(right)] == counts[str(flipped)]


def test_what_a_teacher_says_is_kept_in_the_order_of_the_task(right, made, mr):
    task = replace(mr, train=mr.train.take(range(30)), validation=mr.validation.take(range(300)))
    flipped = made(*NAMES[::-1])
    logits = [
        np.array(load_targets(cache_targets(task, folder, "train", "float32")))
        for folder in (right, flipped)
    ]
    assert np.array_equal(logits[0], logits[1])
    accuracies = [
        teacher_accuracy(task, f, TeacherConfig(str(f), weak="keep"), "accuracy")
        for f in (right, flipped)
    ]
    assert accuracies[0] == accuracies[1]
    assert fit_teacher(task, TeacherConfig(str(flipped), fine_tune=False)) == flipped


def test_a_teacher_whose_names_say_the_opposite_ends_the_run(made, mr):
    task = replace(mr, validation=mr.test.take(range(1000)))
    liar = made(*NAMES)
    with pytest.raises(UserError, match="likely swapped: --label-map negative=positive"):
        teacher_accuracy(task, liar, TeacherConfig(str(liar), weak="keep"), "accuracy")
    told = replace(task, label_map=(("negative", "positive"), ("positive", "negative")))
    assert teacher_accuracy(told, liar, TeacherConfig(str(liar), weak="keep"), "accuracy") > 0.5


def test_other_names_need_a_label_map_in_every_command(made, mr, tmp_path):
    from rosearch.export.bundle import export
    from rosearch.export.compress import quantized

    upper = made("POS", "LABEL_7")
    option = "--label-map POS=positive,LABEL_7=negative"
    config = TeacherConfig(str(upper), fine_tune=False)
    for call in (
        lambda: attack(upper, mr, n=2),
        lambda: fit_teacher(mr, config),
        lambda: cache_targets(mr, upper, "train"),
        lambda: export(str(upper), "hf", tmp_path / "o"),
        lambda: quantized(upper, 8, tmp_path / "o", mr),
    ):
        with pytest.raises(UserError, match=option):
            call()
    told = task_of(from_dict({"task": {"label_map": option.split()[1]}}).task, 0, aloud=False)
    assert fit_teacher(told, config) == upper
    assert attack(upper, told, n=20).counts["wordnet"].correct > 10


def test_predictions_under_other_names(made):
    folder = made("LABEL_0", "LABEL_1", flip=False)
    texts = ["a good film", "a bad film"]
    said = [p.label for p in predict(folder, texts)]
    named = [p.label for p in predict(folder, texts, label_map="LABEL_0=no,LABEL_1=yes")]
    assert named == [{"LABEL_0": "no", "LABEL_1": "yes"}[name] for name in said]


def test_a_search_with_a_teacher_of_other_labels_leaves_nothing_behind(made, tmp_path):
    from rosearch.config import make_config
    from rosearch.run.lifecycle import search

    teacher = {"name": str(made("LABEL_0", "LABEL_1")), "fine_tune": False}
    with pytest.raises(UserError, match="--label-map LABEL_0=negative,LABEL_1=positive"):
        search(make_config("smoke", None, {"teacher": teacher}), tmp_path / "run")
    assert not (tmp_path / "run").exists(), "other settings need a new run of that name"
