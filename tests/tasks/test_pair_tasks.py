"""`load_task` with a second text column: every format, and every kind of bad input."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from rosearch.errors import UserError
from rosearch.tasks import Split, Task, load_task

ROWS: list[dict[str, Any]] = [
    {"text": f"first {i % 7}", "other": f'second {i}, "é"', "label": i % 2} for i in range(60)
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """As the extension says."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".parquet":
        pytest.importorskip("pandas").DataFrame(rows).to_parquet(path)
    else:
        with path.open("w", newline="", encoding="utf-8") as stream:
            separator = "\t" if path.suffix == ".tsv" else ","
            writer = csv.DictWriter(stream, list(rows[0]), delimiter=separator)
            writer.writeheader()
            writer.writerows(rows)
    return path


def pairs(path: Path, **more: Any) -> Task:
    return load_task(train=path, text_pair_column="other", **more)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_all_formats_give_equal_pairs(tmp_path: Path, suffix: str):
    task = pairs(write(tmp_path / f"a{suffix}", ROWS))
    plain = pairs(write(tmp_path / "b.jsonl", ROWS))
    assert task.fingerprint == plain.fingerprint
    found = {*task.train.texts, *task.validation.texts, *task.test.texts}
    assert found == {(row["text"], row["other"]) for row in ROWS}


def test_a_data_set_folder_gives_pairs(tmp_path: Path):
    write(tmp_path / "train.jsonl", ROWS)
    task = load_task(str(tmp_path), text_pair_column="other")
    assert task.fingerprint == pairs(write(tmp_path / "b.jsonl", ROWS)).fingerprint


def test_the_same_pair_is_never_in_two_splits(tmp_path: Path):
    rows = [{**row, "other": row["other"][:8]} for row in ROWS]  # many equal pairs
    task = pairs(write(tmp_path / "a.jsonl", rows))
    splits = [set(s.texts) for s in (task.train, task.validation, task.test)]
    assert len(set.union(*splits)) == sum(map(len, splits)) < 60


def test_a_pair_is_empty_if_its_second_text_is(tmp_path: Path):
    odd = [
        {"text": "kept", "other": "", "label": 0},
        {"text": "kept", "other": " \n", "label": 0},
        {"text": None, "other": "no first", "label": 0},
        {"text": "", "other": "empty first", "label": 1},
    ]
    with pytest.warns(UserWarning, match="dropped 2 empty texts of 64"):
        task = pairs(write(tmp_path / "a.jsonl", ROWS + odd))
    found = {*task.train.texts, *task.validation.texts, *task.test.texts}
    assert {("", "no first"), ("", "empty first")} <= found
    assert not any(first == "kept" for first, _ in found)
    empty = [{**row, "other": ""} for row in ROWS[:20]]
    with pytest.raises(UserError, match="20 of 60 texts are empty, more than 10%"):
        pairs(write(tmp_path / "b.jsonl", ROWS[20:] + empty))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_unknown_and_repeated_columns_are_named(tmp_path: Path, suffix: str):
    path = write(tmp_path / f"a{suffix}", ROWS)
    with pytest.raises(UserError, match="has no column 'none'; its columns are 'text', 'other'"):
        load_task(train=path, text_pair_column="none")
    with pytest.raises(UserError, match="'text' was named as text and as text pair column"):
        load_task(train=path, text_pair_column="text")
    with pytest.raises(UserError, match="'label' was named as label and as text pair column"):
        load_task(train=path, text_pair_column="label")


def test_what_is_no_pair_of_strings_is_named(tmp_path: Path):
    rows = [{**ROWS[0], "other": 3}, *ROWS]
    with pytest.raises(UserError, match="row 1: the text is of type int; texts must be strings"):
        pairs(write(tmp_path / "a.jsonl", rows))
    rows = [{**ROWS[0], "text": "\ud800"}, *ROWS]
    with pytest.raises(UserError, match="row 1: the text is not valid Unicode"):
        pairs(write(tmp_path / "a.jsonl", rows))
    with pytest.raises(UserError, match="'mr' has single texts, no column 'other'; leave out"):
        load_task("mr", text_pair_column="other")


def test_pairs_and_single_texts_have_different_fingerprints():
    labels = (0, 1)
    splits = [Split((("a", "b"), ("c", "d")), labels), Split((("b", "a"), ("c", "d")), labels)]
    splits += [Split(("a", "b"), labels), Split(("a b", "c d"), labels)]
    prints = {Task("t", ("n", "p"), s, s, s).fingerprint for s in splits}
    assert len(prints) == 4
    with pytest.raises(ValueError, match="single texts and pairs in one split"):
        Split(("a", ("b", "c")), labels)
