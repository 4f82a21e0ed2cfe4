"""Runs that are moved, read-only, started twice, stopped: nothing of them is lost."""

from __future__ import annotations

import signal
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from made_summaries import made_summary

import rosearch.run.lifecycle
import rosearch.run.prepare
from rosearch.baselines.of_run import check_run, settings_of_run
from rosearch.baselines.one_student import distill
from rosearch.cli import stopping
from rosearch.config import RunConfig, make_config, read_toml
from rosearch.errors import DiskError, UserError
from rosearch.export.baseline import columns_of
from rosearch.export.source import find_source, model_and_task
from rosearch.report import page
from rosearch.results import database
from rosearch.results.folder import RunFolder
from rosearch.results.store import Store
from rosearch.run.lifecycle import resume, search
from rosearch.space.presets import preset
from rosearch.tasks.named import task_of
from rosearch.teacher.fit import _folder
from rosearch.types import Final

TEXTS = "".join(f"a text of number {i},{'pos' if i % 2 else 'neg'}\n" for i in range(60))


class Reached(Exception):
    """All that comes before the preparation is well."""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run on a file and with a teacher beside it, named from the working directory."""
    place = tmp_path / "place"
    (place / "teacher").mkdir(parents=True)
    (place / "teacher" / "config.json").write_text("{}")
    (place / "data.csv").write_text("text,label\n" + TEXTS)
    monkeypatch.chdir(place)
    task = {"train": "data.csv"}
    config = make_config("smoke", None, {"task": task, "teacher": {"name": "teacher"}})

    def reached(*_: object) -> None:
        raise Reached

    monkeypatch.setattr(rosearch.run.prepare, "prepare", reached)
    with pytest.raises(Reached):
        search(config, Path("run"))
    with closing(Store(Path("run/run.db"))) as store:
        store.set_meta(summary=made_summary("abc").to_json())
    (place / "run" / "students" / "abc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return place / "run"


def config_of(run: Path) -> RunConfig:
    return RunFolder(run).open().meta().run_config


def test_a_run_finds_data_and_teacher_from_any_folder(made: Path):
    with pytest.raises(Reached):
        resume(made)
    assert find_source(str(made), {}).task.name == "data"
    assert make_config("quick", None, settings_of_run(made, {})).task == config_of(made).task


def test_a_student_of_a_run_is_measured_on_its_task_unless_another_is_given(made: Path, capsys):
    student = made / "students" / "abc"
    (student / "config.json").write_text("{}")
    for what in (str(student), f"{made}:abc", str(made)):
        model, task = model_and_task(what, {"seed": 9})
        assert (Path(model).name, task.name) == ("abc", "data")
        assert f"task: data, that of {made}" in capsys.readouterr().err
        assert find_source(what, {}).task.name == "data"
    model, task = model_and_task(str(student), {"task": {"name": "mr"}})
    assert (model, task.name) == (str(student), "mr")
    assert "that of" not in capsys.readouterr().err
    assert find_source(str(student), {"task": {"name": "mr"}}).task.name == "mr"
    assert columns_of(str(student))["label_column"] == "label"
    assert model_and_task("somebody/classifier", {})[1].name == "mr"
    assert "task: mr, as none was given" in capsys.readouterr().err


def test_a_search_on_long_texts_says_what_cuts_them(made: Path, capsys, monkeypatch):
    monkeypatch.setattr("rosearch.tasks.notes.LONG", 4)
    with pytest.raises(Reached):
        search(config_of(made), made.parent / "long")
    assert "note: texts are long (5 words in" in capsys.readouterr().err
    with pytest.raises(Reached):
        resume(made.parent / "long")  # too late for a setting
    assert "note:" not in capsys.readouterr().err


def test_a_run_on_cut_texts_stays_so_whatever_is_done_with_it(made: Path, capsys):
    data = made.parent / "long.csv"
    data.write_text("text,label\n" + TEXTS.replace(",", " and so on,"))
    plain = config_of(made)
    cut = replace(plain, task=replace(plain.task, train=str(data), max_words=5))
    with pytest.raises(Reached):
        search(cut, made.parent / "cut")
    assert "data: texts cut after 5 words" in capsys.readouterr().err
    with closing(Store(made.parent / "cut" / "run.db")) as store:
        store.set_meta(summary=made_summary("abc").to_json())
        assert "texts cut after 5 words: only these beginnings are read" in store.meta().data
    student = made.parent / "cut" / "students" / "abc"
    student.mkdir(parents=True)
    (student / "config.json").write_text("{}")
    for task in (find_source(str(student), {}).task, model_and_task(str(student), {})[1]):
        assert all(f"{text},p" in TEXTS or f"{text},n" in TEXTS for text in task.test.texts)
    assert settings_of_run(made.parent / "cut", {})["task"]["max_words"] == 5  # type: ignore[index]


@pytest.mark.parametrize("gone", ["data.csv", "teacher"])
def test_an_extension_that_lacks_something_leaves_a_finished_run_finished(made: Path, gone: str):
    (made.parent / gone).rename(made.parent / "moved")
    option = "--train" if gone == "data.csv" else "--teacher"
    with pytest.raises(UserError, match=f"{gone}; if .* moved, give .* new place with {option}"):
        resume(made, candidates="+1")
    (made.parent / "moved").rename(made.parent / gone)
    with pytest.raises(Reached):
        resume(made, candidates="+1")
    assert RunFolder(made).open().meta().summary is not None
    assert RunFolder(made).best_student().name == "abc"
    assert read_toml(made / "config.toml")["search"]["candidates"] == 5  # type: ignore[index]


@pytest.mark.parametrize("change", [False, True])
def test_moved_data_are_taken_if_they_are_the_same(made: Path, change: bool):
    new = made.parent / "other.csv"
    (made.parent / "data.csv").rename(new)
    if change:
        new.write_text("text,label\n" + TEXTS.replace("number 7,", "number 70,"))
    places = {"train": str(new)}
    words = "the data of 'data' changed" if change else None
    with pytest.raises(UserError if change else Reached, match=words):
        resume(made, places=places)
    if change:
        with pytest.raises(UserError, match=words):
            find_source(str(made), {"task": places})
    else:
        assert find_source(str(made), {"task": places}).task.name == "data"
        assert settings_of_run(made, {"task": places})["task"]["train"] == str(new)  # type: ignore[index]
    with pytest.raises(UserError, match="of the task options it takes new places"):
        find_source(str(made), {"task": {"label_column": "label"}})


@pytest.mark.parametrize("change", [False, True])
def test_a_moved_teacher_is_taken_if_it_is_the_same(made: Path, change: bool):
    new = made.parent / "new teacher"
    (made.parent / "teacher").rename(new)
    if change:
        (new / "config.json").write_text("{ }")
    words = "not the one that .* was started with" if change else None
    with pytest.raises(UserError if change else Reached, match=words):
        resume(made, places={"teacher": str(new)})
    config = make_config("smoke", None, settings_of_run(made, {"teacher": {"name": str(new)}}))
    held_out = replace(config, final=replace(config.final, held_out=("characters",)))
    if change:
        with pytest.raises(UserError, match="the teacher of"):
            check_run(made, held_out, task_of(config.task, config.seed))
    else:
        check_run(made, held_out, task_of(config.task, config.seed))


def test_a_moved_teacher_was_fine_tuned_already(made: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ROSEARCH_CACHE", str(made.parent / "cache"))
    config = config_of(made)
    tuned = _folder(made.parent / "teacher", task_of(config.task, 0), config.teacher, 0)
    tuned.mkdir(parents=True)
    (tuned / "config.json").write_text("{}")
    assert find_source(str(made), {}).teacher == tuned
    (made.parent / "teacher").rename(made.parent / "moved")
    assert find_source(str(made), {}).teacher is None
    assert find_source(str(made), {}, str(made.parent / "moved")).teacher == tuned


def test_what_a_run_goes_on_with_is_kept_once_it_can(made: Path, monkeypatch: pytest.MonkeyPatch):
    run = RunFolder(made)
    longer = replace(config_of(made), seed=5)
    with closing(run.open()) as store:
        rosearch.run.lifecycle.keep_config(config_of(made), run, store)
        assert store.meta().summary is not None
        rosearch.run.lifecycle.keep_config(longer, run, store)
        assert store.meta().summary is None and store.meta().run_config == longer
    assert read_toml(run.config)["seed"] == 5


def test_while_it_is_extended_a_run_has_the_best_student_so_far(made: Path):
    with closing(Store(made / "run.db")) as store:
        store.set_meta(summary=None)
        with pytest.raises(UserError, match="no best student yet"):
            RunFolder(made).best_student()
        for model, seed, fitness in (("abc", 1, 0.9), ("abc", 2, 0.7), ("new", 1, 0.95)):
            store.add_final(Final(model, seed, None, 1, 1, 1, {}, 1.0, 1.0, fitness))
    assert RunFolder(made).best_student().name == "abc"  # the other one is not saved yet


def test_a_read_only_run_is_read_and_never_written(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    class ReadOnly:
        W_OK = 2

        @staticmethod
        def access(path: Path, _: int) -> bool:
            return not Path(path).resolve().is_relative_to(made)

    with closing(Store(made / "run.db")) as writer:  # its last results are in the log alone
        writer.set_meta(seconds=7.0)
        files = [path for path in made.glob("run.db*") if not path.name.endswith("shm")]
        before = {path.name: path.read_bytes() for path in files}
    for name, content in before.items():
        (made / name).write_bytes(content)
    monkeypatch.setattr(database, "os", ReadOnly)
    monkeypatch.setattr(page, "os", ReadOnly)
    store = Store(made / "run.db")
    assert store.meta().seconds == 7.0
    with pytest.raises(DiskError, match="read-only"):
        store.set_meta(seconds=8.0)
    assert {p.name: p.read_bytes() for p in made.glob("run.db*")} == before
    assert find_source(str(made), {}).folder.name == "abc"
    assert page.page_in(made / "report.html") == Path("run-report.html")
    scratch = store._database.scratch
    assert scratch is not None and scratch.exists()
    del store
    assert not scratch.exists()


def test_of_two_searches_at_once_one_has_the_folder(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "both"

    def meanwhile(*args: object, **more: object) -> object:
        monkeypatch.setattr(rosearch.run.lifecycle, "task_of", task_of)
        if not out.exists():
            with pytest.raises(Reached):
                search(replace(config_of(made), seed=1), out)
        return task_of(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(rosearch.run.lifecycle, "task_of", meanwhile)
    with pytest.raises(UserError, match="both exists"):
        search(config_of(made), out)
    assert config_of(out).seed == 1


def test_signals_that_end_a_process_end_it_like_ctrl_c(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stopping, "_received", [])
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
        stopping.stop_like_ctrl_c()
        signal.raise_signal(signal.SIGHUP)
        assert stopping.exit_code(0) == 0 and stopping.exit_code(2) == 2
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)  # while it tidies up
        assert stopping.exit_code(130) == 128 + signal.SIGTERM
        assert stopping.exit_code(0) == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no folder that takes none")
def test_a_folder_that_takes_nothing_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch):
    """`/proc` looks writable to root. Nothing is trained whose folder can't be made."""
    out = Path("/proc/student")
    monkeypatch.setattr(rosearch.run.prepare, "prepare", lambda *_: pytest.fail("was prepared"))
    with pytest.raises(DiskError, match=r"cannot write /proc/student: the folder /proc is not"):
        distill(preset("votes"), make_config("smoke"), out)
    with pytest.raises(DiskError, match=r"cannot write /proc/student: the folder /proc is not"):
        search(make_config("smoke"), out)
