"""scikit-learn's own checks of estimators.

They fit dozens of times and to numbers, so here rows of numbers are written as texts, and in the
place of the search stands a learner of centroids. What is checked is the estimator around it:
parameters, labels, state, copies, pickles. Its inputs are texts: those are in
`test_text_classifier.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from rosearch.models.classifier import Classifier
from rosearch.run.estimator.saved import Opened
from rosearch.sklearn import RobustTextClassifier

# Name of a check -> why it makes no sense here; docs/python.md says the same.
SKIPPED = {
    "check_fit2d_1sample": "one text has no second class, which is what the error says",
    "check_n_features_in_after_fitting": "texts have no number of features",
    "check_n_features_in": "texts have no number of features",
    "check_estimators_dtypes": "X is text: there are no other types of numbers",
    "check_estimators_nan_inf": "X is text; NaN among texts is checked with texts",
    "check_complex_data": "X is text: there are no complex numbers",
    "check_dtype_object": "X is text; objects that are no texts are checked with texts",
    "check_estimator_sparse_tag": "texts are not sparse",
    "check_estimator_sparse_array": "texts are not sparse",
    "check_estimator_sparse_matrix": "texts are not sparse",
}


def texts(X: np.ndarray) -> list[str]:
    return [" ".join(map(repr, map(float, row))) for row in X]


def numbers(found: list[str]) -> np.ndarray:
    return np.array([[float(word) for word in text.split()] for text in found])


@dataclass(frozen=True)
class Centroids:
    """Stands for a student: the nearest mean is the likeliest class."""

    means: np.ndarray

    def opened(self) -> Opened:
        return Opened(Classifier.function(self.probabilities), TemporaryDirectory())

    def probabilities(self, found: list[str]) -> np.ndarray:
        away = ((numbers(found)[:, None] - self.means) ** 2).sum(2)
        odds = np.exp(away.min(1, keepdims=True) - away)
        return odds / odds.sum(1, keepdims=True)


class StandIn(RobustTextClassifier):
    """The estimator with the learner above, for texts of numbers."""

    def _search(self, config: Any, data: Any, folder: Any) -> None:
        train = data.task.train
        X, labels = numbers(train.texts), np.array(train.labels)
        order = [data.task.label_names.index(name) for name in data.names]
        self.student_ = Centroids(np.array([X[labels == label].mean(0) for label in order]))
        self.summary_ = self.run_ = None
        self._keep(self._record(data.classes, data.names), self.student_.opened())


class OfNumbers(StandIn):
    """The same for rows of numbers."""

    def fit(self, X: Any, y: Any) -> OfNumbers:
        return super().fit(texts(validate_data(self, X)), y)

    def predict_proba(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return super().predict_proba(texts(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array = True, False
        tags.input_tags.string = False
        return tags


@parametrize_with_checks([OfNumbers()])
def test_scikit_learn_finds_nothing_wrong(estimator, check):
    name = getattr(check, "func", check).__name__
    if name in SKIPPED:
        pytest.skip(SKIPPED[name])
    check(estimator)


@pytest.fixture
def data() -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2)) + np.arange(80)[:, None] % 2 * 4
    return texts(X), ["low", "high"] * 40


def test_pipelines_and_cross_validation_take_it(data):
    lower = FunctionTransformer(lambda found: [text.lower() for text in found])
    found = cross_validate(make_pipeline(lower, StandIn()), *data, cv=3, return_estimator=True)
    assert found["test_score"].min() > 0.8
    assert {*found["estimator"][0].predict(data[0])} == {"low", "high"}


def test_a_grid_search_sets_parameters_and_tells_bad_ones(data):
    grid = {"candidates": [2, 3], "settings": [None, {"search.epochs": 2}]}
    search = GridSearchCV(StandIn(), grid, cv=2, scoring="balanced_accuracy").fit(*data)
    assert search.best_score_ > 0.8
    with pytest.raises(ValueError, match=r"search\.candidates: expected 1"):
        GridSearchCV(StandIn(), {"candidates": [0]}, cv=2, error_score="raise").fit(*data)
