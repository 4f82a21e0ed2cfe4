"""The page on extending as a plugin, in a real search whose workers are processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pages import own_parts

from rosearch.results.folder import RunFolder

CONFIG = """
plugins = ["my_parts", "witness"]
[task]
name = "reviews"
[teacher]
name = "{teacher}"
epochs = 1
weak = "keep"
[space]
encodings = ["prefixes"]
defences = ["clipped"]
ops = ["mixer"]
widths = [64]
embedding_dims = [32]
max_nodes = 2
max_repeat = 1
min_compression = 0
[encoding]
lexicons = ["wordnet", "plurals"]
[distill]
substitution = 0.3
defences = ["masked"]
[search]
strategy = "climber"
objectives = ["robustness", "megabytes"]
attack = "digits"
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
    """A folder with the plugin, a second one that says which processes import it, and a config."""
    made = tmp_path_factory.mktemp("own")
    (made / "my_parts.py").write_text("\n".join(own_parts()))
    (made / "witness.py").write_text("import os\nopen(f'process-{os.getpid()}', 'w').close()\n")
    (made / "own.toml").write_text(CONFIG.format(teacher=tiny_body))
    return made


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    """A finished run of two worker processes, as the command line makes it."""
    done(folder, "search", "own.toml", "--workers", "2", "--track", "progress", "--out", "run")
    return folder / "run"


def processes(folder: Path) -> set[str]:
    """Those that have imported the plugins."""
    return {path.name for path in folder.glob("process-*")}


def test_a_search_in_two_processes_uses_all_that_a_plugin_brings(run: Path, folder: Path):
    assert len(processes(folder)) == 3  # the command and its workers
    assert (run / "progress.txt").read_text() == "4 of 4\n"
    script = (
        "import json, rosearch\n"
        "found = rosearch.load_run('run').candidates.to_dict('records')\n"
        "print(json.dumps([[c['genotype'].encoding, c['ops'], c['error'], c['megabytes'],"
        " c['params']] for c in found]))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    candidates = json.loads(found.stdout)
    assert len(candidates) == 4
    for encoding, ops, error, megabytes, params in candidates:
        assert encoding == "prefixes" and set(ops) == {"mixer"} and error is None
        assert megabytes == pytest.approx(4 * params / 1e6)
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["task"], summary["search_attack"]) == ("reviews", "digits")


def test_what_reads_a_run_imports_its_plugins_by_itself(run: Path, folder: Path):
    assert "my_parts" in (run / "config.toml").read_text()
    done(folder, "report", "run")
    assert "digits" in (run / "report.html").read_text()
    done(folder, "resume", "run", "--candidates", "+1", "--executor", "threads", "--workers", "1")
    assert json.loads((run / "summary.json").read_text())["candidates"] >= 5
    export = ("export", "run", "--format", "hf", "--out", "exported", "--n", "5")
    done(folder, *export, "--attack", "digits")
    rows = json.loads(done(folder, "runs", ".", "--json"))
    assert [(row["name"], row["state"]) for row in rows] == [("run", "finished")]


@pytest.mark.ray
def test_workers_on_ray_import_them_too(run: Path, folder: Path):
    pytest.importorskip("ray")
    before = processes(folder)
    done(folder, "resume", "run", "--candidates", "+1", "--executor", "ray", "--workers", "1")
    assert len(processes(folder) - before) == 2  # the command and its worker


def test_a_saved_student_needs_the_plugin_and_says_so(run: Path, folder: Path):
    summary = json.loads((run / "summary.json").read_text())
    student = str(RunFolder(run).student(summary["best"]["id"]))
    failed = rosearch(folder, "predict", student, "a good film")
    assert failed.returncode == 2
    assert "operation 'mixer' is that of a plugin" in failed.stderr
    assert "--plugin my_parts" in failed.stderr
    attack = ("attack", student, "--task", "reviews", "--attack", "digits", "--n", "5", "--json")
    report = json.loads(done(folder, *attack, "--no-similarity", "--plugin", "my_parts.py"))
    assert "digits" in json.dumps(report)


def test_without_the_plugin_one_line_says_what_is_missing(run: Path, tmp_path: Path):
    failed = rosearch(tmp_path, "report", str(run))
    assert failed.returncode == 2
    assert "plugin 'my_parts' cannot be imported" in failed.stderr
