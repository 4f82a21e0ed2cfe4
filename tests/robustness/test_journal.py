"""The journal of results: whole lines, the right job, nothing lost to a kill."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rosearch.attacks.methods import resources_for
from rosearch.errors import UserError
from rosearch.robustness.journal import Journal
from rosearch.robustness.journaled import key_of


def write(path: Path, job: str, key: str, *indices: int) -> None:
    with Journal(path, job, key) as journal:
        for i in indices:
            journal.add({"index": i, "text": f"\ud800 {job} {i}"})


def test_results_are_found_again_by_job_and_key(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    write(path, "one", "k", 0, 2)
    write(path, "two", "other", 0)
    write(path, "one", "k", 1)
    with Journal(path, "one", "k") as journal:
        assert {i: line["text"] for i, line in journal.known.items()} == {
            i: f"\ud800 one {i}" for i in (0, 1, 2)
        }


def test_a_half_written_line_is_cut_off(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    write(path, "one", "k", 0, 1)
    whole = path.read_bytes()
    for cut in range(1, len(whole) // 2 - 1):
        path.write_bytes(whole[:-cut])
        with Journal(path, "one", "k") as journal:
            assert list(journal.known) == [0]
            journal.add({"index": 1})
        with Journal(path, "one", "k") as journal:
            assert list(journal.known) == [0, 1]


def test_results_of_something_else_are_refused_and_kept(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    write(path, "one", "k", 0)
    before = path.read_bytes()
    with pytest.raises(UserError, match="with other settings; choose another file"):
        Journal(path, "one", "changed").__enter__()
    assert path.read_bytes() == before
    for content in ("text\n", '{"index": 0}\n', "[1]\n", '{"index": "x", "job": "", "key": ""}\n'):
        path.write_text(content)
        with pytest.raises(UserError, match="line 1 is no result of an attack"):
            Journal(path, "one", "k").__enter__()
        assert path.read_text() == content


def test_no_path_keeps_nothing():
    with Journal(None, "one", "") as journal:
        journal.add({"index": 0})
        assert journal.known == {}


def test_a_lexicon_of_the_teacher_is_known_by_its_file_whatever_texts_are_attacked(tmp_path: Path):
    def key(texts: list[str], near: dict[str, list[str]]) -> str:
        file = tmp_path / "near.json"
        file.write_text(json.dumps(near))
        read = {"encoder_words": file}
        return key_of("encoder", resources_for(["encoder"], texts, read), ["n"])

    near = {"good": ["fine"], "bad": ["poor"]}
    assert key(["a good film"], near) == key(["a good film", "a bad one"], near)
    assert key(["a good film"], near) != key(["a good film"], {"good": ["fine"]})
