"""`task.max_words`: every text is cut as it is read, and nothing leaks by it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from rosearch.config import TaskConfig, make_config, setting
from rosearch.errors import UserError
from rosearch.tasks import Split, Task, load_task, load_test
from rosearch.tasks.assemble import cut_task
from rosearch.tasks.columns import Columns
from rosearch.tasks.named import task_of
from rosearch.tasks.notes import same_text
from rosearch.tasks.words import beginning, segment
from rosearch.tasks.written import write_task
from rosearch.types import parts

NAMES = ("train", "validation", "test")
TAIL = "in a long sentence, and then some more."


def write(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("text", "label")):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def rows(start: int, n: int) -> list[tuple[str, str]]:
    return [(f"Text {i}, {TAIL}", "pos" if i % 2 else "neg") for i in range(start, start + n)]


def splits(task: Task) -> list[Split]:
    return [getattr(task, name) for name in NAMES]


def longest(task: Task) -> int:
    found = (part for split in splits(task) for text in split.texts for part in parts(text))
    return max(len(segment(part).words) for part in found)


def apart(task: Task) -> bool:
    a, b, c = ({same_text(text) for text in split.texts} for split in splits(task))
    return not (a & b or a & c or b & c)


@pytest.mark.parametrize(
    ("text", "words", "cut"),
    [
        ("one two three", 2, "one two"),
        ("one two.", 2, "one two."),
        ("Don't - stop! (now)", 2, "Don't - stop"),
        ('"A co-op, 1.5', 3, '"A co-op, 1'),
        ("... !", 1, "... !"),
        ("", 1, ""),
        ("one two", None, "one two"),
        (("a b c", "d e f"), 1, ("a", "d")),
    ],
)
def test_a_text_ends_with_its_last_word(text, words, cut):
    assert beginning(text, words) == cut
    assert beginning(cut, words) == cut


def test_a_built_in_task_is_cut_and_no_test_text_is_known():
    whole, task = load_task("mr"), load_task("mr", max_words=3)
    assert longest(task) == 3 and apart(task) and not task.advice
    assert len(task.train) == len(whole.train) and len(task.test) < len(whole.test)
    assert all(a.startswith(b) for a, b in zip(whole.train.texts, task.train.texts, strict=True))
    assert task.fingerprint != whole.fingerprint and task.label_names == whole.label_names
    assert task.about[1] == "texts cut after 3 words: only these beginnings are read"
    assert any("mr, test split: " in note and "left out" in note for note in task.notes)
    assert load_task("mr", max_words=1000).fingerprint == whole.fingerprint


def test_files_are_compared_as_they_are_cut(tmp_path: Path):
    train = write(tmp_path / "train.csv", rows(0, 20))
    told = [("Text 3, but it goes on otherwise", "neg"), *rows(50, 9)]
    test = write(tmp_path / "test.csv", told)
    assert len(load_task(train=train, test=test).test) == 10
    cut = load_task(train=train, test=test, max_words=2)
    assert len(cut.test) == 9 and apart(cut) and longest(cut) == 2
    assert any("1 of 10 texts are in the train split" in note for note in cut.notes)
    assert len(load_task(train=train, test=test, max_words=2, repeated="keep").test) == 10
    with pytest.raises(UserError, match="all of its 10 texts are in the train split"):
        load_task(train=train, test=test, max_words=1)
    split_off = load_task(train=write(tmp_path / "same.csv", [*rows(0, 40), *told]), max_words=2)
    assert apart(split_off) and sum(map(len, splits(split_off))) == 50
    assert longest(load_test(test, None, Columns("text", "label"), max_words=3)) == 3


def test_a_folder_in_the_hubs_layout_and_pairs_are_cut(tmp_path: Path):
    folder = tmp_path / "set"
    folder.mkdir()
    pairs = [(f"first {i} {TAIL}", f"second {i} {TAIL}", str(i % 2)) for i in range(40)]
    write(folder / "train.csv", pairs, ("text", "other", "label"))
    task = load_task(str(folder), text_pair_column="other", max_words=2)
    assert longest(task) == 2 and apart(task)
    assert ("first 1", "second 1") in {text for split in splits(task) for text in split.texts}


def test_what_is_written_for_a_run_is_read_as_it_was(tmp_path: Path, capsys):
    path = write(tmp_path / "train.csv", rows(0, 60))
    made = make_config("smoke", None, {"task": {"train": str(path), **setting_of("4")}})
    task = task_of(made.task, 0)
    assert (
        "data: texts cut after 4 words: only these beginnings are read" in capsys.readouterr().err
    )
    config = write_task(task, tmp_path, tmp_path)
    assert config.max_words == 4
    again = task_of(config, 0, aloud=False)
    assert (again.fingerprint, again.max_words) == (task.fingerprint, 4)
    assert cut_task(task, 4).fingerprint == task.fingerprint
    assert cut_task(task, None) is task


def setting_of(value: str) -> dict[str, object]:
    return setting(f"task.max_words={value}")["task"]  # type: ignore[return-value]


@pytest.mark.parametrize("value", ["0", "-3", "1.5", "many"])
def test_bad_values_are_one_line(value: str):
    with pytest.raises(UserError, match="max_words") as told:
        make_config("smoke", None, {"task": setting_of(value)})
    assert "\n" not in str(told.value)
    with pytest.raises(UserError, match="max_words: expected 1 or more"):
        load_task("mr", max_words=0)


def test_long_texts_are_told_once_and_only_where_they_are_not_cut():
    long, short = "word " * 150, "word " * 90
    split = Split((short, long, long), (0, 1, 0))
    task = Task("t", ("n", "p"), split, split, split)
    (line,) = task.advice
    assert "(150 words in the median" in line and "--max-words 64 (task.max_words)" in line
    assert not replace(task, max_words=64).advice
    few = Split((short, short, long), (0, 1, 0))
    assert not replace(task, validation=few).advice
    assert not replace(task, validation=Split((), ())).advice
    pairs = Split(((short, short),), (0,))
    assert "180 words" in replace(task, validation=pairs).advice[0]


def test_every_command_that_reads_a_task_can_cut_it():
    from typer.main import get_command

    from rosearch.cli.main import app

    found = {
        name: {option for p in command.params for option in p.opts}
        for name, command in get_command(app).commands.items()  # type: ignore[attr-defined]
    }
    reading = {name for name, options in found.items() if "--label-column" in options}
    assert reading >= {"search", "attack", "evaluate", "distill", "compare", "export", "drift"}
    assert all("--max-words" in found[name] for name in reading)
    assert TaskConfig().max_words is None
