"""Two runs of version 0.1, as they were left: they open, and say what they said.

Their scores are flat (one attack suite, no named measurements). Students and pages are left out.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rosearch
from rosearch.errors import UserError
from rosearch.export.source import find_source
from rosearch.report.page import write_report
from rosearch.results.decode import decode
from rosearch.results.folder import RunFolder
from rosearch.results.genotypes import find_genotype
from rosearch.results.listing import listed_run
from rosearch.results.summary import Summary, summarise
from rosearch.run.lifecycle import stored_config
from rosearch.space.cost import params

OLD_RUNS = Path(__file__).parent / "old_runs"


@pytest.fixture(params=["smoke", "quick"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> RunFolder:
    """A copy, as whoever reads a store may leave files beside it."""
    return RunFolder(Path(shutil.copytree(OLD_RUNS / request.param, tmp_path / request.param)))


def scores(run: RunFolder) -> list[dict[str, Any]]:
    """Every score as it was stored, in the order of the candidates."""
    with closing(sqlite3.connect(run.database)) as db:
        rows = db.execute("SELECT score FROM trials ORDER BY idx, rung").fetchall()
    return [json.loads(text) for (text,) in rows if text]


def test_the_summary_comes_back_to_the_letter(run: RunFolder):
    text = run.summary.read_text("utf-8")
    found = decode(Summary, json.loads(text), "the summary")
    assert json.dumps(found.to_json(), indent=2) + "\n" == text
    assert found == run.open().meta().summary


def test_the_same_results_give_the_same_summary(run: RunFolder):
    store = run.open()
    stored = store.meta().summary
    assert stored is not None
    finals = store.finals()
    c = run.open().meta().run_config
    made = summarise("mr", c.search, c.seed, store.trials(), finals, stored.seconds)
    assert replace(made, versions=stored.versions, statistics=stored.statistics) == stored


def test_every_number_of_every_candidate_is_as_it_was_stored(run: RunFolder):
    found = rosearch.load_run(run.path)
    table = found.evaluations[found.evaluations["error"].isna()]
    expected = scores(run)
    assert len(table) == len(expected) > 0
    names = [name for name in expected[0] if name != "fidelity"]
    assert table[names].to_dict("records") == [{k: s[k] for k in names} for s in expected]
    assert set(table["fidelity_attack"]) == {"wordnet"}
    assert found.summary is not None and found.summary.best is not None
    assert found.summary.best.id in set(found.candidates["id"])
    assert len(found.attacked(found.summary.best.id, "wordnet")) == found.summary.best.n


def test_its_settings_are_trusted_and_read(run: RunFolder):
    config = stored_config(run.open(), run)
    assert (config.task.name, config.search.attack) == ("mr", "wordnet")
    assert config.final.held_out == ("relatives", "characters")


def test_it_is_listed(run: RunFolder):
    listed, stored = listed_run(run.path), run.open().meta().summary
    assert stored is not None and stored.best is not None
    assert (listed.state, listed.task, listed.done) == ("finished", "mr", stored.candidates)
    longest = [score for score in scores(run) if score["fidelity"]["portion"] == 1]
    assert listed.fitness == max(score["fitness"] for score in longest)
    assert listed.final_after_attack == stored.best.after_attack


def test_it_has_a_report(run: RunFolder):
    page = write_report(run.path).read_text("utf-8")
    stored = run.open().meta().summary
    assert stored is not None
    assert all(entry.id in page for entry in stored.finalists)
    assert "no results on the test split" not in page


def test_its_students_are_found_by_name(run: RunFolder):
    summary = run.open().meta().summary
    assert summary is not None and summary.best is not None
    best = summary.best.id
    with pytest.raises(UserError, match="no best student yet; finish it: rosearch resume"):
        find_source(str(run), {})
    run.student(best).mkdir(parents=True)
    (run.student(best) / "config.json").write_text("{}")
    for name in (str(run), f"{run}:{best[:6]}"):
        source = find_source(name, {})
        assert (source.folder, source.task.name) == (run.student(best), "mr")
        assert source.run is not None and source.run.student == summary.best
    genotype, sizes = find_genotype(f"{run}:{best}")
    assert (genotype.hash, params(genotype, sizes)) == (best, summary.best.params)
