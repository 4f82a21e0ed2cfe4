"""The page that compares runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_runs import EVIL_ATTACK, SCRIPT, made_run, made_trials
from test_report import Page

from rosearch.errors import UserError
from rosearch.report.compare import differences, write_comparison
from rosearch.results.store import Store


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("runs")
    a, b = made_run(root / "a"), made_run(root / "b", trials=made_trials(20, seed=1))
    Store(b / "run.db").set_meta(config={"task": {"name": SCRIPT}, "search": {"epochs": 3}})
    return a, b


def test_both_fronts_and_models_are_on_one_page(pair: tuple[Path, Path]) -> None:
    path = write_comparison(pair)
    assert path == pair[0] / "compare-b.html"
    page = Page(path)
    a, b = (page.run(i) for i in range(2))
    assert (a["name"], b["name"]) == ("a", "b")
    assert (len(a["id"]), len(b["id"])) == (39, 19)
    assert a["front"] and b["front"]
    rows = [row for row in page.rows if row[0].startswith("After-attack accuracy, held-out")]
    assert len(rows) == 3 * 2  # three models, two held-out attacks
    assert all(len(row) == 3 for row in rows)
    assert ["search.epochs", "\u2013", "3"] in page.rows
    assert not any(row[0] == "task.name" for row in page.rows)  # the same in both
    assert EVIL_ATTACK.split("/")[-1] in page.words
    assert page.words.count("it is still right on") == 2


def test_a_run_under_way_can_be_compared(pair: tuple[Path, Path], tmp_path: Path) -> None:
    young = made_run(tmp_path / "young", finished=False, trials=[])
    page = Page(write_comparison([pair[0], young], tmp_path / "out.html"))
    assert page.run(1)["id"] == []
    assert "still running" in page.words


def test_runs_of_the_same_folder_name_are_told_apart(pair: tuple[Path, Path], tmp_path: Path):
    twin = made_run(tmp_path / "a", finished=False)
    page = Page(write_comparison([pair[0], twin], tmp_path / "out.html"))
    assert page.run(0)["name"] != page.run(1)["name"]
    assert page.run(1)["name"] == f"{tmp_path.name}/a"


def test_bad_arguments_are_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="named twice"):
        write_comparison([pair[0], pair[0] / ".." / "a"])
    with pytest.raises(UserError, match="no folder"):
        write_comparison(pair, tmp_path / "gone" / "out.html")
    with pytest.raises(UserError, match="no run store"):
        write_comparison([pair[0], tmp_path])


def test_only_what_differs_is_listed() -> None:
    found = differences([{"a": "1", "b": "2"}, {"a": "1", "c": "3"}])
    assert [(row.name, row.values) for row in found] == [
        ("b", ("2", "\u2013")),
        ("c", ("\u2013", "3")),
    ]
