"""A run's folder: what it must not change, what an estimate tells, what a user sees."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from made_scores import made_score

import rosearch.run.lifecycle
from rosearch.config import MOST_CANDIDATES, RunConfig, from_dict, make_config, to_dict, to_toml
from rosearch.distill.train import TrainingDiverged
from rosearch.errors import DiskError, UserError
from rosearch.evaluation.costs import Measured
from rosearch.objectives import find_objectives
from rosearch.results.entries import rung_entry
from rosearch.results.folder import RunFolder
from rosearch.results.store import Store
from rosearch.run.callbacks import Silent
from rosearch.run.clock import Clock
from rosearch.run.estimate import estimate, in_words, two_candidates
from rosearch.run.finals import checked
from rosearch.run.lifecycle import config_meta, resume, search, stored_config
from rosearch.run.live import SHOWN, Leaderboard, SearchEstimate, SearchView
from rosearch.run.reference import reference_accuracy
from rosearch.run.search import (
    CheckpointPruner,
    expected_cost,
    scheduler_of,
    search_estimate,
)
from rosearch.run.space import seed_genotypes
from rosearch.space.cost import Sizes, flops
from rosearch.space.variation import Space, sample
from rosearch.strategies.points import choose
from rosearch.strategies.population import front, standing
from rosearch.strategies.posterior import Standard, posterior
from rosearch.types import Candidate, ClassCounts, Fidelity, Job, Trial

CONFIG = make_config("smoke")
SPACE = Space(Sizes({"plain": 3000, "synonym:wordnet:0.015:0": 2000}, 2))
FIDELITY = Fidelity(1, 1.0, 100, ("wordnet",))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.toml").write_text(to_toml(CONFIG), encoding="utf-8")
    Store(folder / "run.db", create=True).set_meta(**config_meta(CONFIG), seconds=1.5)
    return folder


def trials(n: int, rungs: int = 2) -> list[Trial]:
    rng = np.random.default_rng(0)
    found = []
    for i in range(n):
        candidate = Candidate(i, sample(SPACE, rng), i)
        for rung in range(1 + (i % rungs)):
            clean, after = 0.5 + 0.4 * rng.random(), 0.4 * rng.random()
            size = int(1e6 * (1 + rng.random()))
            score = made_score(
                clean, 100, after, 0.5, 100, size, 1, 1.0, 50, 4.0, 2.0, clean + after, FIDELITY
            )
            failed = i % 7 == 6
            error = "ValueError: x" if failed else None
            found.append(Trial(candidate, None if failed else score, error, rung))
    return found


def test_a_new_run_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch):
    seen: list[RunConfig] = []

    def going_on(config: RunConfig, run: RunFolder, store: Store, *_: object) -> dict[str, object]:
        seen.append(config)
        assert store.meta().task == "mr"
        raise KeyboardInterrupt

    class Told(Silent):
        stops = 0

        def stopped(self) -> None:
            self.stops += 1

    monkeypatch.setattr(rosearch.run.lifecycle, "_go_on", going_on)
    out, told = tmp_path / "runs" / "new", Told()
    with pytest.raises(KeyboardInterrupt):
        search(CONFIG, out, callbacks=[told])
    with pytest.raises(KeyboardInterrupt):  # stopped at once, it is a run to go on with
        resume(out, callbacks=[told])
    assert seen == [CONFIG, CONFIG]
    assert told.stops == 2
    assert [path.name for path in out.parent.iterdir()] == ["new"]

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "set_meta", full_disk)
    with pytest.raises(DiskError, match=r"cannot write .*other: No space"):
        search(CONFIG, tmp_path / "runs" / "other")
    assert [path.name for path in out.parent.iterdir()] == ["new"]


def test_the_settings_of_a_run_are_read_back(run: Path):
    assert stored_config(Store(run / "run.db"), RunFolder(run)) == CONFIG
    (run / "config.toml").unlink()
    assert stored_config(Store(run / "run.db"), RunFolder(run)) == CONFIG


def test_settings_changed_in_the_store_are_noticed(run: Path):
    with sqlite3.connect(run / "run.db") as db:
        text = '"candidates": 5'
        found = db.execute("SELECT value FROM meta WHERE key = 'config'").fetchone()[0]
        assert text in found
        changed = found.replace(text, '"candidates": 6')
        db.execute("UPDATE meta SET value = ? WHERE key = 'config'", [changed])
    db.close()
    with pytest.raises(UserError, match="not those that the run was started with"):
        resume(run)


def test_settings_changed_in_the_file_are_noticed(run: Path):
    file = run / "config.toml"
    file.write_text(file.read_text().replace("tournament = 2", "tournament = 3"))
    with pytest.raises(UserError, match=r"config\.toml was changed since the run was started"):
        resume(run)


def test_a_run_of_the_time_before_rungs_and_checksums_is_trusted(run: Path):
    old = to_dict(CONFIG)
    for name in ("rungs", "keep", "slots", "strategy"):
        del old["search"][name]
    old["search"]["lag"] = 2
    store = Store(run / "run.db")
    with sqlite3.connect(store.path) as db:
        db.execute("DELETE FROM meta")
    db.close()
    store.set_meta(config=old)
    text = (run / "config.toml").read_text().splitlines()
    kept = [x for x in text if x.split(" =")[0] not in ("keep", "slots", "strategy")]
    joined = "\n".join(kept).replace("rungs = [\n    0.25,\n    1.0,\n]", "lag = 2")
    assert "lag = 2" in joined
    (run / "config.toml").write_text(joined)
    assert stored_config(store, RunFolder(run)).search.rungs == (1.0,)


def test_nothing_is_extended_in_a_run_that_cannot_be(run: Path):
    before = (run / "config.toml").read_bytes(), Store(run / "run.db").meta()
    with pytest.raises(UserError, match="can only be extended"):
        resume(run, candidates=2)
    assert ((run / "config.toml").read_bytes(), Store(run / "run.db").meta()) == before


def test_a_clock_goes_on_where_an_earlier_one_stopped(run: Path):
    store = Store(run / "run.db")
    clock = Clock(store, minutes=1.0)
    assert clock.run() >= 1.5 and clock.search() == 0 and clock.time_is_left()
    clock.start_search()
    clock.stop_search()
    stopped = clock.search()
    assert clock.search() == stopped
    store.set_meta(search_seconds=59.9)
    assert Clock(store, minutes=1.0).time_is_left()
    store.set_meta(search_seconds=60.0)
    late = Clock(store, minutes=1.0)
    assert not late.time_is_left() and late.meta()["search_seconds"] == 60.0
    assert Clock(store, minutes=None).time_is_left()


def test_checkpoints_of_no_more_use_are_removed(tmp_path: Path):
    scheduler = scheduler_of(CONFIG.search, CONFIG.seed, SPACE, seed_genotypes(SPACE))
    job = scheduler.ask()
    assert job is not None
    names = [f"{job.candidate.id}-{job.candidate.seed}", "0123456789abcdef-7"]
    for name in names:
        (tmp_path / f"{name}.safetensors").write_bytes(b"x")
    checkpoints = CheckpointPruner(tmp_path, scheduler)
    for _ in range(CheckpointPruner.BETWEEN):
        assert len(list(tmp_path.iterdir())) == 2
        checkpoints.tidy()
    assert [p.stem for p in tmp_path.iterdir()] == [names[0]]
    near = CheckpointPruner(tmp_path, scheduler)
    for _ in range(CheckpointPruner.BETWEEN):
        near.tidy({job.candidate.id})
    assert [p.stem for p in tmp_path.iterdir()] == [names[0]]
    CheckpointPruner(None, scheduler).tidy()


def test_the_expected_cost_grows_with_rung_and_student():
    cost = expected_cost((0.1, 1.0), SPACE)
    rng = np.random.default_rng(0)
    some = sorted(
        (Candidate(i, sample(SPACE, rng), 0) for i in range(20)),
        key=lambda c: flops(c.genotype, SPACE.sizes),
    )
    assert cost(Job(0, some[0], 0)) < cost(Job(0, some[-1], 0))
    assert cost(Job(0, some[0], 1)) == pytest.approx(9 * cost(Job(0, some[0], 0)))


def chosen(found: list[Trial], n: int) -> list[Trial]:
    standard = Standard(CONFIG.fitness, 0.8, 0.72)
    believed = posterior(checked(found), [], SPACE, standard)
    return [finalist.trial for finalist in choose(believed, n)]


def test_finalists_are_of_the_last_rung_only():
    found = trials(40)
    assert {t.rung for t in chosen(found, 5)} == {1} and len(chosen(found, 5)) == 5
    with pytest.raises(UserError, match="no candidate succeeded"):
        checked([t for t in found if t.score is None])


def test_a_student_that_always_says_the_same_is_no_finalist(capsys: pytest.CaptureFixture[str]):
    rng, found = np.random.default_rng(0), []
    for i, right in enumerate([0, 20, 1]):  # of 30 of the rare label
        clean, after = (970 + right) / 1000, 0.97 - right / 100
        score = made_score(
            clean, 1000, after, 0.5, 100, 1, 1, 1.0, 50, 4.0, 2.0, clean + after, FIDELITY
        )
        classes = (ClassCounts(970, 970, 1000 - right), ClassCounts(30, right, right))
        found.append(Trial(Candidate(i, sample(SPACE, rng), i), replace(score, classes=classes)))
    assert chosen(found, 3) == front(found) == [found[1]]
    assert max(found, key=standing) is found[1]
    assert "always the same label" not in capsys.readouterr().err
    constant = [found[0], found[2]]
    assert {t.candidate.index for t in chosen(constant, 3)} == {0, 2}
    assert "no student is clearly better than always the same" in capsys.readouterr().err


def test_rungs_are_summed_up():
    found = trials(40)
    entry = rung_entry(found, 1)
    there = [t for t in found if t.rung == 1]
    failed = sum(t.score is None for t in there)
    assert (entry.evaluated, entry.failed) == (len(there), failed)
    assert entry.queries == 50 * (len(there) - failed)


def test_standings_keep_few_and_the_right_ones():
    state, found = Leaderboard(2), trials(100)
    for trial in found:
        state.learn(trial)
    assert {t.candidate.id for t in state.front} == {t.candidate.id for t in front(found)}
    last = {t.candidate.id: t for t in found if t.score}
    assert state.leaders == sorted(last.values(), key=standing, reverse=True)[:SHOWN]
    assert state.done == [100, 50] and state.failed == sum(t.score is None for t in found)


def test_progress_is_told_by_rung(capsys):
    estimate = SearchEstimate((40, 20), (0.2, 0.8))
    view = SearchView(estimate, 22_000_000)
    with view:
        for i, trial in enumerate(trials(40)):
            view.show(trial, 1, fresh=i > 9)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 50
    assert lines[-1].startswith("rung 2/2, candidate 20/20 ")
    assert any("failed: ValueError: x" in line for line in lines)
    assert "after wordnet 0." in lines[-1] and "about 0 s left" in lines[-1]


def test_further_objectives_are_told_and_decide_the_front(capsys):
    objectives = find_objectives(["flops", "robustness"])
    view = SearchView(SearchEstimate((40, 20), (0.2, 0.8)), 22_000_000, objectives)
    found = trials(40)
    for trial in found:
        view.show(trial, 1, fresh=True)
    assert "x smaller, FLOPs 1, fitness " in capsys.readouterr().err
    assert {t.candidate.id for t in view.state.front} == {
        t.candidate.id for t in front(found, objectives)
    }


def test_a_search_without_a_limit_on_candidates_counts_without_a_total(capsys):
    config = make_config("smoke", overrides={"search": {"candidates": MOST_CANDIDATES}})
    view = SearchView(search_estimate(config.search), 22_000_000)
    view.show(trials(1)[0], 1, fresh=True)
    assert "candidate 1 " in capsys.readouterr().err


@pytest.mark.parametrize(("workers", "share"), [(1, 1.0), (2, 0.5), (50, 1 / 8)])
def test_an_estimate_adds_up(workers: int, share: float):
    search = {
        "candidates": 90,
        "rungs": [0.25, 1.0],
        "keep": 3.0,
        "slots": 8,
        "attacked": 100,
        "epochs": 1,
    }
    final = {"finalists": 2, "seeds": 3, "epochs": 4, "attacked": 50, "held_out": ["characters"]}
    config = from_dict({"search": search, "final": final})
    pair = two_candidates(SPACE, 0)
    scores = [t.score for t in trials(2) if t.score and t.candidate.index == 1]
    measured = [[Measured(s.train_seconds, s.attack_seconds, 1.5) for s in scores] for _ in pair]
    found = estimate(config, SPACE, workers, pair, measured, {"wordnet": 0.2, "characters": 0.1})
    rng_free = estimate(config, SPACE, 1, pair, measured, {"wordnet": 0.2, "characters": 0.1})
    assert found.evaluations == (90, 30)
    assert found.search_seconds == pytest.approx(rng_free.search_seconds * share)
    assert found.final_seconds >= 50 * 0.3
    assert found.gigabytes == pytest.approx(found.main_gigabytes + 1.5 * workers)
    words = in_words(found)
    assert "rung 1: 90, rung 2: 30" in words and pair[0].id in words


def test_an_estimate_ends_with_the_time():
    config: RunConfig = make_config("smoke", overrides={"search": {"minutes": 0.01}})
    pair = two_candidates(SPACE, 0)
    measured = [[Measured(1.0, 1.0, 1.0)] * 2 for _ in pair]
    seconds = {"wordnet": 0.1, "relatives": 0.1, "characters": 0.1}
    found = estimate(config, SPACE, 2, pair, measured, seconds)
    assert found.search_seconds == pytest.approx(0.6 * 1.2)  # and the race
    assert found.evaluations[0] < config.search.candidates


def test_a_reference_whose_training_diverges_is_one_line(monkeypatch: pytest.MonkeyPatch):
    def diverging(*_: object, **__: object) -> None:
        raise TrainingDiverged("the loss became nan in batch 3 of 9")

    monkeypatch.setattr("rosearch.distill.train.train_student", diverging)
    context: Any = SimpleNamespace(
        train=None,
        validation=SimpleNamespace(labels=(0, 1)),
        distill=CONFIG.distill,
        fidelities=(FIDELITY,),
        checkpoint=lambda *_: None,
    )
    with pytest.raises(UserError, match=r"reference: the loss became nan .*learning_rate=\S+ may"):
        reference_accuracy(context, CONFIG)
