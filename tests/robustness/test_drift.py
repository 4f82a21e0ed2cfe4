"""Whether new texts have drifted: figures, tests, verdict, and the command with its bad input."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rosearch.cli.main import app
from rosearch.errors import UserError
from rosearch.export import baseline
from rosearch.models.classifier import Classifier
from rosearch.robustness.drift import Change, compare
from rosearch.robustness.new_texts import new_texts
from rosearch.robustness.profile import Mean, Profile, Share, profile
from rosearch.student.saving import save_student
from rosearch.tasks.words import beginning
from rosearch.types import ClassCounts

NAMES = ("ham", "spam")


def made(
    recalls: tuple[tuple[int, int], ...] = (), unknown: int = 20, predicted=(800, 200), texts=1000
) -> Profile:
    """A profile; of each class so many are right of so many."""
    classes = tuple(ClassCounts(n, right, right) for right, n in recalls)
    words = Share(unknown, 10_000, 5_000)
    return Profile(texts, words, None, Mean(0.8, 0.01), predicted, classes)


BEFORE = made(((760, 800), (180, 200)))


@pytest.mark.parametrize(
    ("now", "reasons"),
    [
        (BEFORE, []),
        (made(), []),
        (made(unknown=2000), ["unknown words"]),
        (made(predicted=(500, 500)), ["share taken for ham", "share taken for spam"]),
        (made(((760, 800), (140, 200))), ["recall of spam"]),
        (made(((760, 800), (199, 200))), []),  # a rise is no harm
        (made(((760, 800), (180, 200)), unknown=2000), []),  # labels decide where there are any
        (made(((15, 16), (3, 4))), []),  # chance
        (made(unknown=60), []),  # beyond chance, but nothing that matters
    ],
)
def test_the_verdict_follows_its_rule(now: Profile, reasons: list[str]):
    found = compare(BEFORE, now, NAMES)
    assert [change.what for change in found.reasons] == reasons
    assert found.search_again == bool(reasons)
    assert found.words[0].startswith("search again" if reasons else "no need")
    json.dumps(found.to_json())


def test_a_class_without_texts_says_nothing_and_few_texts_are_told():
    found = compare(BEFORE, made(((0, 0), (3, 20)), predicted=(16, 4), texts=20), NAMES)
    assert [c.what for c in found.changes if c.harm] == ["recall of spam"]
    assert "only 20 labelled texts" in found.words[1]
    assert "fewer than 30 texts: recall of spam" in found.words[-1]


def test_equal_populations_are_called_equal_nineteen_times_in_twenty():
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(200):
        right = rng.binomial([800, 200, 400, 100], [0.9, 0.7, 0.9, 0.7])
        before = made(((int(right[0]), 800), (int(right[1]), 200)))
        now = made(((int(right[2]), 400), (int(right[3]), 100)))
        alarms += compare(before, now, NAMES, least=0).search_again
    assert alarms / 200 < 0.05


def test_words_of_one_text_count_less_than_words_of_many(mr_train, students):
    classifier = Classifier.of(students[0], mr_train.tokenizer())
    spread = profile(classifier, ["good xqzt film", "fine xqzt song"] * 20)
    heaped = profile(classifier, ["xqzt xqzt xqzt xqzt xqzt xqzt"] * 7 + ["good film"] * 39)
    assert spread.unknown.value == pytest.approx(heaped.unknown.value, abs=0.02)
    assert spread.unknown.effective > 4 * heaped.unknown.effective
    assert spread.corrected is None
    assert sum(spread.predicted) == 40 and spread.classes == ()
    labelled = profile(classifier, ["good film", "bad film", ""], [1, None, 1])
    assert labelled.classes[1].n == 2 and labelled.classes[0].n == 0


@pytest.fixture(scope="module")
def student(students, mr_train, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("drift") / "student"
    save_student(students[0], mr_train.tokenizer(), folder)
    return folder


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def drift(*arguments: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["drift", *map(str, arguments)])
    if isinstance(found.exception, UserError):
        return 2, str(found.exception)
    return found.exit_code, found.output


def test_the_baseline_is_measured_once_and_tells_another_language(student, mr, tmp_path):
    held = mr.validation
    rows = [
        {"text": text, "label": mr.label_names[label] if i % 3 else None}
        for i, (text, label) in enumerate(zip(held.texts, held.labels, strict=True))
    ]
    same = written(tmp_path / "same.jsonl", rows)
    code, said = drift(student, "--texts", same)
    assert code == 2 and "of no run and has no drift.jsonl" in said
    code, said = drift(student, "--texts", same, "--task", "mr", "--json", "--fail")
    found, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
    assert code == 0 and not found["search_again"]
    assert (found["texts"], found["labelled"]) == (600, 400)
    draw = random.Random(0).choice
    words = (["Der", "Die"], ["Film", "Schauspieler"], ["überzeugte", "war"], ["nicht", "sehr"])
    german = [{"text": " ".join(map(draw, words))} for _ in range(120)]
    code, said = drift(student, "--texts", written(tmp_path / "de.jsonl", german), "--fail")
    assert code == 1 and "search again: unknown words" in said  # the baseline is in the folder
    assert "mr (test split)" in said


def test_new_texts_are_cut_as_those_of_the_task_were(student, mr, tmp_path):
    copied = tmp_path / "copy"
    shutil.copytree(student, copied)
    texts = mr.validation.texts[:200]
    whole = written(tmp_path / "whole.jsonl", [{"text": f"{text} and more"} for text in texts])
    cut = written(
        tmp_path / "cut.jsonl", [{"text": beginning(f"{text} and more", 3)} for text in texts]
    )
    assert drift(copied, "--texts", whole, "--task", "mr", "--max-words", 3, "--json")[0] == 0
    told = [drift(copied, "--texts", file, "--json") for file in (whole, cut)]
    assert told[0] == told[1] and json.loads(told[0][1])["texts"] == 200
    assert drift(copied, "--texts", whole, "--max-words", 9, "--json") != told[0]


def test_a_baseline_of_another_model_is_not_taken(student, mr, tmp_path):
    copied = tmp_path / "copy"
    shutil.copytree(student, copied)
    made_once = baseline.Baseline("0" * 64, mr.label_names, False, "mr", BEFORE)
    baseline._keep(made_once, copied)
    with pytest.raises(UserError, match=r"has no drift\.jsonl of it|name the data"):
        baseline.model_and_baseline(str(copied), {})
    (copied / baseline.FILE).write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        baseline.model_and_baseline(str(copied), {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ('{"a": "x", "b": 1}\n', "has no column 'text'; its columns are 'a', 'b'"),
        ('{"text": ""}\n{"text": " "}\n', "has no text in the column 'text'"),
        ('{"text": 3}\n', "row 1: the text is of type int, not a string"),
        ("{\n", "line 1 is no JSON"),
        ("\x00\x01\x00", "is not UTF-8"),
    ],
)
def test_bad_files_are_told(content: str, message: str, tmp_path):
    file = tmp_path / "new.jsonl"
    file.write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        new_texts(file, {})
    assert "\n" not in str(caught.value)


def test_labels_are_those_of_the_model_in_any_spelling(tmp_path):
    rows = [{"text": "a", "label": name} for name in ("SPAM", "ham", None, "-1")]
    assert new_texts(written(tmp_path / "new.jsonl", rows), {}).numbered(NAMES) == [
        1,
        0,
        None,
        None,
    ]
    wrong = written(tmp_path / "wrong.jsonl", [{"text": "a", "label": "eggs"}])
    with pytest.raises(UserError, match="labels that the model has not: eggs; its labels are ham"):
        new_texts(wrong, {}).numbered(NAMES)
    with pytest.raises(UserError, match=r"has single texts and the model reads pairs; name"):
        new_texts(wrong, {}).check_pairs(True)


def test_a_line_of_a_megabyte_is_one_text(student, mr, tmp_path, mr_train, students):
    file = written(tmp_path / "long.jsonl", [{"text": "a good film " * 90_000}])
    texts = new_texts(file, {}).texts
    found = profile(Classifier.of(students[0], mr_train.tokenizer()), texts)
    assert found.unknown.n == 270_000 and sum(found.predicted) == 1
    assert Change("x", found.unknown, found.unknown).difference == 0
