"""Tracking: one behaviour suite; what was written is read back with the trackers' own tools."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from made_scores import made_score
from made_summaries import made_model, made_summary

from rosearch.config import RunConfig, make_config
from rosearch.errors import MissingExtra, UserError
from rosearch.results.entries import ModelEntry
from rosearch.run.callbacks import Silent, make_callbacks
from rosearch.run.callbacks.base import Callbacks
from rosearch.space.genotype import Genotype, Node
from rosearch.types import Candidate, Fidelity, Trial

CONFIG = make_config("smoke")


def trial(index: int, fitness: float | None, rung: int = 0) -> Trial:
    """A made-up trial; it failed if there is no fitness."""
    candidate = Candidate(index, Genotype(32, 32, (Node((0,), "conv3"),)), index)
    if fitness is None:
        return Trial(candidate, error="boom")
    score = made_score(
        clean=0.8, n_clean=600, after_attack=0.25, attack_success_rate=0.7, attacked=200,
        params=1000 + index, flops=10, latency_ms=1.5, queries=321, train_seconds=1.0,
        attack_seconds=2.0, fitness=fitness, fidelity=Fidelity(1, 1.0, 200, ("wordnet",)),
    )  # fmt: skip
    return Trial(candidate, score, rung=rung)


def entry(name: str) -> ModelEntry:
    numbers = {"clean": 0.75, "attack_success_rate": 0.5, "compression": 8.0, "latency_ms": 1.0}
    held_out = {"characters": replace(made_model(name).searched, after_attack=0.125)}
    return replace(made_model(name), params=1000, held_out=held_out, **numbers)


SUMMARY = replace(
    made_summary("0123"),
    candidates=4,
    seconds=12.5,
    teacher=entry("teacher"),
    reference=entry("reference"),
    best=entry("0123"),
)


@dataclass
class Store:
    """A tracker and how to read back what it wrote."""

    name: str
    read: Callable[[Path], dict[str, list[tuple[int, float]]]]


def events(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    found.Reload()
    return {
        name: [(event.step, event.value) for event in found.Scalars(name)]
        for name in found.Tags()["scalars"]
    }


def mlflow_run(folder: Path):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder.parent / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("rosearch")
    (run,) = client.search_runs([experiment.experiment_id])
    return client, run


def metrics(folder: Path) -> dict[str, list[tuple[int, float]]]:
    client, run = mlflow_run(folder)
    return {
        name: sorted((m.step, m.value) for m in client.get_metric_history(run.info.run_id, name))
        for name in run.data.metrics
    }


@pytest.fixture(params=["tensorboard", "mlflow"])
def store(request, monkeypatch) -> Store:
    pytest.importorskip(request.param)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Store(request.param, {"tensorboard": events, "mlflow": metrics}[request.param])


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory) -> Path | None:
    """A local MLflow store: making its tables takes seconds."""
    if find_spec("mlflow") is None:
        return None
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def folder(tmp_path: Path, empty_store: Path | None) -> Path:
    (tmp_path / "runs" / "a").mkdir(parents=True)
    if empty_store:
        shutil.copy(empty_store, tmp_path / "runs")
    return tmp_path / "runs" / "a"


def start(store: Store, folder: Path, names: tuple[str, ...] | None = None) -> Callbacks:
    made = make_callbacks((store.name,) if names is None else names, folder)
    callbacks = Callbacks((type(callback).__name__, callback) for callback in made)
    callbacks.started(CONFIG, folder)
    return callbacks


def test_every_trial_and_the_final_values_are_there(store: Store, folder: Path):
    callbacks = start(store, folder)
    for index, fitness in enumerate([1.0, None, 0.5, 2.0]):
        callbacks.trial(trial(index, fitness), index + 1, 4)
    callbacks.finished(SUMMARY)
    found = store.read(folder)
    assert found["rung_0/fitness"] == [(0, 1.0), (2, 0.5), (3, 2.0)]
    assert found["rung_0/best_fitness"] == [(0, 1.0), (2, 1.0), (3, 2.0)]
    assert found["rung_0/failed"] == [(0, 0.0), (1, 1.0), (2, 0.0), (3, 0.0)]
    assert found["rung_0/params"] == [(0, 1000.0), (2, 1002.0), (3, 1003.0)]
    assert found["final/best/after_characters"] == [(4, 0.125)]
    assert found["final/seconds"] == [(4, 12.5)]


def test_a_resumed_run_goes_on_without_doubling(store: Store, folder: Path):
    told = [trial(index, 1.0 + index % 7) for index in range(30)]
    callbacks = start(store, folder)
    for i, one in enumerate(told[:20]):
        callbacks.trial(one, i + 1, 30)
    # Killed: nothing is closed, and the two last results were stored but not told.
    callbacks = start(store, folder, names=())  # a tracker that was there goes on
    for i, one in enumerate(told):
        callbacks.trial(one, i + 1, 30)
    callbacks.finished(SUMMARY)
    found = store.read(folder)
    assert [step for step, _ in found["rung_0/fitness"]] == list(range(30))
    assert found["rung_0/best_fitness"][-1] == (29, 7.0)
    assert callbacks.active


def test_a_run_that_stops_early_may_go_on(store: Store, folder: Path):
    callbacks = start(store, folder)
    callbacks.trial(trial(0, 1.0), 1, 2)
    callbacks.stopped()
    if store.name == "mlflow":
        assert mlflow_run(folder)[1].info.status == "KILLED"
    callbacks = start(store, folder)
    if store.name == "mlflow":
        assert mlflow_run(folder)[1].info.status == "RUNNING"
    callbacks.trial(trial(1, 2.0), 2, 2)
    callbacks.finished(SUMMARY)
    if store.name == "mlflow":
        assert mlflow_run(folder)[1].info.status == "FINISHED"
    assert callbacks.active
    assert store.read(folder)["rung_0/fitness"] == [(0, 1.0), (1, 2.0)]


def test_the_best_so_far_counts_earlier_processes(store: Store, folder: Path):
    start(store, folder).trial(trial(0, 5.0), 1, 2)
    start(store, folder).trial(trial(1, 1.0), 2, 2)  # the first one is not told again
    assert store.read(folder)["rung_0/best_fitness"] == [(0, 5.0), (1, 5.0)]


def test_a_run_that_is_extended_is_finished_again(store: Store, folder: Path):
    for summary in (SUMMARY, SUMMARY, replace(SUMMARY, candidates=6, seconds=20.0)):
        start(store, folder).finished(summary)
    assert store.read(folder)["final/seconds"] == [(4, 12.5), (6, 20.0)]


def test_every_rung_has_values_of_its_own(store: Store, folder: Path):
    callbacks = start(store, folder)
    for done, (index, fitness, rung) in enumerate([(0, 3.0, 0), (1, 2.0, 0), (1, 1.0, 1)]):
        callbacks.trial(trial(index, fitness, rung), done + 1, 3)
    found = store.read(folder)
    assert found["rung_0/best_fitness"] == [(0, 3.0), (1, 3.0)]
    assert found["rung_1/best_fitness"] == [(1, 1.0)]


def test_a_run_without_finalists(store: Store, folder: Path):
    callbacks = start(store, folder)
    callbacks.finished(replace(SUMMARY, best=None))
    assert callbacks.active
    assert "final/best/clean" not in store.read(folder)


def test_tensorboard_survives_a_half_written_event(folder: Path):
    pytest.importorskip("tensorboard")
    store = Store("tensorboard", events)
    callbacks = start(store, folder)
    for index in range(3):
        callbacks.trial(trial(index, 1.0), index + 1, 3)
    (written,) = (folder / "tensorboard").iterdir()
    written.write_bytes(written.read_bytes()[:-5])
    callbacks = start(store, folder)
    for index in range(3):
        callbacks.trial(trial(index, 1.0), index + 1, 3)
    assert callbacks.active
    found = store.read(folder)
    assert len(found) == 14
    assert all([step for step, _ in values] == [0, 1, 2] for values in found.values())


def test_tensorboard_shows_the_config(folder: Path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for _ in range(2):  # the second time as a resumed run
        start(Store("tensorboard", events), folder)
    found = EventAccumulator(str(folder / "tensorboard"))
    found.Reload()
    (shown,) = found.Tensors("config/text_summary")
    assert b"candidates = 5" in shown.tensor_proto.string_val[0]


def test_mlflow_has_parameters_tags_and_artifacts(folder: Path, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name in ("config.toml", "report.html"):
        (folder / name).write_text(name)
    callbacks = start(Store("mlflow", metrics), folder)
    client, run = mlflow_run(folder)
    assert run.info.status == "RUNNING" and run.info.run_name == "a"
    callbacks.finished(SUMMARY)
    client, run = mlflow_run(folder)
    assert run.info.status == "FINISHED"
    assert run.data.params["search.candidates"] == "5"
    assert run.data.params["space.widths"] == "[64, 96]"
    assert run.data.tags["rosearch.best"] == "0123"
    assert run.data.tags["rosearch.folder"] == str(folder)
    artifacts = {f.path for f in client.list_artifacts(run.info.run_id)}
    assert artifacts == {"config.toml", "report.html"}


def test_mlflow_goes_where_the_user_says(folder: Path, tmp_path: Path, empty_store, monkeypatch):
    pytest.importorskip("mlflow")
    from mlflow import MlflowClient

    shutil.copy(empty_store, tmp_path / "elsewhere.db")
    uri = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    monkeypatch.chdir(tmp_path)  # where MLflow keeps artifacts of a store of the user's
    start(Store("mlflow", metrics), folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    start(Store("mlflow", metrics), folder)  # goes on there, whatever is set now
    experiment = MlflowClient(uri).get_experiment_by_name("mine")
    assert len(MlflowClient(uri).search_runs([experiment.experiment_id])) == 1
    assert not MlflowClient(f"sqlite:///{folder.parent / 'mlflow.db'}").search_runs(["1"])


class Broken(Silent):
    def __init__(self) -> None:
        self.calls = 0

    def trial(self, trial: Trial, done: int, total: int) -> None:
        self.calls += 1
        raise OSError("disk\nfull")


class Watching(Silent):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def started(self, config: RunConfig, folder: Path) -> None:
        self.seen.append("started")

    def trial(self, trial: Trial, done: int, total: int) -> None:
        self.seen.append(f"{done}/{total}")


def test_a_callback_that_raises_is_switched_off_and_the_others_go_on(folder: Path, capsys):
    broken, watching = Broken(), Watching()
    callbacks = Callbacks([("broken", broken), ("watching", watching)])
    callbacks.started(CONFIG, folder)
    for i in range(3):
        callbacks.trial(trial(i, 1.0), i + 1, 3)
    callbacks.finished(SUMMARY)
    assert broken.calls == 1 and watching.seen == ["started", "1/3", "2/3", "3/3"]
    assert capsys.readouterr().err == "warning: broken is switched off: OSError: disk full\n"


def test_a_damaged_store_costs_the_tracker_only(folder: Path, capsys, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (folder.parent / "mlflow.db").write_bytes(b"no database at all" * 100)
    callbacks = start(Store("mlflow", metrics), folder)
    callbacks.trial(trial(0, 1.0), 1, 1)
    assert not callbacks.active
    assert "warning: MLflow is switched off" in capsys.readouterr().err


def test_ctrl_c_goes_through(folder: Path):
    class Interrupted(Silent):
        def started(self, config: RunConfig, folder: Path) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Callbacks([("x", Interrupted())]).started(CONFIG, folder)


def test_unknown_names_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"'wandb': expected one or more of tensorboard, mlflow"):
        make_callbacks(["tensorboard,wandb"], tmp_path)


def test_lists_and_repeated_names(tmp_path: Path):
    pytest.importorskip("tensorboard")
    assert make_callbacks([], tmp_path) == []
    made = make_callbacks(["tensorboard, tensorboard", "tensorboard", ""], tmp_path)
    assert [type(callback).__name__ for callback in made] == ["TensorBoard"]
    assert not (tmp_path / "tensorboard").exists()


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_a_missing_package_is_named(name: str, tmp_path: Path, monkeypatch):
    for module in [m for m in sys.modules if m.split(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)  # makes the import fail
    with pytest.raises(MissingExtra, match=rf'pip install "rosearch\[{name}\]"'):
        make_callbacks([name], tmp_path)
