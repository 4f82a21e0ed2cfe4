"""`RobustTextClassifier`: a real search of seconds, what may be X and y, and how it is kept."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from rosearch.errors import UserError
from rosearch.io import resources
from rosearch.results.folder import RunFolder
from rosearch.results.store import Store
from rosearch.run.estimator.inputs import labelled, names_of, texts_of
from rosearch.run.lifecycle import resume
from rosearch.sklearn import RobustTextClassifier

TINY = {
    "teacher.epochs": 4,
    "teacher.learning_rate": 1e-2,
    "teacher.batch_size": 8,
    "teacher.train_share": 1.0,
    "space.encodings": ["plain"],
    "space.min_compression": 0,
    "space.ops": ["identity", "conv3"],
    "distill.learning_rate": 1e-2,
    "distill.batch_size": 8,
    "distill.substitution": 0,
    "search.attack": "characters",
    "search.rungs": [1.0],
    "search.epochs": 8,
    "search.train_share": 1.0,
    "search.attacked": 5,
    "final.epochs": 8,
    "final.train_share": 1.0,
}
TEXTS = [f"a {word} film {i}" for i in range(30) for word in ("good", "bad")]
LABELS = ["pos", "neg"] * 30


@pytest.fixture(scope="module")
def fitted(tmp_path_factory, tiny_body):
    """Fitted in seconds to labels 10 and 9, whose order as texts and as numbers differs."""
    folder = tmp_path_factory.mktemp("estimator")
    wordnet = resources.fetch("wordnet")
    (folder / "cache").mkdir()
    (folder / "cache" / wordnet.name).symlink_to(wordnet)
    labels = np.where(np.arange(60) % 2, 9, 10)
    model = RobustTextClassifier(
        "smoke", candidates=1, teacher=str(tiny_body), final_seeds=0, settings=TINY,
        runs_folder=str(folder / "runs"),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROSEARCH_CACHE", str(folder / "cache"))
        yield model.fit(pd.Series(TEXTS, index=range(5, 65)), labels)


def test_a_search_gives_a_classifier_with_the_labels_that_it_was_given(fitted, capsys):
    assert fitted.classes_.tolist() == [9, 10]
    said = fitted.predict_proba(["a good film", "a bad film", ""])
    assert said.shape == (3, 2) and np.allclose(said.sum(1), 1)
    assert fitted.predict(np.array(["a good film", "a bad film"])).tolist() == [10, 9]
    assert fitted.score(TEXTS, np.where(np.arange(60) % 2, 9, 10)) > 0.9
    assert fitted.summary_["best"]["n_clean"] == 6  # a tenth, stratified
    assert capsys.readouterr().err == ""


def test_copies_pickles_and_folders_say_the_same(fitted, tmp_path):
    said = fitted.predict_proba(TEXTS)
    fitted.save(tmp_path / "model")
    again = RobustTextClassifier.load(tmp_path / "model")
    run = RobustTextClassifier.from_run(fitted.run_)
    for other in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted)), again, run):
        assert other.classes_.tolist() == [9, 10]
        assert np.allclose(other.predict_proba(TEXTS), said, atol=1e-6)
        assert other.get_params() == fitted.get_params()
    assert run.summary_ == fitted.summary_ and run.run_ == fitted.run_
    with pytest.raises(ValueError, match=r"model exists; choose another folder"):
        fitted.save(tmp_path / "model")
    (tmp_path / "model" / "estimator.json").write_text('{"classes": [1], "names": []}')
    with pytest.raises(ValueError, match=r"estimator\.json is damaged"):
        RobustTextClassifier.load(tmp_path / "model")
    (tmp_path / "model" / "estimator.json").unlink()  # a student's folder, whoever made it
    plain = RobustTextClassifier.load(tmp_path / "model")
    assert plain.predict(["a good film", "a bad film"]).tolist() == ["10", "9"]


def test_the_run_is_one_like_any_other(fitted):
    assert [*Path(fitted.runs_folder).iterdir()] == [fitted.run_]
    config = Store(fitted.run_ / "run.db").meta().run_config
    assert Path(config.task.train).parent == RunFolder(fitted.run_).data
    assert resume(fitted.run_).to_json()["best"] == fitted.summary_["best"]  # nothing to do


def test_equal_seeds_split_alike_and_by_label():
    one, same, other = (labelled(TEXTS, LABELS, seed).task for seed in (0, 0, 1))
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert [one.validation.labels.count(label) for label in (0, 1)] == [3, 3]


FORMS = [
    ["a", "b", "c"],
    ("a", "b", "c"),
    np.array(["a", "b", "c"]),
    np.array([["a"], ["b"], ["c"]], dtype=object),
    pd.Series(["a", "b", "c"], index=[7, 8, 9]),
    pd.Series(["a", "b", "c"], dtype="string"),
    pd.DataFrame({"text": ["a", "b", "c"]}),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: type(form).__name__)
def test_every_form_of_texts_is_read(form):
    assert texts_of(form) == ["a", "b", "c"]
    assert {type(text) for text in texts_of(form)} == {str}


def test_two_columns_are_pairs():
    pairs = pd.DataFrame({"premise": ["a", "b"], "hypothesis": ["c", "d"]})
    assert texts_of(pairs) == [("a", "c"), ("b", "d")] == texts_of([("a", "c"), ("b", "d")])
    task = labelled(np.array([TEXTS, TEXTS]).T, LABELS, 0).task
    assert task.train.texts[0][0] == task.train.texts[0][1]


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        ([True, False], ("False", "True")),
        ([2.0, 1.0], ("1", "2")),
        (["b", "a"], ("a", "b")),
        (["1", "1.0"], ("class 0", "class 1")),
        (["", "a"], ("class 0", "class 1")),
    ],
)
def test_labels_keep_their_names_where_they_can(classes, names):
    assert names_of(np.unique(classes)) == names


BAD = {
    "numbers of samples: X has 3 texts and y has 2": (["a", "b", "c"], ["x", "y"]),
    "has only the label 'x'; a train split needs texts of at least two classes": (
        [str(i) for i in range(20)],
        ["x"] * 20,
    ),
    "20 of 40 texts are empty": (["", "a"] * 20, ["x", "y"] * 20),
    "missing value .* in row 1": (["a", np.nan], ["x", "y"]),
    "missing value .* in row 0": (pd.Series([None, "a"], dtype="string"), ["x", "y"]),
    "y contains NaN": (["a", "b"], ["x", None]),
    "X has int 1 in row 1; expected texts": (["a", 1], ["x", "y"]),
    r"X has the shape \(2, 3\)": (np.full((2, 3), "a"), ["x", "y"]),
    "X is one str; expected a list of texts": ("a b", ["x", "y"]),
    "0 sample": ([], []),
    "Unknown label type: continuous": (["a", "b"], [0.5, 1.5]),
    "y mixes labels of the types int, str": (["a", "b"], np.array([1, "x"], dtype=object)),
    "not valid Unicode": (["\ud800", *map(str, range(30))], ["x"] * 15 + ["y"] * 16),
    "has too few texts to split": (["a", "b"], ["x", "y"]),
}


@pytest.mark.parametrize(("message", "data"), BAD.items(), ids=range(len(BAD)))
def test_bad_input_is_a_value_error_of_one_line(message, data):
    with pytest.raises(ValueError, match=message) as caught:
        RobustTextClassifier().fit(*data)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"preset": "slow"}, "no preset 'slow'; the presets are smoke, quick, standard, paper"),
        ({"candidates": 0}, "search.candidates"),
        ({"settings": {"search.epoch": 2}}, "did you mean search.epochs"),
        ({"settings": {"task.train": "x.csv"}}, "X and y of fit decides"),
        ({"settings": {"seed": 2}}, "random_state decides"),
        ({"teacher": "/no/such"}, "no model '/no/such'"),
        ({"workers": 0}, "workers: expected 1 or more, found 0"),
    ],
)
def test_bad_parameters_are_told_by_fit(parameters, message):
    with pytest.raises(ValueError, match=message) as caught:
        RobustTextClassifier(**parameters).fit(TEXTS, LABELS)
    assert isinstance(caught.value, UserError) and "\n" not in str(caught.value)


def test_what_is_not_fitted_or_not_there_is_told(tmp_path):
    for ask in (lambda m: m.predict(["a"]), lambda m: m.save(tmp_path / "x")):
        with pytest.raises(NotFittedError):
            ask(RobustTextClassifier())
    with pytest.raises(ValueError, match="no folder of a saved classifier"):
        RobustTextClassifier.load(tmp_path)
    with pytest.raises(ValueError, match="no run store"):
        RobustTextClassifier.from_run(tmp_path)
