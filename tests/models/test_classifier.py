"""One loaded classifier: the same answers however it is asked and whatever it was opened from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rosearch.errors import UserError
from rosearch.models.classifier import Classifier
from rosearch.models.open import open_classifier
from rosearch.student.saving import save_student
from rosearch.tasks.words import segment

TEXTS = ("A good film.", "A bad film.", "good")


def good(texts: list[str]) -> list[list[float]]:
    return [[1.0, 0.0] if "good" in text else [0.0, 1.0] for text in texts]


@pytest.fixture(scope="module")
def folder(students, mr_train, tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("models") / "student"
    save_student(students[0], mr_train.tokenizer(), made)
    return made


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
    function = Classifier.function(good)
    plain = function.probabilities(TEXTS)
    assert np.array_equal(function.in_order(("up", "down")).probabilities(TEXTS), plain)
    named = Classifier(function.answers, "named", ("Down", "up"))
    ordered = named.in_order(("up", "down"))
    assert ordered.label_names == ("up", "down") and ordered.order == (1, 0)
    assert np.array_equal(ordered.probabilities(TEXTS), plain[:, ::-1])
    back = ordered.in_order(("down", "UP"))
    assert back.order is None and np.array_equal(back.probabilities(TEXTS), plain)
    mapped = named.in_order(("left", "right"), [("down", "right"), ("up", "left")])
    assert mapped.order == (1, 0)


def test_a_network_with_swapped_labels_is_refused_and_the_swap_is_named(folder, mr):
    task = replace(mr, test=mr.test.take(range(1000)))
    right = open_classifier(folder)
    assert right.fitted(task, task.test).order is None
    swapped = replace(right, label_names=right.label_names[::-1])
    said = r"balanced accuracy 0.* --label-map negative=positive,positive=negative"
    with pytest.raises(UserError, match=said):
        swapped.fitted(task, task.test)
    pairs = (("positive", "negative"), ("negative", "positive"))
    assert swapped.fitted(replace(task, label_map=pairs), task.test).order is None


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
