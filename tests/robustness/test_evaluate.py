"""Attacking a model on a task: journal and resume, budgets, targets, worst case, transfer."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from rosearch.cli.attack import results_table
from rosearch.errors import UserError
from rosearch.robustness.evaluate import attack
from rosearch.robustness.report import AttackReport, worst_case
from rosearch.robustness.settings import AttackSettings
from rosearch.robustness.transfer import transfer
from rosearch.tasks import Split, Task

SUITE = ("wordnet", "characters")


def test_an_interrupted_attack_goes_on(folders, mr, tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    whole = attack(folders[0], mr, attacks=SUITE, n=30)

    with monkeypatch.context() as patch:
        patch.setattr("rosearch.attacks.engine.iterate_suite", stopping_after(12))
        with pytest.raises(KeyboardInterrupt):
            attack(folders[0], mr, journal=path, attacks=SUITE, n=30)
    assert len(path.read_text().splitlines()) == 12
    resumed = attack(folders[0], mr, journal=path, attacks=SUITE, n=30)
    same_results(resumed, whole)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted((r["job"], r["index"]) for r in lines) == sorted(
        (name, i) for name in SUITE for i in range(30)
    )
    # all is there: nothing is asked any more, and more texts only ask for the new ones
    with monkeypatch.context() as patch:
        patch.setattr("rosearch.attacks.engine.iterate_suite", stopping_after(0, left=0))
        assert attack(folders[0], mr, journal=path, attacks=SUITE, n=30) == resumed
    attack(folders[0], mr, journal=path, attacks=("wordnet",), n=35)
    assert len(path.read_text().splitlines()) == 65


def same_results(mine: AttackReport, theirs: AttackReport) -> None:
    """Equal but for the rounding of probabilities, which depends on the texts of a batch."""
    for name, results in theirs.results.items():
        for a, b in zip(mine.results[name], results, strict=True):
            assert replace(a, before=(), after=()) == replace(b, before=(), after=())
            assert a.before == pytest.approx(b.before, abs=1e-5)
            assert a.after == pytest.approx(b.after, abs=1e-5)


def stopping_after(n: int, left: int | None = None):
    from rosearch.attacks.engine import iterate_suite

    def iterate(attacks, victim, examples, window):
        examples = list(examples)
        assert left is None or len(examples) == left
        for done, result in enumerate(iterate_suite(attacks, victim, examples, window)):
            if done == n:
                raise KeyboardInterrupt
            yield result

    return iterate


def test_a_journal_of_another_model_or_setting_is_refused(folders, mr, tmp_path):
    path = tmp_path / "a.jsonl"
    attack(folders[0], mr, journal=path, n=5)
    for model, more in ((folders[1], {}), (folders[0], {"max_queries": 7})):
        with pytest.raises(UserError, match="another model, other texts or with other settings"):
            attack(model, mr, journal=path, n=5, **more)
    with pytest.raises(UserError, match="a journal needs a saved model"):
        attack(lambda texts: np.ones((len(texts), 2)), mr, journal=path, n=5)


def test_the_total_budget_is_shared_equally(folders, mr):
    found = attack(folders[0], mr, n=20, total_queries=210)
    assert max(r.queries for r in found.results["wordnet"]) <= 10
    assert found.counts["wordnet"].queries <= 210
    with pytest.raises(UserError, match="19 queries is less than one for each of 20 texts"):
        attack(folders[0], mr, n=20, total_queries=19)


def test_several_attacks_have_a_worst_case(folders, mr):
    found = attack(folders[0], mr, attacks=SUITE, n=30)
    together = attack(folders[0], mr, attacks=("wordnet+characters",), n=30)
    worst, suite = found.counts["all"], together.counts["wordnet+characters"]
    assert (worst.correct, worst.survived) == (suite.correct, suite.survived)
    assert suite.queries <= worst.queries  # a suite leaves flipped texts alone
    survived = [
        all(r.status == "survived" for r in several)
        for several in zip(*found.results.values(), strict=True)
    ]
    assert worst.survived == sum(survived) <= min(found.counts[a].survived for a in SUITE)
    assert [r.status == "survived" for r in worst_case(list(found.results.values()))] == survived


def test_functions_are_victims_and_targets_are_labels():
    texts = tuple(f"{word} film number {i}" for i in range(4) for word in ("good", "bad", "dull"))
    split = Split(texts, tuple(i % 3 for i in range(12)))
    task = Task("three", ("up", "down", "flat"), split, split, split)

    def victim(found: list[str]) -> list[list[float]]:
        flat = ("large", "risky", "dull", "tedious", "slow")
        scores = [
            [2.0 * ("good" in t), 2.0 * ("bad" in t), 1.0 + 2.0 * any(w in t for w in flat)]
            for t in found
        ]
        return [list(np.exp(s) / np.exp(s).sum()) for s in scores]

    anything = attack(victim, task, n=12).counts["wordnet"]
    flat = attack(victim, task, n=12, target="flat")
    assert flat.model == "victim"
    assert {r.label for r in flat.results["wordnet"]} == {0, 1}  # the others are of its class
    assert flat.counts["wordnet"].correct == flat.counts["wordnet"].n == 8
    assert all(np.argmax(r.after) == 2 for r in flat.results["wordnet"] if r.status == "flipped")
    assert anything.correct == 12
    with pytest.raises(UserError, match="no label 'side' to reach; the labels are up, down, flat"):
        attack(victim, task, n=12, target="side")


def test_transfer_counts_what_flips_on_other_models(folders, mr):
    found = attack(folders[0], mr, attacks=SUITE, n=40)
    replayed = transfer(found, folders, mr)
    for name in SUITE:
        flipped = sum(r.status == "flipped" for r in found.results[name])
        same, other = replayed[str(folders[0])][name], replayed[str(folders[1])][name]
        # on the attacked model itself every text was right before and is wrong after
        assert (same.n, same.correct, same.survived) == (flipped, flipped, 0)
        assert 0 < other.survived <= other.correct <= flipped


def test_the_table_has_every_text_as_it_is(folders, mr):
    found = attack(folders[0], mr, n=25)
    rows = list(csv.DictReader(io.StringIO(results_table(found))))
    for row, result in zip(rows, found.results["wordnet"], strict=True):
        assert (row["original"], row["perturbed"]) == (result.original, result.perturbed)
        assert row["status"] == result.status
        assert row["label"] == mr.label_names[result.label]


def test_flipped_texts_are_compared_with_the_original_ones(folders, mr):
    found = attack(folders[0], mr, attacks=SUITE, n=30)
    assert set(found.similarity) == set(SUITE)
    assert all(0.2 < value < 1 for value in found.similarity.values())
    assert found.to_json()["attacks"]["wordnet"]["similarity"] == found.similarity["wordnet"]
    without = attack(folders[0], mr, attacks=SUITE, n=30, similarity=False)
    assert without.similarity == {} and without.results == found.results


def test_settings_are_checked_first():
    for wrong, message in (
        ({"split": "all"}, "no split 'all'"),
        ({"attacks": ("nope",)}, "no attack 'nope'"),
    ):
        with pytest.raises(UserError, match=message):
            AttackSettings(**wrong).check(("a", "b"))
