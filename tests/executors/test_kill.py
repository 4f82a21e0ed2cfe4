"""The kill test of `benchmarks/`, with a few kills, and what it compares stores by."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def kill_test(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import kill_test

    return kill_test


def store(path: Path, fitness: float, seconds: float) -> Path:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE meta (key TEXT, value TEXT)")
        db.execute("CREATE TABLE trials (idx INTEGER, score TEXT, finished REAL)")
        db.execute("INSERT INTO meta VALUES ('seconds', ?)", (str(seconds),))
        score = {"fitness": fitness, "train_seconds": seconds, "deep": [{"latency_ms": seconds}]}
        db.execute("INSERT INTO trials VALUES (0, ?, ?)", (json.dumps(score), seconds))
    return path


def test_stores_are_compared_without_what_is_measured(kill_test, tmp_path: Path):
    one, later, other = (
        kill_test.contents(store(tmp_path / f"{i}.db", fitness, seconds))
        for i, (fitness, seconds) in enumerate([(1.5, 1.0), (1.5, 2.0), (1.6, 1.0)])
    )
    assert one["trials"] == [{"idx": 0, "score": {"fitness": 1.5, "deep": [{}]}}]
    assert list(kill_test.differences(one, later)) == []
    assert list(kill_test.differences(one, other)) == ["/trials/0/score/fitness: 1.5 != 1.6"]
    missing = list(kill_test.differences(one, {**one, "trials": []}))
    assert len(missing) == 1 and missing[0].startswith("/trials: ")


@pytest.mark.slow
def test_a_run_killed_at_random_moments_equals_one_left_alone(tmp_path: Path):
    settings = tmp_path / "tiny.toml"
    settings.write_text(
        "[search]\ncandidates = 5\ntrain_share = 0.1\nattacked = 15\n"
        '[final]\nattacked = 8\nheld_out = ["characters"]\n'
    )
    command = [sys.executable, str(BENCHMARKS / "kill_test.py"), "--kills", "3", "--seed", "1"]
    done = subprocess.run(
        [*command, "--config", str(settings), "--preset", "smoke"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["kills"] == 3 and found["differences"] == []
    assert found["rows"]["trials"] == 5 + 2  # two move on to the second rung
