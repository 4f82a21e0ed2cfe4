"""The page of results: made of the files beside it, which tell no machine and no path."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from rosearch.space.presets import preset

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


@pytest.fixture(scope="module")
def benchmarks():
    """The modules that measure and that make the page."""
    folder = str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    try:
        import results
        import results_data
        import results_page
        import results_points
        import results_students
        import results_tables

        yield SimpleNamespace(
            results=results,
            data=results_data,
            page=results_page,
            points=results_points,
            students=results_students,
            tables=results_tables,
        )
    finally:
        sys.path.remove(folder)


def test_page_and_files_agree(benchmarks):
    page, tasks = benchmarks.page, benchmarks.page.load()
    for path, made in ((page.PAGE, page.page(tasks)), (page.FIGURE, page.trade_off(tasks))):
        assert made == path.read_text(encoding="utf-8"), "run: python benchmarks/results_page.py"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_of_one_sample_and_tells_no_place(path: Path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r'"[^" ]*/(tmp|home|root|work)/', text)
    found = json.loads(text)
    best = found["protocol"]["best"]
    assert {"reference", "best"} <= found["protocol"].keys()
    for one in found["protocol"].values():
        assert (one["protocol"], one["seed"]) == (best["protocol"], best["seed"])
        assert one["clean"]["n"] == best["clean"]["n"]
        for row in one["rows"]:
            low, high = row["outcome"]["interval"]
            assert low <= row["outcome"]["after_attack"] <= high
            assert row["outcome"]["n"] == one["n"]
        worst = one["worst"]["all"]["after_attack"]
        assert worst <= min(row["outcome"]["after_attack"] for row in one["rows"])


def test_goals_say_by_how_much_they_are_missed(benchmarks):
    """Of figures that are put in: the row of TextFooler 0.05 too low, size far above."""
    page, tables = benchmarks.page, benchmarks.tables
    task = next(one for one in page.load() if one["task"] == "mr")
    tables.row(task, "best", "textfooler")["outcome"]["after_attack"] = 0.428
    cells = {line.split(" | ")[0].strip("| "): line for line in page.goals([task]).splitlines()}
    assert "0.428 (>= 0.478: missed by 0.050)" in cells["after TextFooler"]
    assert "met" in cells["times smaller than the teacher"]
    best, bert = tables.entry(task, "best")["params"], tables.BERT_BASE
    assert f"{bert / best:.1f}x" in tables.sizes(task)


def test_a_point_that_misses_its_goal_is_bold(benchmarks):
    """Of figures that are put in: the attacks of a row of points count, not those of the finals."""
    task = next(one for one in benchmarks.page.load() if one["task"] == "mr")
    best = next(x for x in task["search"]["finalists"] if "balanced" in x["points"])
    seeds = [{"after_attack": x, "balanced_after_attack": x} for x in (0.30, 0.36)]
    mean = benchmarks.students.mean_of(seeds, 500)
    assert mean["after_attack"] == 0.33
    assert mean["interval"][0] < 0.33 < mean["interval"][1] < 0.38
    task["points"] = [{"id": best["id"], "n": 500, "after": {"neighbours": mean, "wordnet": mean}}]
    head, _, *lines = (line.split(" | ") for line in benchmarks.points.points(task).splitlines())
    mine = next(line for line in lines if best["id"][:8] in line[0])
    assert mine[head.index("`neighbours` (held out)")].strip() == "**0.330** (0.35)"
    words = benchmarks.points.points_words(task)
    assert "n = 500 attacked" in words
    assert "seeds at most 0.060 apart" in words


def test_an_ablation_takes_one_thing_at_a_time(benchmarks):
    variants = {v.name: v for v in benchmarks.students.ablation(preset("frame-bilstm"))}
    full = variants["as searched"].what
    assert "no reading" not in variants  # this preset has none
    assert variants["no phrases"].what == full
    assert variants["no worst-case training"].what.votes.share == 0 < full.votes.share
    bare = variants["its cell and nothing else"]
    assert (bare.what.encoding, bare.what.votes, bare.what.nodes) == ("plain", None, full.nodes)
    assert "distill.substitution=0" in bare.settings
    assert len({(v.what, v.settings) for v in variants.values()}) == len(variants)


def test_rows_are_named_with_their_number_of_texts(benchmarks):
    assert benchmarks.results.rows_of("best=500,points") == {"best": 500, "points": 500}
    for wrong in ("bst", "best=many", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="none of teacher, reference"):
            benchmarks.results.rows_of(wrong)


def test_texts_are_cut_and_drawn_the_same_way_every_time(benchmarks, tmp_path: Path):
    data = benchmarks.data
    (tmp_path / "a.tsv").write_text("".join(f'{i} "b c d\tx{i % 2}\n' for i in range(9)))
    files = data.Files("a.tsv", header=False, words=2)
    made = [data.prepare(files, "a.tsv", 4, tmp_path, tmp_path / name) for name in ("1", "2")]
    lines = [json.loads(line) for line in made[0].read_text().splitlines()]
    assert made[0].read_text() == made[1].read_text()
    assert len({line["text"] for line in lines}) == 4
    for line in lines:
        number, word = line["text"].split(" ")
        assert (word, line["label"]) == ('"b', f"x{int(number) % 2}")


def test_paths_in_settings_are_names(benchmarks):
    told = {"train": "/data/sms/train.jsonl", "attack": "neighbours:/x/near.json", "why": "a / b c"}
    assert benchmarks.results.without_paths([told]) == [
        {"train": "train.jsonl", "attack": "neighbours:near.json", "why": "a / b c"}
    ]
    labels = {"labels": ["Sci/Tech", "World"]}
    assert benchmarks.results.without_paths(labels) == labels


def test_a_command_is_kept_once_and_without_paths(benchmarks, tmp_path: Path, monkeypatch):
    words = ["sms", "--data", "/data", "--flags=--workers 1"]
    for more in ([], ["--rows", "best"], []):
        monkeypatch.setattr(sys, "argv", ["/somewhere/results.py", *words, *more])
        benchmarks.results.keep_command(tmp_path / "commands")
    first = "python benchmarks/results.py sms --data data '--flags=--workers 1'"
    lines = benchmarks.results.lines_of(tmp_path / "commands")
    assert lines == [first, f"{first} --rows best"]
    assert benchmarks.results.lines_of(tmp_path / "none") == []


def test_it_is_said_what_was_not_measured_and_what_was_done_to_the_files(benchmarks):
    task = next(one for one in benchmarks.page.load() if one["task"] == "mr")
    assert "the best of a random search" in benchmarks.points.missing(task)
    name = benchmarks.students.FURTHER["random"][0]
    made = {**task, "students": [*task["students"], {"name": name}]}
    assert "random" not in benchmarks.points.missing(made)
    assert "int8" in benchmarks.points.missing({**made, "protocol": {}})
    told = benchmarks.data.cut_and_drawn(benchmarks.data.TASKS["ag_news"])
    assert "cut after 64 words" in told[0] and "3,000" in told[1] and "1,000" in told[2]
    assert benchmarks.data.cut_and_drawn(benchmarks.data.TASKS["mr"]) == []


def test_goals_of_one_task_together(benchmarks):
    """Of figures that are put in: one of the four is missed, then none is."""
    page = benchmarks.page
    task = next(one for one in page.load() if one["task"] == "headlines")
    assert "reached on 1 of 1 (`headlines`)" in page.goals([task])
    benchmarks.tables.finalist(task)["after_attack"] = 0.49
    assert "reached on 0 of 1 (none)" in page.goals([task])


def test_a_search_of_architectures_alone_stands_in_the_claim(benchmarks):
    task = next(one for one in benchmarks.page.load() if one["task"] == "mr")
    name, flags, settings = benchmarks.students.FURTHER["architecture-only"]
    assert flags == ("--preset", "paper") and "distill.substitution=0" in settings
    after = {"textfooler": {"after_attack": 0.125, "interval": [0.1, 0.2]}}
    found = {"name": name, "clean": 0.8125, "after": after}
    task = {**task, "students": [found]}
    assert "| 0.812 | 0.125 [0.100, 0.200] |" in benchmarks.page.claim([task])
