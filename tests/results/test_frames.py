"""A stored run as tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_results import made_result
from made_scores import made_score, with_numbers

import rosearch
from rosearch.config import to_dict
from rosearch.encodings.synonym import Synonym
from rosearch.results.store import Store
from rosearch.space.presets import bilstm, text_cnn
from rosearch.types import Candidate, Fidelity, Final, Robustness, Trial

SCORE = made_score(
    clean=0.8, n_clean=600, after_attack=0.25, attack_success_rate=0.6875, attacked=200,
    params=1_000_000, flops=10, latency_ms=1.5, queries=321, train_seconds=1.0,
    attack_seconds=2.0, fitness=1.9, fidelity=Fidelity(2, 0.5, 200, ("wordnet",), None),
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = Store(tmp_path / "run.db", create=True)
    store.set_meta(config=to_dict(rosearch.make_config("quick")), label_names=["a", "b"])
    first = Candidate(0, bilstm(Synonym()), 7)
    store.add_trial(Trial(first, SCORE))
    store.add_trial(Trial(Candidate(1, text_cnn(), 8, parent=first.id), error="no memory"))
    counts = {"wordnet": Robustness("wordnet", 50, 40, 10, 999)}
    final = Final(first.id, 1, first.genotype.to_json(), 10, 70, 100, counts, 1.0, 2.0)
    store.add_final(final)
    store.add_examples(first.id, "wordnet", [made_result(0, original="x")])
    return tmp_path


def test_candidates_and_finals_are_tables(folder: Path):
    run = rosearch.load_run(folder)
    one, failed = run.candidates.to_dict("records")
    assert (one["clean"], one["params"], one["fidelity_attack"]) == (0.8, 1_000_000, "wordnet")
    assert (one["genotype"], one["ops"], one["front"]) == (bilstm(Synonym()), ("lstm",), True)
    assert (failed["error"], failed["parent"], failed["front"]) == ("no memory", one["id"], False)
    (final,) = run.finals.to_dict("records")
    assert (final["clean"], final["attack"], final["after_attack"]) == (0.7, "wordnet", 0.2)
    assert final["low"] < 0.2 < final["high"]
    assert list(run.attacked(one["id"], "wordnet")["original"]) == ["x"]
    assert run.attacked(one["id"], "other").empty
    assert run.summary is None and run.label_names == ("a", "b")


def test_no_run_and_no_student_are_named(folder: Path):
    with pytest.raises(rosearch.UserError, match="no run store"):
        rosearch.load_run(folder / "none")
    with pytest.raises(rosearch.UserError, match="cannot load the model"):
        rosearch.load_run(folder).student("nope")


def test_of_a_candidate_the_highest_rung_counts(folder: Path):
    store = Store(folder / "run.db")
    first, failed = store.trials()
    third = Candidate(2, bilstm(), 9)
    store.add_trial(
        replace(first, score=with_numbers(SCORE, 0.9, params=2_000_000), rung=1),
        Trial(third, with_numbers(SCORE, 0.99, params=1)),
    )
    run = rosearch.load_run(folder)
    rows = {row["id"]: row for row in run.candidates.to_dict("records")}
    assert [row["rung"] for row in rows.values()] == [1, 0, 0]
    assert rows[first.candidate.id]["clean"] == 0.9
    assert [row["front"] for row in rows.values()] == [True, False, False]
    table = run.evaluations
    assert list(zip(table["id"], table["rung"], strict=True)) == [
        (first.candidate.id, 0), (first.candidate.id, 1), (failed.candidate.id, 0), (third.id, 0),
    ]  # fmt: skip
    assert list(table["front"]) == [False, True, False, False]
