"""The run folder: one place knows its paths; what it holds is checked when it is read."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from made_summaries import made_model, made_summary

import rosearch
from rosearch.errors import UserError
from rosearch.results.decode import decode
from rosearch.results.folder import RunFolder
from rosearch.results.meta import RunMeta
from rosearch.results.store import Store
from rosearch.results.summary import Summary

SOURCE = Path(rosearch.__file__).parent


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    with closing(Store(folder.database, create=True)) as store:
        store.set_meta(task="mr", summary=made_summary("abcd").to_json())
    return folder


def test_no_other_file_spells_a_path_of_a_run():
    spelt = re.compile(r"""["'](run\.db|summary\.json|comparison\.(json|db)|students)["']""")
    found = {p.relative_to(SOURCE) for p in SOURCE.rglob("*.py") if spelt.search(p.read_text())}
    assert found == {Path("results/folder.py")}


def test_a_run_is_there_with_its_store_only(run: RunFolder, tmp_path: Path):
    assert run.exists()
    assert not RunFolder(tmp_path).exists()
    with pytest.raises(UserError, match=r"no run store at .*run\.db; `rosearch search` makes one"):
        RunFolder(tmp_path).open()


def test_students_are_found_by_the_start_of_their_name(run: RunFolder):
    for name in ("abcd", "abef", "reference", ".abcd-1"):
        run.student(name).mkdir(parents=True)
        (run.student(name) / "config.json").write_text("{}")
    summary = made_summary("abcd")
    robust = replace(made_model("abef"), points=("robust",))
    with closing(run.open()) as store:
        store.set_meta(summary=replace(summary, finalists=(summary.best, robust)).to_json())
    assert run.find_student("robust") == run.student("abef")
    assert run.best_student() == run.find_student("abc") == run.student("abcd")
    with pytest.raises(UserError, match="2 saved students whose id starts with 'ab'; it has abcd"):
        run.find_student("ab")
    with pytest.raises(UserError, match="0 saved students whose id starts with 'x'"):
        run.find_student("x")


def test_what_is_not_known_yet_is_empty(run: RunFolder):
    meta = run.open().meta()
    assert meta.summary == made_summary("abcd")
    assert (meta.label_names, meta.started, meta.sizes.rows) == ((), None, {})
    run.open().set_meta(summary=None, seconds=2.5)
    assert run.open().meta() == RunMeta(task="mr", seconds=2.5)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("rows", '{"plain": "many"}', "rows.plain: Input should be a valid integer"),
        ("summary", '{"task": "mr"}', "summary.teacher: Field required"),
        ("label_names", "7", "label_names: Input should be a valid tuple"),
    ],
)
def test_damaged_values_are_named(run: RunFolder, key: str, value: str, said: str):
    with closing(sqlite3.connect(run.database)) as db, db:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
    with pytest.raises(UserError, match=rf"meta data in .*run\.db: damaged: {said}"):
        run.open().meta()


def test_a_summary_comes_back_and_other_keys_are_left_out():
    made = made_summary("abcd")
    assert decode(Summary, {**made.to_json(), "later": 1}, "it") == made
    with pytest.raises(UserError, match=r"^it: damaged: all of it: "):
        decode(Summary, [1], "it")
