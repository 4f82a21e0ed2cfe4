"""Certified shares and calibration errors: store, entries, report."""

from __future__ import annotations

from dataclasses import asdict, replace

from made_summaries import made_summary

from rosearch.export.card import _certified
from rosearch.report.tables import certified_table, clean_cell
from rosearch.results.decode import decode
from rosearch.results.entries import ModelEntry, model_entry, to_json
from rosearch.results.rows import final_of
from rosearch.results.words import certified_lines, clean_words
from rosearch.types import Final, Robustness

COUNTS = {"1 word replaced": 20, "any wordnet": 35}


def final(certified: dict[str, int]) -> Final:
    attacks = {"wordnet": Robustness("wordnet", 100, 80, 50, 900)}
    return Final("abc", 1, None, 1000, 80, 100, attacks, 1.5, 2.0, 1.25, certified=certified)


def test_they_are_kept_and_averaged_over_seeds():
    assert final_of(asdict(final(COUNTS))) == final(COUNTS)
    old = {name: x for name, x in asdict(final({})).items() if name != "certified"}
    assert final_of(old).certified == {}, "runs of before have none"
    other = {"1 word replaced": 30, "any wordnet": 35}
    entry = model_entry([final(COUNTS), final(other)], ("wordnet",), 10_000)
    assert entry.certified == {"1 word replaced": 0.25, "any wordnet": 0.35}
    assert decode(ModelEntry, to_json(entry), "it") == entry
    assert "certified" not in to_json(model_entry([final({})], ("wordnet",), 10_000))


def test_tables_show_them_only_where_there_are_some():
    summary = made_summary("abc")
    assert certified_table(summary) is None and certified_lines({}) == [] and not _certified({})
    shares = {"1 word replaced": 0.2, "any wordnet": 0.35}
    best = replace(summary.best, certified=shares)
    table = certified_table(replace(summary, best=best, finalists=(best,)))
    assert [title for title, _ in table.columns] == ["Model", *shares]
    assert [row.name for row in table.rows] == ["Best student"]
    assert [cell.main for cell in table.rows[0].cells] == ["20.0\u00a0%", "35.0\u00a0%"]
    assert "  any wordnet: 0.350" in certified_lines(shares)
    assert "| any wordnet | 35.0% |" in _certified(shares)


def test_the_calibration_error_stands_below_the_clean_accuracy():
    known = [replace(final({}), calibration_error=gap) for gap in (0.03, 0.05)]
    entry = model_entry(known, ("wordnet",), 10_000)
    assert entry.calibration_error == 0.04
    assert clean_words(entry).endswith("ECE 0.040")
    assert "calibration error 4.0\u00a0%" in clean_cell(entry).small
    early = model_entry([final({})], ("wordnet",), 10_000)
    assert "ECE" not in clean_words(early) and "calibration_error" not in to_json(early)
