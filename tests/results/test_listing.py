"""The list of runs: states, results, and folders that are damaged or not ours."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_scores import made_score
from made_summaries import made_summary

from rosearch.cli.runs import print_runs
from rosearch.config import make_config, to_dict
from rosearch.errors import UserError
from rosearch.io.files import file_hash
from rosearch.results.listing import list_runs, listed_run
from rosearch.results.store import FIRST_TABLES, SCHEMA, Store
from rosearch.space.genotype import Genotype, Node
from rosearch.types import Candidate, Fidelity, Trial

BEST = made_summary("a", after_attack=0.5).to_json()


def trial(index: int, fitness: float, portion: float = 1.0, rung: int = 0) -> Trial:
    g = Genotype(32, 32, (Node((0,), "conv3"),) * (index + 1))
    score = made_score(
        clean=0.8, n_clean=600, after_attack=fitness / 10, attack_success_rate=0.7, attacked=200,
        params=1000, flops=10, latency_ms=1.5, queries=3, train_seconds=1.0, attack_seconds=2.0,
        fitness=fitness, fidelity=Fidelity(1, 1.0, 200, ("wordnet",), portion=portion),
    )  # fmt: skip
    return Trial(Candidate(index, g, index), score, rung=rung)


def made_run(folder: Path, *trials: Trial, **meta: Any) -> Path:
    folder.mkdir(parents=True)
    store = Store(folder / "run.db", create=True)
    config = to_dict(make_config("smoke"))
    store.set_meta(**{"config": config, "started": 1e9, "seconds": 90.0, "task": "mr", **meta})
    store.add_trial(*trials)
    store.close()
    return folder


def test_newest_first_and_with_their_results(tmp_path: Path):
    made_run(tmp_path / "old", trial(0, 1.0), started=1e9)
    made_run(tmp_path / "new", trial(0, 1.0), trial(1, 2.0), started=2e9, summary=BEST)
    new, old = list_runs(tmp_path)
    assert (old.name, old.state, old.done, old.total) == ("old", "interrupted", 1, 5)
    assert old.final_after_attack is None
    assert (new.name, new.state, new.task, new.done, new.total) == ("new", "finished", "mr", 2, 5)
    assert (new.fitness, new.after_attack, new.final_after_attack) == (2.0, 0.2, 0.5)
    assert (new.started, new.seconds) == (2e9, 90.0)
    assert new.size == sum(path.stat().st_size for path in (tmp_path / "new").iterdir())
    assert new.to_json()["started"] == "2033-05-18T03:33:20+00:00"


def test_the_best_is_one_that_was_trained_longest(tmp_path: Path):
    early = [trial(0, 3.0, 0.06), trial(1, 1.0, 0.06)]
    run = made_run(tmp_path / "a", *early, trial(1, 2.0, 1.0, rung=2))
    assert (listed_run(run).done, listed_run(run).fitness) == (2, 2.0)


def test_a_run_without_results(tmp_path: Path):
    failed = replace(trial(0, 1.0), score=None, error="boom")
    listed = listed_run(made_run(tmp_path / "a", failed))
    assert (listed.done, listed.fitness, listed.after_attack) == (1, None, None)
    nothing = listed_run(made_run(tmp_path / "b", trial(0, float("nan"))))
    assert (nothing.done, nothing.fitness) == (1, None)


def test_a_run_is_running_while_a_process_works_on_it(tmp_path: Path):
    run = made_run(tmp_path / "a", summary=BEST)
    code = (
        "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); "
        "print('held'); input()"
    )
    command = [sys.executable, "-uc", code, str(run / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline() == b"held\n"
        assert listed_run(run).state == "running"
        holder.kill()
    assert listed_run(run).state == "finished"


def test_nothing_is_written(tmp_path: Path):
    run = made_run(tmp_path / "a", trial(0, 1.0))
    before = {path.name: file_hash(path) for path in run.iterdir()}
    listed_run(run)
    assert {path.name: file_hash(path) for path in run.iterdir()} == before


def test_results_that_are_not_in_the_main_file_yet_are_seen(tmp_path: Path):
    run = made_run(tmp_path / "a", trial(0, 1.0))
    store = Store(run / "run.db")
    store.add_trial(trial(1, 2.0))
    assert (run / "run.db-wal").stat().st_size
    assert (listed_run(run).done, listed_run(run).fitness) == (2, 2.0)
    store.close()


def damage(name: str, run: Path) -> None:
    path = run / "run.db"
    if name == "text":
        path.write_text("hello")
    elif name == "empty":
        path.write_bytes(b"")
    elif name == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif name == "foreign":
        path.unlink()
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE songs (name TEXT)")
    elif name == "newer":
        with sqlite3.connect(path) as db:
            db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    else:
        with sqlite3.connect(path) as db:
            db.execute("UPDATE meta SET value = ? WHERE key = 'config'", (name,))


@pytest.mark.parametrize("kind", ["text", "empty", "cut", "foreign", "newer", "{}", "3", "{", "[]"])
def test_damaged_stores_are_listed_with_the_reason_and_left_alone(kind: str, tmp_path: Path):
    made_run(tmp_path / "good", trial(0, 1.0))
    bad = made_run(tmp_path / "bad", *(trial(i, 1.0) for i in range(5)))
    damage(kind, bad)
    before = file_hash(bad / "run.db")
    good, damaged = list_runs(tmp_path)
    assert (good.name, good.state) == ("good", "interrupted")
    assert (damaged.name, damaged.state) == ("bad", "unreadable")
    assert damaged.reason and "\n" not in damaged.reason
    assert kind != "newer" or f"version {SCHEMA + 1}" in damaged.reason
    assert file_hash(bad / "run.db") == before


@pytest.mark.parametrize("number", [1e300, float("nan"), "x", [1]])
def test_impossible_numbers_are_damage(number: Any, tmp_path: Path):
    assert listed_run(made_run(tmp_path / "a", started=number)).state == "unreadable"


def test_whatever_else_is_there_is_passed_over(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd" / "run.db").mkdir(parents=True)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "round").symlink_to(tmp_path)
    assert list_runs(tmp_path) == []
    run = made_run(tmp_path / "a")
    (run / "loop").symlink_to(run)
    assert [listed.name for listed in list_runs(tmp_path)] == ["a"]
    assert [listed.name for listed in list_runs(run)] == ["a"]  # the folder of a run itself


def test_a_store_of_the_first_version_is_read_and_stays_so(tmp_path: Path):
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "run.db"
    score = json.dumps({"fitness": 1.5, "after_attack": 0.25, "fidelity": {"epochs": 1}})
    with sqlite3.connect(path) as db:
        db.executescript(FIRST_TABLES)
        meta = {"config": {"search": {"candidates": 9}}, "task": "mr", "started": 1, "seconds": 2}
        rows = [(key, json.dumps(value)) for key, value in meta.items()]
        db.executemany("INSERT INTO meta VALUES (?, ?)", rows)
        db.execute("INSERT INTO trials VALUES (0, 'h', '{}', 0, NULL, ?, NULL, 0)", (score,))
    before = file_hash(path)
    listed = listed_run(tmp_path / "a")
    assert (listed.done, listed.total, listed.fitness) == (1, 9, 1.5)
    assert file_hash(path) == before


def test_missing_folders_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"no folder .*nope"):
        list_runs(tmp_path / "nope")


def test_what_is_printed(tmp_path: Path, capsys, monkeypatch):
    odd = os.fsdecode(b"\x1b[31m[bold]\xff")
    made_run(tmp_path / "runs" / odd, trial(0, 1.0), started=2e9)
    damage("text", made_run(tmp_path / "runs" / "bad"))
    monkeypatch.chdir(tmp_path)
    runs = list_runs(Path("runs"))
    print_runs(runs, Path("runs"), as_json=False)
    shown = capsys.readouterr().out
    assert "?[31m[bold]?" in shown and "\x1b" not in shown
    assert "1/5" in shown and "0:01:30" in shown and "bad: file is not a database" in shown
    print_runs(runs, Path("runs"), as_json=True)
    first, second = json.loads(capsys.readouterr().out)
    assert first["name"] == odd and second["state"] == "unreadable"
    print_runs([], Path("runs"), as_json=False)
    assert capsys.readouterr().out == "no runs in runs\n"
