"""Budgets: what a run may be extended to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rosearch.config import RunConfig, SearchConfig
from rosearch.errors import UserError
from rosearch.run.budget import extended, without_budget

CONFIG = RunConfig(search=SearchConfig(candidates=20, minutes=10.0))


@pytest.mark.parametrize(
    ("asked", "candidates", "minutes", "queries"),
    [
        ({}, 20, 10, None),
        ({"candidates": "+50"}, 70, 10, None),
        ({"candidates": 70}, 70, 10, None),
        ({"candidates": " 20 ", "minutes": "+2.5"}, 20, 12.5, None),
        ({"queries": "100000"}, 20, 10, 100_000),
    ],
)
def test_a_budget_grows(asked, candidates, minutes, queries):
    longer = extended(CONFIG, **asked)
    s = longer.search
    assert (s.candidates, s.minutes, s.queries) == (candidates, minutes, queries)
    assert without_budget(longer) == without_budget(CONFIG)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"candidates": "many"}, "--candidates many: expected a number, or"),
        ({"candidates": "+2.5"}, "--candidates .2.5: expected a number"),
        ({"candidates": 19}, "can only be extended, and this one has 20 already"),
        ({"candidates": "+-5"}, "expected a number|can only be extended"),
        ({"queries": "+5"}, "the run has no such limit to add to"),
        ({"minutes": "nan"}, "minutes"),
        ({"candidates": "+999999999"}, "search.candidates: expected 1 to 10000000|1e.07"),
    ],
)
def test_what_is_no_larger_budget_is_refused(asked, message):
    with pytest.raises(UserError, match=message):
        extended(CONFIG, **asked)


def test_the_rest_of_a_run_tells_runs_apart():
    other = replace(CONFIG, search=replace(CONFIG.search, epochs=9))
    assert without_budget(other) != without_budget(CONFIG)
