"""The command line as a user meets it: help, one-line errors, exit codes, nothing half-written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rosearch.cli.search import check_config
from rosearch.errors import UserError
from rosearch.models.load import model_source
from rosearch.space.genotype import from_json
from rosearch.space.presets import PRESETS, preset
from rosearch.tasks import load_task

COMMANDS = (
    "search", "resume", "fetch", "report", "watch", "try", "attack", "distill", "evaluate",
    "export", "predict", "prune", "quantize", "show",
)  # fmt: skip


def rosearch(*args: str, stdin: str | bytes = b"", **env: str) -> subprocess.CompletedProcess[str]:
    import os

    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [sys.executable, "-m", "rosearch.cli.main", *args],
        input=data, capture_output=True, env={**os.environ, "COLUMNS": "200", **env}, timeout=600,
    )  # fmt: skip
    return subprocess.CompletedProcess(
        args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def fails_clearly(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    for part in parts:
        assert part in lines[0]


def test_help_names_every_command():
    out = rosearch("--help").stdout
    for command in COMMANDS:
        assert command in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_defaults(command: str):
    done = rosearch(command, "--help")
    assert done.returncode == 0
    if command not in ("report", "predict"):
        assert "[default:" in done.stdout


def test_no_arguments_show_help():
    assert "Usage" in rosearch().stdout + rosearch().stderr


def test_version():
    assert rosearch("--version").stdout.startswith("rosearch 0.")


def test_a_typo_in_an_option_is_named():
    done = rosearch("search", "--candidate", "3")
    assert done.returncode == 2
    assert "No such option" in done.stderr and "--candidates" in done.stderr


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (["--preset", "huge"], ["no preset 'huge'", "smoke, quick, standard, paper"]),
        (["--train", "none.csv"], ["none.csv"]),
        (["--set", "search.epoch=3"], ["search.epoch"]),
        (["--attack", "nope"], ["no attack 'nope'", "wordnet"]),
        (["--held-out", "wordnet"], ["cannot be held out"]),
        (["--set", "space.ops=['conv99']"], ["conv99"]),
        (["missing.toml"], ["missing.toml"]),
        (["mr"], ["'mr' is no file with settings", "--task mr"]),
        (["--track", "wandb"], ["'wandb'", "tensorboard, mlflow"]),
    ],
)
def test_bad_searches_write_nothing(args: list[str], parts: list[str], tmp_path: Path):
    out = tmp_path / "run"
    fails_clearly(rosearch("search", *args, "--out", str(out)), *parts)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "empty"),
        (b"text,label\n", "empty"),
        (b"a,b\n1,2\n", "text"),
        (b"text,label\nx,1\ny,1\nz,1\n", "at least two classes"),
        (b"text,label\n\xff\xfe,1\n", "UTF-8"),
    ],
)
def test_bad_data_files(content: bytes, part: str, tmp_path: Path):
    data = tmp_path / "d.csv"
    data.write_bytes(content)
    done = rosearch("search", "--train", str(data), "--out", str(tmp_path / "run"))
    fails_clearly(done, part)
    assert [p.name for p in tmp_path.iterdir()] == ["d.csv"]


def test_what_is_no_config_is_told_where_it_belongs(tmp_path: Path):
    data = tmp_path / "d.csv"
    data.write_text("text,label\na,1\n")
    (tmp_path / "run.db").touch()
    for file, told in (
        (Path("standard"), "--preset standard"),
        (data, f"--train {data}"),
        (tmp_path, f"`rosearch resume {tmp_path}`"),
    ):
        with pytest.raises(UserError, match=re.escape(told)):
            check_config(file)
    check_config(tmp_path / "my.toml")


def test_folders_without_a_model_or_data_are_told(tmp_path: Path):
    with pytest.raises(UserError, match=r"no model in the folder .* RUN/students/ID"):
        model_source(str(tmp_path))
    with pytest.raises(UserError, match="is a folder; name a data file"):
        load_task(train=tmp_path)


def test_an_existing_folder_is_not_overwritten(tmp_path: Path):
    fails_clearly(rosearch("search", "--out", str(tmp_path)), "exists", "rosearch resume")


def test_runs_are_listed(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "run.db").write_text("no store")
    listed = json.loads(rosearch("runs", str(tmp_path), "--json").stdout)
    assert [(run["name"], run["state"]) for run in listed] == [("a", "unreadable")]
    fails_clearly(rosearch("runs", str(tmp_path / "none")), "no folder")


@pytest.mark.parametrize("command", ["resume", "report", "watch"])
def test_commands_on_no_run(command: str, tmp_path: Path):
    fails_clearly(rosearch(command, str(tmp_path / "none")), "none", "rosearch search")


@pytest.mark.parametrize(
    "command",
    [
        ["predict", "/none", "x"],
        ["attack", "/none"],
        ["quantize", "/none", "--out", "none"],
        ["prune", "/none", "--sparsity", "0.5", "--out", "none"],
    ],
)
def test_commands_on_no_model(command: list[str]):
    fails_clearly(rosearch(*command), "/none", "minilm")


def test_attack_output_is_checked_before_the_work(tmp_path: Path):
    fails_clearly(rosearch("attack", "/none", "--csv", str(tmp_path / "no" / "x.csv")), "x.csv")


def test_show_lists_presets_and_draws_them(tmp_path: Path):
    assert rosearch("show").stdout.split() == list(PRESETS)
    done = rosearch("show", "transformer3", "--svg", str(tmp_path / "t.svg"))
    assert "attention4" in done.stdout and "parameters" in done.stdout
    assert (tmp_path / "t.svg").read_text().lstrip().startswith("<")
    as_json = rosearch("show", "bilstm", "--json").stdout
    assert from_json(as_json) == preset("bilstm")
    (tmp_path / "g.json").write_text(as_json)
    assert "lstm" in rosearch("show", str(tmp_path / "g.json")).stdout
    fails_clearly(rosearch("show", "nope"), "no genotype 'nope'", "transformer3")
    (tmp_path / "g.json").write_text('{"width": 3}')
    fails_clearly(rosearch("show", str(tmp_path / "g.json")), "g.json", "embedding_dim")


def test_show_draws_a_stored_candidate(tmp_path: Path):
    from rosearch.results.store import Store
    from rosearch.space.cost import Sizes, params
    from rosearch.types import Candidate, Trial

    store = Store(tmp_path / "run.db", create=True)
    g = preset("transformer3")
    store.set_meta(rows={"plain": 1000}, trimmed_rows={"plain": 234}, label_names=["a", "b", "c"])
    store.add_trial(Trial(Candidate(0, g, 0), None, "failed"))
    done = rosearch("show", f"{tmp_path}:{g.hash[:8]}", "--svg", str(tmp_path / "g.svg"))
    assert done.returncode == 0, done.stderr
    size = params(g, Sizes({"plain": 1000}, 3))
    assert f"{g.hash}, width {g.width}: {size:,} parameters" in done.stdout
    assert "├─┼─●  2  ff4" in done.stdout
    saved = f"{234 * g.embedding_dim:,} parameters saved"
    assert f"1,000 of 1,234 embedding rows kept, {saved}" in done.stdout
    svg = (tmp_path / "g.svg").read_text(encoding="utf-8")
    assert svg.count('class="node"') == len(g.nodes) and saved in svg
    ascii_only = rosearch("show", f"{tmp_path}:{g.hash}", PYTHONIOENCODING="ascii")
    assert ascii_only.returncode == 0 and "+-+-o  2  ff4" in ascii_only.stdout
    assert from_json(rosearch("show", f"{tmp_path}:{g.hash}", "--json").stdout) == g
    fails_clearly(rosearch("show", f"{tmp_path}:zzz"), "0 candidates", "'zzz'")


@pytest.fixture(scope="module")
def student(students, mr_train, tmp_path_factory) -> Path:
    from rosearch.student.saving import save_student

    folder = tmp_path_factory.mktemp("models") / "cnn"
    save_student(students[0], mr_train.tokenizer(), folder)
    return folder


def test_predict_arguments_and_stdin(student: Path):
    texts = ["a gorgeous, witty film", "dull and slow"]
    first = rosearch("predict", str(student), *texts)
    assert first.returncode == 0, first.stderr
    second = rosearch("predict", str(student), stdin="\n".join(texts) + "\n")
    assert first.stdout == second.stdout
    answers = [
        json.loads(line)
        for line in rosearch("predict", str(student), "--json", *texts).stdout.splitlines()
    ]
    for answer, text, line in zip(answers, texts, first.stdout.splitlines(), strict=True):
        assert answer["text"] == text
        assert set(answer["probabilities"]) == {"negative", "positive"}
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert line == f"{answer['label']}\t{answer['probability']:.3f}\t{text}"


def test_show_draws_a_student_folder(student: Path, students):
    done = rosearch("show", str(student))
    size = sum(p.numel() for p in students[0].parameters())
    assert f": {size:,} parameters" in done.stdout
    assert "conv3" in done.stdout


@pytest.mark.parametrize("field", ["genotype", "embedding_rows", "trimmed_rows", "id2label"])
def test_show_of_a_damaged_student_folder(student: Path, tmp_path: Path, field: str):
    config = json.loads((student / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, field: None}))
    fails_clearly(rosearch("show", str(tmp_path)), "is no saved student")


def test_predict_without_any_text(student: Path):
    fails_clearly(rosearch("predict", str(student)), "no text given")
    fails_clearly(rosearch("predict", str(student), stdin=b"\xff\xff"), "UTF-8")


def test_attack_writes_summary_and_texts(student: Path, tmp_path: Path):
    lines, table = tmp_path / "a.jsonl", tmp_path / "a.csv"
    both = ("--attack", "wordnet", "--attack", "characters", "--jsonl", str(lines))
    done = rosearch("attack", str(student), "--n", "40", *both, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found["attacks"]) == ["wordnet", "characters", "all"]
    texts = [json.loads(line) for line in lines.read_text().splitlines()]
    for name in ("wordnet", "characters"):
        entry, mine = found["attacks"][name], [t for t in texts if t["attack"] == name]
        assert entry["n"] == len(mine) == 40
        survived = sum(t["status"] == "survived" for t in mine)
        assert entry["after_attack"] == pytest.approx(survived / 40, abs=1e-4)
        assert entry["interval"][0] <= entry["after_attack"] <= entry["interval"][1]
        assert entry["queries"] == sum(t["queries"] for t in mine)
    again = rosearch(
        "attack", str(student), "--n", "40", *both, "--csv", str(table),
        "--transfer-to", str(student), str(student),
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert len(lines.read_text().splitlines()) == 80  # nothing was attacked a second time
    assert "[-" in again.stdout and "{+" in again.stdout  # a word diff is shown
    assert "transfer" in again.stdout
    assert len(table.read_text().splitlines()) == 81


def test_attacks_are_listed():
    listed = rosearch("attack", "--list")
    found = json.loads(rosearch("attack", "--list", "--json").stdout)
    assert {"wordnet", "characters"} <= {entry["name"] for entry in found}
    for entry in found:
        assert entry["paper"] and entry["needs"] and entry["description"] in listed.stdout
    fails_clearly(rosearch("attack"), "give one MODEL", "--list")
    fails_clearly(rosearch("attack", "a", "b"), "give one MODEL")


def test_attack_on_labels_of_another_task(student: Path, tmp_path: Path):
    data = tmp_path / "d.csv"
    rows = "".join(f"text number {i},{'abc'[i % 3]}\n" for i in range(60))
    data.write_text("text,label\n" + rows)
    fails_clearly(rosearch("attack", str(student), "--train", str(data)), "2 labels", "3")


def test_damaged_models_give_one_line(student: Path, tmp_path: Path):
    import shutil

    for name, content in (("config.json", "{"), ("model.safetensors", "x"), ("tokenizer.json", "")):
        broken = tmp_path / name.split(".")[0]
        shutil.copytree(student, broken)
        (broken / name).write_text(content)
        fails_clearly(rosearch("predict", str(broken), "x"), "cannot load the model")


def test_help_lists_names_when_it_is_shown():
    out = " ".join(rosearch("search", "--help").stdout.split())
    assert "nsga2" in out and "{" not in out
    assert "tinybert" in rosearch("distill", "--help").stdout
