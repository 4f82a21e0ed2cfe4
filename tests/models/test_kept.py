"""Answers of a saved model on disk: asked once, equal afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from rosearch.models.classifier import Classifier
from rosearch.models.kept import kept_answers
from rosearch.models.open import open_classifier
from rosearch.student.saving import save_student

TEXTS = ["A good film.", "", "it is bad, isn't it", "A good film."]


@pytest.fixture
def folder(students, mr_train, tmp_path, monkeypatch):
    monkeypatch.setenv("ROSEARCH_CACHE", str(tmp_path / "cache"))
    save_student(students[0], mr_train.tokenizer(), tmp_path / "student")
    return tmp_path / "student"


def test_a_model_is_asked_once(folder):
    first = open_classifier(folder)
    with kept_answers(first):
        found = first.probabilities(TEXTS)
    again = open_classifier(folder)
    with kept_answers(again):
        assert np.array_equal(again.probabilities(TEXTS), found) and again.network.passes == 0
        more = again.probabilities([*TEXTS, "another one"])
    assert again.network.passes == 1 and np.array_equal(more[:4], found)
    third = open_classifier(folder)
    with kept_answers(third):
        assert np.array_equal(third.probabilities(["another one"])[0], more[-1])
    assert third.network.passes == 0


def test_broken_files_and_models_without_one_are_asked(folder, tmp_path, students, mr_train):
    model = open_classifier(folder)
    with kept_answers(model):
        found = model.probabilities(TEXTS)
    (kept,) = (tmp_path / "cache" / "answers").glob("*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    again = open_classifier(folder)
    with kept_answers(again):
        assert np.allclose(again.probabilities(TEXTS), found) and again.network.passes == 3
    for other in (Classifier.of(students[0], mr_train.tokenizer()), Classifier.function(len)):
        with kept_answers(other):
            pass
    with pytest.raises(ZeroDivisionError), kept_answers(open_classifier(folder)):
        raise ZeroDivisionError
    assert len(list(kept.parent.iterdir())) == 1
