"""Reports of runs with other objectives and several attack suites."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from made_runs import made_run, made_trials

from rosearch.config import make_config, to_dict
from rosearch.objectives import OBJECTIVES, Objective
from rosearch.report.history import hypervolume, rung_correlations
from rosearch.report.page import run_page
from rosearch.report.snapshot import Snapshot, read_snapshot
from rosearch.report.tables import headline, verdict
from rosearch.results.entries import AttackEntry
from rosearch.results.store import Store
from rosearch.types import Robustness, Trial


@pytest.fixture
def trials() -> list[Trial]:
    """With a second suite and a measurement of a plugin."""
    found = []
    for t in made_trials(30):
        if t.score is not None:
            first = next(iter(t.score.attacks.values()))
            second = Robustness("pwws", first.n, first.correct, first.survived / 2, 5)  # type: ignore[arg-type]
            measured = {**t.score.measurements, "flops": 1e6 + t.candidate.index, "depth": 3.5}
            t = replace(
                t,
                score=replace(
                    t.score, attacks={first.attack: first, "pwws": second}, measurements=measured
                ),
            )
        found.append(t)
    return found


@pytest.fixture
def depth():
    yield OBJECTIVES.register(Objective("depth", title="depth of the cell"))
    OBJECTIVES.remove("depth")


def snapshot(folder: Path, trials: list[Trial], *objectives: str) -> Snapshot:
    made = made_run(folder, finished=False, trials=trials)
    search = {"objectives": list(objectives), "attack": ["wordnet", "pwws"]}
    Store(made / "run.db").set_meta(config=to_dict(make_config(overrides={"search": search})))
    return read_snapshot(made)


def test_all_objectives_are_drawn_and_told(tmp_path: Path, trials: list[Trial], depth):
    run = snapshot(tmp_path, trials, "accuracy", "pwws", "flops", "depth")
    page = run_page(run, plots=False)
    words = " ".join(page.split())
    assert "clean accuracy, after pwws, FLOPs and depth of the cell together" in words
    assert "(accuracy, pwws, flops, depth)" in words
    for title in ("After pwws", "Flops", "Depth of the cell"):
        assert f'<th scope="col">{title}</th>' in page
    data = json.loads(re.search(r'id="data"[^>]*>(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    assert [axis["kind"] for axis in data["axes"][4:]] == ["share", "number", "number", "score"]
    scores = [t.score for t in run.candidates if t.score]
    assert data["runs"][0]["objective pwws"] == [
        round(s.attacks["pwws"].after_attack, 4) for s in scores
    ]
    volume = data["runs"][0]["hypervolume"]["volume"]
    assert list(volume) == sorted(volume) and 0 < volume[-1] <= 1


def test_two_objectives_have_an_area(tmp_path: Path, trials: list[Trial]):
    run = snapshot(tmp_path, trials, "robustness", "params")
    scores = [t.score for t in run.trials if t.score]
    area, smallest = 0.0, 1e7
    for s in sorted(scores, key=lambda s: (-s.after_attack, s.params)):
        if s.params < smallest:
            area += s.after_attack * (smallest - s.params) / 1e7
            smallest = s.params
    assert hypervolume(run, 10_000_000).volume[-1] == pytest.approx(area, abs=1e-5)


def test_rungs_are_compared_in_what_training_decides(trials: list[Trial], depth):
    low = [t for t in trials if t.score]
    high = [
        replace(t, score=replace(t.score, fidelity=replace(t.score.fidelity, epochs=9)))
        for t in low
        if t.score
    ]
    objectives = tuple(OBJECTIVES[name] for name in ("accuracy", "params", "depth"))
    (rung,) = rung_correlations([*low, *high], objectives)
    assert len(rung.rho) == len(rung.intervals) == 2  # clean accuracy and fitness


def test_further_suites_of_the_search_are_told_beside_the_first(tmp_path: Path):
    run = read_snapshot(made_run(tmp_path))
    assert run.summary is not None
    second = AttackEntry(
        after_attack=0.25, attack_success_rate=0.5, n=400, interval=(0.2, 0.3), queries_per_text=9.0
    )
    told = {
        role: replace(entry, suites={"pwws": second})
        for role in ("teacher", "reference", "best")
        if (entry := getattr(run.summary, role))
    }
    summary = replace(run.summary, **told)
    assert "under pwws, which it knew as well, on 25.0" in verdict(summary)
    table = headline(summary, run.finals)
    place = table.columns.index(("After-attack accuracy", "search attack pwws"))
    assert table.rows[0].cells[place - 1].main.startswith("25.0")
