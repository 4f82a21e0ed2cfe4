"""One plugin with an entry of every kind, in a real search whose workers are processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rosearch.results.folder import RunFolder
from rosearch.results.store import Store

CONFIG = """
plugins = ["own_parts"]
[task]
name = "reviews"
[teacher]
name = "{teacher}"
epochs = 1
[space]
encodings = ["prefix"]
ops = ["mixer", "identity"]
widths = [64]
embedding_dims = [32]
max_nodes = 2
max_repeat = 1
min_compression = 0
[distill]
substitution = 0.0
defences = ["first-hidden"]
[search]
strategy = "mixers"
objectives = ["robustness", "depth"]
attack = "stutter"
candidates = 4
rungs = [1.0]
epochs = 1
attacked = 10
[final]
held_out = ["characters"]
finalists = 1
seeds = 1
epochs = 1
attacked = 5
"""


def rosearch(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own that knows nothing of the plugin."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "rosearch", *args],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip


def done(folder: Path, *args: str) -> str:
    found = rosearch(folder, *args)
    assert found.returncode == 0, found.stderr[-3000:]
    return found.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_body: Path) -> Path:
    """A folder with the plugin and its config."""
    made = tmp_path_factory.mktemp("own")
    shutil.copy(Path(__file__).with_name("own_parts.py"), made)
    (made / "own.toml").write_text(CONFIG.format(teacher=tiny_body))
    return made


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    """A finished run of two worker processes, as the command line makes it."""
    done(folder, "search", "own.toml", "--workers", "2", "--track", "counting", "--out", "run")
    return folder / "run"


def pids(folder: Path, what: str) -> set[str]:
    return {path.name.rpartition("-")[2] for path in folder.glob(f"{what}-*")}


def test_a_search_in_two_processes_uses_all_that_a_plugin_brings(run: Path, folder: Path):
    store = Store(run / "run.db")  # no plugin is needed for what is no genotype
    config = store.meta().config
    assert config["plugins"] == ["own_parts"]  # stored: all that reads the run imports it
    assert len(pids(folder, "defence")) >= 2 and pids(folder, "attack") >= pids(folder, "defence")
    assert (folder / "counted").read_text() == "4"
    rows = json.loads(done(folder, "runs", ".", "--json"))
    assert [(row["name"], row["state"]) for row in rows] == [("run", "finished")]


def test_what_was_found_is_the_plugins(run: Path, folder: Path):
    script = (
        "import json, rosearch\n"
        "found = rosearch.load_run('run').candidates\n"
        "print(json.dumps([[g.encoding, g.nodes[0].op, d, len(g.nodes)] "
        "for g, d in zip(found['genotype'], found['depth'])]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    found = json.loads(ran.stdout)
    assert len(found) == 4
    for encoding, op, depth, nodes in found:
        assert (encoding, op, depth) == ("prefix", "mixer", nodes)


def test_reports_and_resumed_runs_import_the_plugin_by_themselves(run: Path, folder: Path):
    done(folder, "report", "run")
    assert "stutter" in (run / "report.html").read_text()
    done(
        folder, "resume", "run", "--candidates", "+1", "--executor", "own", "--plugin", "own_parts"
    )
    assert json.loads((run / "summary.json").read_text())["candidates"] >= 5


@pytest.mark.ray
def test_workers_on_ray_import_it_too(run: Path, folder: Path):
    pytest.importorskip("ray")
    before = pids(folder, "defence")
    done(folder, "resume", "run", "--candidates", "+1", "--executor", "ray", "--workers", "1")
    assert len(pids(folder, "defence") - before) == 1


def test_a_saved_student_needs_the_plugin_and_says_so(run: Path, folder: Path):
    summary = json.loads((run / "summary.json").read_text())
    student = str(RunFolder(run).student(summary["best"]["id"]))
    failed = rosearch(folder, "predict", student, "a good film")
    assert failed.returncode == 2
    assert "operation 'mixer' is that of a plugin" in failed.stderr
    assert "--plugin own_parts" in failed.stderr
    attack = ("attack", student, "--task", "reviews", "--attack", "stutter", "--n", "5", "--json")
    report = json.loads(done(folder, *attack, "--no-similarity", "--plugin", "own_parts.py"))
    assert "stutter" in json.dumps(report)


def test_a_student_of_the_run_is_exported_without_a_word_of_the_plugin(run: Path, folder: Path):
    done(folder, "export", "run", "--format", "onnx", "--out", "exported", "--n", "5",
         "--attack", "stutter")  # fmt: skip
    assert list((folder / "exported").glob("*.onnx"))


def test_without_the_plugin_one_line_says_what_is_missing(run: Path, tmp_path: Path):
    failed = rosearch(tmp_path, "report", str(run))
    assert failed.returncode == 2
    assert "plugin 'own_parts' cannot be imported" in failed.stderr
