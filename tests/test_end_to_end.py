"""The main job on the real teacher and real data: search, kill, resume, report, use.

One teacher (a fifth of the train split, one epoch) is fine-tuned and cached for all of it.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from rosearch.config import make_config
from rosearch.models.open import open_classifier
from rosearch.results.store import Store
from rosearch.tasks.named import task_of
from rosearch.types import balanced


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> Path:
    """A whole `smoke` run through the command line."""
    out = tmp_path_factory.mktemp("smoke") / "run"
    command = [sys.executable, "-m", "rosearch.cli.main", "search", "--preset", "smoke"]
    done = subprocess.run(
        [*command, "--out", str(out)], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert "TEST split" in done.stdout
    assert "held out: first-letter" in done.stdout
    assert "candidate 5/5" in done.stderr
    return out


def summary_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "summary.json").read_text())


def test_the_run_folder_is_complete(smoke: Path):
    names = {path.name for path in smoke.iterdir()}
    assert names >= {"config.toml", "run.db", "summary.json", "report.html", "students"}
    assert make_config("standard", smoke / "config.toml") == make_config("smoke")


def test_candidates_are_held_to_the_reference_that_the_run_ends_with(smoke: Path):
    """Trained once, before the search: the final evaluation takes it over."""
    config = make_config("smoke")
    task = task_of(config.task, config.seed)
    student = open_classifier(smoke / "students" / "reference", "cpu")
    classes = student.in_order(task.label_names, ()).counts(task.validation)
    with closing(Store(smoke / "run.db")) as store:
        assert store.meta().reference_accuracy == pytest.approx(balanced(classes))


def test_the_summary_holds_what_was_promised(smoke: Path):
    summary = summary_of(smoke)
    assert set(summary) >= {
        "task", "teacher", "reference", "best", "finalists", "front", "candidates", "seconds",
        "seed", "versions",
    }  # fmt: skip
    assert summary["candidates"] == 5
    for entry in (summary["teacher"], summary["reference"], summary["best"]):
        assert entry["n"] == 30
        assert 0 <= entry["interval"][0] <= entry["after_attack"] <= entry["interval"][1] <= 1
        assert 0.45 < entry["clean"] <= 1
        assert set(entry["held_out"]) == {"first-letter", "characters"}
        for held_out in entry["held_out"].values():
            assert set(held_out) >= {"after_attack", "n", "interval"}
    assert summary["teacher"]["params"] == 22_713_986
    assert summary["teacher"]["compression"] == 1
    assert summary["best"]["compression"] >= 5
    ids = {t.candidate.id for t in Store(smoke / "run.db").trials()}
    assert summary["best"]["id"] in ids
    assert {entry["id"] for entry in summary["front"]} <= ids


def test_numbers_can_be_measured_again_from_the_saved_student(smoke: Path):
    best = summary_of(smoke)["best"]
    command = ["attack", str(smoke / "students" / best["id"]), "--n", "30", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "rosearch.cli.main", *command], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["attacks"]["wordnet"]
    assert found["after_attack"] == pytest.approx(best["after_attack"], abs=1e-4)
    assert found["queries_per_text"] == pytest.approx(best["queries_per_text"], abs=0.1)


def test_students_are_plain_hugging_face_folders(smoke: Path):
    for folder in (smoke / "students").iterdir():
        assert {p.name for p in folder.iterdir()} == {
            "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
            "configuration.py", "defences.py", "layers.py", "model.py", "pairs.py", "votes.py",
        }  # fmt: skip
        known = json.loads((folder / "config.json").read_text())["known_attacks"]
        searched = any(seen["setting"].startswith("search.attack") for seen in known)
        assert searched == (folder.name != "reference")


def test_the_report_shows_the_run(smoke: Path):
    page = (smoke / "report.html").read_text(encoding="utf-8")
    best = summary_of(smoke)["best"]
    assert best["id"] in page
    assert page.count("<del") >= 1
    store = Store(smoke / "run.db")
    for model in (best["id"], "reference", "teacher"):
        for attack in ("wordnet", "first-letter", "characters"):
            assert [e.index for e in store.examples(model, attack)] == list(range(30))


SEARCH = """
import sys
from pathlib import Path
from rosearch.config import make_config
from rosearch.run.lifecycle import resume, search
if __name__ == "__main__":
    out, workers = Path(sys.argv[1]), int(sys.argv[2])
    config = make_config("smoke", Path(sys.argv[3]))
    resume(out, workers) if out.exists() else search(config, out, workers)
"""


def start(out: Path, workers: int, settings: Path) -> subprocess.Popen[bytes]:
    script = settings.with_name("search_it.py")
    script.write_text(SEARCH)
    return subprocess.Popen(
        [sys.executable, str(script), str(out), str(workers), str(settings)],
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors.decode()


def numbers(run: Path) -> list[tuple[Any, ...]]:
    """Everything stored of the search that is not a measured time."""
    found = []
    for trial in Store(run / "run.db").trials():
        assert trial.score is not None, trial.error
        s = trial.score
        found.append(
            (trial.candidate, trial.rung, s.clean, s.after_attack, s.queries, s.params, s.fitness)
        )
    return found


def evaluated(run: Path, table: str = "trials") -> int:
    """Rows of a table of the store, read while a search may be writing."""
    if not (run / "run.db").exists():
        return 0
    with sqlite3.connect(f"file:{run / 'run.db'}?mode=ro", uri=True) as db:
        try:
            return int(db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])
        except sqlite3.OperationalError:  # not made yet
            return 0
        finally:
            db.rollback()


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("settings") / "tiny.toml"
    file.write_text(
        "[search]\ncandidates = 6\ntrain_share = 0.1\nattacked = 15\n"
        '[final]\nattacked = 8\nheld_out = ["characters"]\n'
    )
    return file


@pytest.fixture(scope="module")
def undisturbed(smoke: Path, settings: Path, tmp_path_factory) -> Path:
    """A run with one worker that nothing disturbs (after `smoke`, which caches the teacher)."""
    out = tmp_path_factory.mktemp("one") / "run"
    finish(start(out, 1, settings))
    return out


@pytest.mark.slow
def test_killed_twice_and_resumed_equals_undisturbed(
    undisturbed: Path, settings: Path, tmp_path: Path
):
    """SIGKILL in the middle of the search, with another number of workers: the same numbers."""
    out = tmp_path / "run"
    for wanted in (1, 4):
        process = start(out, 2, settings)
        children = psutil.Process(process.pid)
        while evaluated(out) < wanted:
            assert process.poll() is None, process.communicate()[1].decode()
            time.sleep(0.05)
        workers = children.children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        _, alive = psutil.wait_procs(workers, timeout=15)
        assert not alive, "workers outlive a killed search"
    before = numbers(out)
    assert 4 <= len(before) < 9
    finish(start(out, 2, settings))
    after = numbers(out)
    assert after[: len(before)] == before or set(map(repr, before)) <= set(map(repr, after))
    assert after == numbers(undisturbed)
    assert summary_of(out)["candidates"] == 6
    assert not list((out / "students").glob(".*"))


@pytest.mark.slow
def test_a_random_sample_survives_a_kill_and_changes_nothing_else(
    undisturbed: Path, settings: Path, tmp_path: Path
):
    """SIGKILL while the sample is evaluated: it goes on; search, front and finalists are equal."""
    file, out = tmp_path / "sample.toml", tmp_path / "run"
    file.write_text(settings.read_text().replace("[search]", "[search]\nrandom_sample = 4"))
    process = start(out, 2, file)
    while evaluated(out, "sample") < 1:
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    before = finished_at(out)
    assert 1 <= len(before) < 4
    finish(start(out, 2, file))
    assert finished_at(out).items() >= before.items(), "evaluated twice"
    store, plain = Store(out / "run.db"), Store(undisturbed / "run.db")
    assert [t.candidate.index for t in store.sample()] == [0, 1, 2, 3]
    assert numbers(out) == numbers(undisturbed)
    assert [(f.model, f.correct) for f in store.finals()] == [
        (f.model, f.correct) for f in plain.finals()
    ]
    mine, theirs = summary_of(out), summary_of(undisturbed)
    assert mine["front"] == theirs["front"] and mine["candidates"] == theirs["candidates"]
    n = {a["sample"]: a["n"] for a in mine["statistics"]["analyses"]}
    assert list(n) == ["evolved", "uniform"] and 0 < n["evolved"] <= 3
    learned = sum(t.score is not None and t.score.learned for t in store.sample())
    assert n["uniform"] == learned, "who always says the same is left out"
    assert [a["sample"] for a in theirs["statistics"]["analyses"]] == ["evolved"]
    assert "The data cannot tell" in (out / "report.html").read_text(encoding="utf-8")


def finished_at(run: Path) -> dict[int, float]:
    """When each candidate of the random sample was finished."""
    with sqlite3.connect(f"file:{run / 'run.db'}?mode=ro", uri=True) as db:
        return dict(db.execute("SELECT idx, finished FROM sample"))


def test_a_worker_that_dies_costs_nothing(undisturbed: Path, settings: Path, tmp_path: Path):
    """SIGKILL to a worker: its candidate is evaluated again, the run goes on."""
    out = tmp_path / "run"
    process = start(out, 2, settings)
    while evaluated(out) < 1:
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.05)
    workers = [
        p for p in psutil.Process(process.pid).children() if "spawn_main" in " ".join(p.cmdline())
    ]
    workers[0].kill()
    finish(process)
    assert numbers(out) == numbers(undisturbed)


def test_ctrl_c_stops_within_seconds_and_tells_how_to_go_on(
    undisturbed: Path, settings: Path, tmp_path: Path
):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "rosearch.cli.main", "search", str(settings)]
    process = subprocess.Popen(
        [*command, "--preset", "smoke", "--out", str(out)],
        stderr=subprocess.PIPE,
        # a test run in the background ignores SIGINT and hands that on
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while evaluated(out) < 1:
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=15)  # a second or two, unless the machine is busy
    assert process.returncode == 130
    assert f"rosearch resume {out}" in errors.decode()
    assert "Traceback" not in errors.decode()
    assert 1 <= len(numbers(out)) < 9


def test_two_processes_cannot_work_on_one_run(undisturbed: Path):
    from filelock import FileLock

    with FileLock(undisturbed / ".lock"):
        command = [sys.executable, "-m", "rosearch.cli.main", "resume", str(undisturbed)]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "another process is working on" in done.stderr


def test_resuming_a_finished_run_changes_nothing(undisturbed: Path):
    before = Store(undisturbed / "run.db")
    trials, finals = before.trials(), before.finals()
    command = [sys.executable, "-m", "rosearch.cli.main", "resume", str(undisturbed)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (before.trials(), before.finals()) == (trials, finals)
