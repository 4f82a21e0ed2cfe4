"""`task.unlabelled`: texts that the teacher labels; none of test or validation among them."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from rosearch.config import TaskConfig
from rosearch.errors import UserError
from rosearch.tasks import Split, Task
from rosearch.tasks.assemble import cut_task
from rosearch.tasks.named import from_anywhere, moved, task_of
from rosearch.tasks.notes import same_text
from rosearch.tasks.written import write_task


def write(path: Path, *rows: tuple[str, ...]) -> str:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return str(path)


@pytest.fixture
def config(tmp_path) -> TaskConfig:
    labelled = [(f"n{i} in the text", "pos" if i % 2 else "neg") for i in range(60)]
    train = write(tmp_path / "train.csv", ("text", "label"), *labelled)
    new = [("new text",), ("New  Text",), (" ",), ("n7 in the text",), ("N8 in  the text",)]
    more = write(tmp_path / "more.csv", ("text",), *new, ("another one, new",))
    return TaskConfig(train=train, unlabelled=more)


def test_each_new_text_is_there_once_and_none_of_a_split(config, capsys):
    task = task_of(config, 0)
    assert task.unlabelled == ("New  Text", "another one, new")
    splits = (task.train, task.validation, task.test)
    known = {same_text(text) for split in splits for text in split.texts}
    assert known.isdisjoint(map(same_text, task.unlabelled))
    assert (
        "data: texts without labels: 2, which the teacher labels for students; 3 more are empty, "
        "given twice, or in a split already: left out"
    ) in capsys.readouterr().err


def test_a_teacher_is_the_same_with_them_and_the_data_are_not(config):
    task, without = task_of(config, 0), task_of(replace(config, unlabelled=None), 0)
    assert task.labelled == without and task.labelled.fingerprint == without.fingerprint
    assert task.fingerprint != without.fingerprint


def test_they_are_cut_as_the_others_are_and_stay_apart_then(config):
    cut = task_of(replace(config, max_words=2), 0)
    assert cut.unlabelled == ("New  Text", "another one")
    one = cut_task(task_of(config, 0), 1)
    assert one.unlabelled == ("New", "another")
    split = Split(("x another", "y one"), (0, 1))
    given = Task(
        "t", ("neg", "pos"), split, Split((), ()), Split((), ()), unlabelled=("x b", "z b")
    )
    assert cut_task(given, 1).unlabelled == ("z",)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("text",), ("n3 in the text",)], "of its 1 texts none is left.*leave out --unlabelled"),
        ([("words",), ("a",), ("b",)], "no column 'text'"),
    ],
)
def test_a_file_that_gives_nothing_is_one_line(config, tmp_path, rows, message):
    bad = write(tmp_path / "bad.csv", *rows)
    with pytest.raises(UserError, match=message):
        task_of(replace(config, unlabelled=bad), 0)


def test_a_run_finds_them_from_anywhere_and_in_a_new_place(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    there = from_anywhere(replace(config, unlabelled="more.csv"))
    assert there.unlabelled == str(tmp_path / "more.csv")
    new = str((tmp_path / "more.csv").rename(tmp_path / "moved.csv"))
    with pytest.raises(UserError, match="give their new place with --unlabelled"):
        moved(there, {}, "run")
    assert moved(there, {"unlabelled": new}, "run").unlabelled == new


def test_a_task_that_is_written_for_a_run_keeps_them(config, tmp_path):
    task = task_of(config, 0)
    again = task_of(write_task(task, tmp_path, tmp_path), 0, aloud=False)
    assert again.unlabelled == task.unlabelled and again.fingerprint == task.fingerprint
    split = Split((("a", "b"), ("c", "d")), (0, 1))
    empty = Split((("v", "w"), ("x", "y")), (0, 1))
    pairs = Task("t", ("neg", "pos"), split, empty, Split((("p", "q"),), (0,)))
    pairs = replace(pairs, unlabelled=(("one", "two"),))
    (folder := tmp_path / "pairs").mkdir()
    again = task_of(write_task(pairs, folder, folder), 0, aloud=False)
    assert again.unlabelled == (("one", "two"),) and again.fingerprint == pairs.fingerprint
