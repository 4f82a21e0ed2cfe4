"""The run store: what goes in comes out; damaged and newer files are refused and left alone."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest
from made_results import made_result
from made_scores import made_score

from rosearch.encodings.synonym import Synonym
from rosearch.errors import UserError
from rosearch.results.meta import RunMeta
from rosearch.results.store import MIGRATIONS, Store
from rosearch.space.presets import bilstm, text_cnn
from rosearch.types import Candidate, Fidelity, Final, Robustness, Trial, wilson

SCORE = made_score(
    clean=0.8, n_clean=600, after_attack=0.25, attack_success_rate=0.6875, attacked=200,
    params=1_000_000, flops=10, latency_ms=1.5, queries=321, train_seconds=1.0,
    attack_seconds=2.0, fitness=1.9, fidelity=Fidelity(2, 0.5, 200, ("wordnet",), None),
)  # fmt: skip
OK = Trial(Candidate(0, bilstm(Synonym()), 7), SCORE)
FAILED = Trial(Candidate(1, text_cnn(), 8, parent=OK.candidate.id), error="TrainingDiverged: nan")
FINAL = Final(
    "abc", 1, bilstm().to_json(), 10, 70, 100,
    {"wordnet": Robustness("wordnet", 50, 40, 10, 999)}, 1.0, 2.0, fitness=1.5,
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "run.db", create=True)


def test_trials_come_back_in_order_of_proposal(store: Store):
    store.add_trial(FAILED)
    store.add_trial(OK)
    assert Store(store.path).trials() == [OK, FAILED]
    assert [t.status for t in store.trials()] == ["ok", "failed"]


def test_a_genotype_is_recorded_once(store: Store):
    store.add_trial(OK)
    with pytest.raises(UserError, match="UNIQUE"):
        store.add_trial(Trial(Candidate(5, bilstm(Synonym()), 7), SCORE))
    assert store.trials() == [OK]


def test_each_rung_of_a_candidate_is_recorded_once(store: Store):
    second = replace(OK, rung=1)
    store.add_trial(FAILED, second, OK, seconds=1.5)
    assert store.trials() == [OK, second, FAILED]
    assert store.find(OK.candidate.id, 1) == second and store.find(OK.candidate.id, 2) is None
    assert store.counts() == {0: (2, 1), 1: (1, 0)}
    with pytest.raises(UserError, match="UNIQUE"):
        store.add_trial(second, seconds=9.0)
    assert store.meta() == RunMeta(seconds=1.5)
    assert set(store.finished()) == {(0, 0), (0, 1), (1, 0)}


def test_finals_examples_and_meta_come_back(store: Store):
    store.add_final(FINAL)
    store.add_examples("abc", "wordnet", [made_result(1, original="<b>"), made_result(0)])
    store.set_meta(seconds=1, config={"x": [1, None]})
    store.set_meta(seconds=2)
    again = Store(store.path)
    assert again.finals() == [FINAL]
    assert again.examples("abc", "wordnet") == [made_result(0), made_result(1, original="<b>")]
    assert again.meta() == RunMeta(seconds=2, config={"x": [1, None]})
    assert again.examples("abc", "other") == []


def test_the_version_tells_every_change_and_nothing_else(store: Store):
    seen = [store.version()]
    for change in (
        lambda: store.add_trial(OK),
        lambda: store.add_trial(FAILED),
        lambda: store.add_sampled(OK),
        lambda: store.add_final(FINAL),
        lambda: store.add_examples("abc", "wordnet", [made_result(1)]),
        lambda: store.set_meta(seconds=1),
        lambda: store.set_meta(seconds=2),
    ):
        change()
        assert Store(store.path).version() == store.version()
        seen.append(store.version())
    assert len(set(seen)) == len(seen)


def test_trials_are_recorded_all_or_none_and_with_their_time(store: Store):
    with pytest.raises(UserError, match="UNIQUE"):
        store.add_trial(OK, FAILED, OK)
    assert store.trials() == []
    before = time.time()
    store.add_trial(OK, FAILED)
    assert set(store.finished()) == {(0, 0), (1, 0)}
    assert all(before <= at <= time.time() for at in store.finished().values())


def test_the_random_sample_is_kept_apart(store: Store):
    """The same genotype may stand in both."""
    store.add_trial(OK)
    store.add_sampled(FAILED)
    store.add_sampled(Trial(Candidate(0, bilstm(Synonym()), 7), SCORE))
    assert store.trials() == [OK]
    assert store.sample() == [OK, FAILED]
    with pytest.raises(UserError, match="UNIQUE"):
        store.add_sampled(OK)


# As rosearch made it before there was a random sample.
VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE trials (
    idx INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, genotype TEXT NOT NULL,
    seed INTEGER NOT NULL, parent TEXT, score TEXT, error TEXT,
    finished REAL NOT NULL);
CREATE TABLE finals (
    model TEXT NOT NULL, seed INTEGER NOT NULL, result TEXT NOT NULL, PRIMARY KEY (model, seed));
CREATE TABLE examples (
    model TEXT NOT NULL, attack TEXT NOT NULL, idx INTEGER NOT NULL, example TEXT NOT NULL,
    PRIMARY KEY (model, attack, idx));
PRAGMA user_version = 1;
"""


def test_a_store_of_version_1_still_opens(tmp_path: Path):
    path = tmp_path / "run.db"
    with sqlite3.connect(path) as db:
        db.executescript(VERSION_1)
        row = (0, OK.candidate.id, OK.candidate.genotype.to_json(), 7, None, None, "E: x", 1.0)
        db.execute("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    db.close()
    old = Store(path)
    assert [t.error for t in old.trials()] == ["E: x"] and old.sample() == []
    old.add_sampled(FAILED)
    assert Store(path).sample() == [FAILED]
    with sqlite3.connect(path) as db, sqlite3.connect(Store(tmp_path / "new.db", True).path) as new:
        assert schema(db) == schema(new)
    db.close()
    new.close()


# SCORE as it was stored when there was one attack suite.
FLAT = {
    "clean": 0.8, "n_clean": 600, "after_attack": 0.25, "attack_success_rate": 0.6875,
    "attacked": 200, "params": 1_000_000, "flops": 10, "latency_ms": 1.5, "queries": 321,
    "train_seconds": 1.0, "attack_seconds": 2.0, "fitness": 1.9,
    "fidelity": {
        "epochs": 2, "train_share": 0.5, "attacked": 200, "attack": "wordnet", "max_queries": None,
    },
}  # fmt: skip


def test_a_store_of_version_2_keeps_its_random_sample(tmp_path: Path):
    path = tmp_path / "run.db"
    with sqlite3.connect(path) as db:
        db.executescript(VERSION_1)
        db.execute(MIGRATIONS[2][0])
        db.execute("PRAGMA user_version = 2")
        for trial, table in ((OK, "trials"), (FAILED, "sample")):
            c = trial.candidate
            text = json.dumps(FLAT) if trial.score else None
            row = (c.index, c.id, c.genotype.to_json(), c.seed, c.parent, text, trial.error, 5.0)
            db.execute(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    db.close()
    old = Store(path)
    assert old.trials() == [OK] and old.sample() == [FAILED]
    assert old.finished() == {(0, 0): 5.0}
    other = Trial(Candidate(0, text_cnn(), 9), SCORE)  # another order, the same index
    old.add_trial(replace(OK, rung=1), other)
    assert Store(path).trials() == [OK, other, replace(OK, rung=1)]


def schema(db: sqlite3.Connection) -> tuple[int, list[str]]:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    rows = db.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    return version, [" ".join(map(str, row)) for row in rows]


def test_another_process_may_read_while_one_writes(store: Store):
    with sqlite3.connect(store.path) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO meta VALUES ('seconds', '1')")
        assert Store(store.path).meta() == RunMeta()
    assert Store(store.path).meta() == RunMeta(seconds=1)
    writer.close()


def test_missing_store(tmp_path: Path):
    with pytest.raises(UserError, match="no run store at"):
        Store(tmp_path / "none.db")
    assert not list(tmp_path.iterdir())


def test_newer_store_is_left_alone(store: Store):
    with sqlite3.connect(store.path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = store.path.read_bytes()
    with pytest.raises(UserError, match="store version 99; this rosearch reads up to 5"):
        Store(store.path)
    assert store.path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"not a database at all, but text" * 50])
def test_damaged_store_is_left_alone(tmp_path: Path, content: bytes):
    path = tmp_path / "run.db"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"run\.db"):
        Store(path)
    assert path.read_bytes() == content


def test_a_damaged_page_is_found_before_a_run_goes_on(store: Store):
    store.add_trial(*(Trial(Candidate(i, bilstm(), i), error="x" * 3000, rung=i) for i in range(9)))
    store.close()
    content = bytearray(store.path.read_bytes())
    content[len(content) // 2 :] = b"\x5a" * (len(content) - len(content) // 2)
    store.path.write_bytes(content)
    with pytest.raises(UserError, match=r"run\.db .*(damaged|malformed)"):
        Store(store.path).check()
    assert store.path.read_bytes() == content


def test_a_reader_sees_each_result_while_the_writer_stays_open(store: Store):
    reader = Store(store.path)
    for i in range(5):
        store.add_trial(replace(OK, rung=i))
        assert len(reader.trials()) == i + 1
    store.close()
    store.add_trial(FAILED)
    assert reader.trials()[-1] == FAILED


def test_wilson_interval_against_known_values():
    interval = wilson(10, 50)
    assert interval.low == pytest.approx(0.1124, abs=1e-4)
    assert interval.high == pytest.approx(0.3304, abs=1e-4)
    assert wilson(0, 20).low == 0 and wilson(0, 20).high == pytest.approx(0.1611, abs=1e-4)
    assert wilson(0, 0) == wilson(5, 0)
