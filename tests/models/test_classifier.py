"""One loaded classifier: the same answers however it is asked and whatever it was opened from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rosearch.errors import UserError
from rosearch.models.classifier import Classifier
from rosearch.models.open import open_classifier
from rosearch.student.saving import save_student
from rosearch.tasks import Split, Task
from rosearch.tasks.words import segment

TEXTS = ("A good film.", "A bad film.", "good")


def good(texts: list[str]) -> list[list[float]]:
    return [[1.0, 0.0] if "good" in text else [0.0, 1.0] for text in texts]


@pytest.fixture(scope="module")
def folder(students, mr_train, tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("models") / "student"
    save_student(students[0], mr_train.tokenizer(), made)
    return made


def task_of(*label_names: str) -> Task:
    split = Split(TEXTS, (0, 1, 0))
    return Task("toy", label_names, split, split, split)


def test_texts_may_be_segmented_already(folder, mr):
    texts = mr.test.texts[:40]
    classifier = open_classifier(folder)
    plain = classifier.probabilities(texts)
    assert plain.shape == (40, 2) and plain.dtype == np.float32
    assert np.array_equal(plain, classifier.probabilities([segment(text) for text in texts]))
    assert classifier.probabilities([]).size == 0


@pytest.mark.parametrize("kind", ["folder", "function", "trained"])
def test_what_is_right_is_what_its_labels_say(kind, folder, students, mr_train):
    made = {
        "folder": lambda: open_classifier(folder),
        "function": lambda: open_classifier(good),
        "trained": lambda: Classifier.of(students[0], mr_train.tokenizer()),
    }[kind]()
    said = made.probabilities(TEXTS).argmax(1)
    assert made.correct(TEXTS, said).all() and not made.correct(TEXTS, 1 - said).any()
    assert made.correct((), ()).shape == (0,)


def test_labels_go_by_name_where_names_agree():
    named = Classifier.function(good)
    assert named.numbers(task_of("up", "down")) == (0, 1), "a function has no names"
    named = Classifier(named.answers, "named", ("Down", "up"))
    assert named.numbers(task_of("up", "down")) == (1, 0)
    assert named.numbers(task_of("left", "right")) == (0, 1)
    with pytest.raises(UserError, match=r"2 labels and task 'toy' has 3 \(a, b, c\)"):
        named.numbers(task_of("a", "b", "c"))


def test_a_classifier_tells_where_it_is_from(folder, students, mr_train):
    opened, trained = open_classifier(folder), Classifier.of(students[0], mr_train.tokenizer())
    assert opened.name == str(folder) and len(str(opened.content)) == 64
    assert opened.label_names == trained.label_names == ("negative", "positive")
    assert opened.params == trained.params > 0
    assert trained.content is None and open_classifier(good).content is None
    assert open_classifier(good).name == "good"


def test_a_function_has_no_network():
    function = open_classifier(good)
    assert function.params == 0
    with pytest.raises(UserError, match="good is a function, which has no network"):
        _ = function.model
