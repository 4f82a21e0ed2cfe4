"""The comparison with reference students in the report of a run."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from made_runs import EVIL_ATTACK, IMAGE, SCRIPT, TEACHER, made_entry, made_run, made_trials

from rosearch.report.html import render
from rosearch.report.page import _content
from rosearch.report.references import References, references
from rosearch.report.snapshot import read_snapshot
from rosearch.results.folder import RunFolder


def row(kind: str, name: str, size: int, **more: Any) -> dict[str, Any]:
    entry = made_entry(name, size, 0.75, 0.25, **{"relatives": 0.1, EVIL_ATTACK: 0.125})
    return {**entry, "kind": kind, "name": name, "megabytes": 4e-6 * size, **more}


RECIPE = {
    "preset": "textcnn",
    "source": f"Hinton {SCRIPT}",
    "loss": f"soft targets {IMAGE}",
    "departures": "none & all",
}
TABLE: dict[str, Any] = {
    "task": SCRIPT,
    "search_attack": "wordnet",
    "held_out": ["relatives", EVIL_ATTACK],
    "epochs": 4,
    "seeds": 3,
    "versions": {"rosearch": "0.1.0"},
    "rows": [
        row("teacher", "teacher", TEACHER),
        row("search", "best of the run", 1_960_000, id="0123456789abcdef"),
        row("recipe", f"hinton {SCRIPT}", 3_090_882, **RECIPE),
    ],
}


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All of a run's page but the comparison."""
    folder = made_run(tmp_path_factory.mktemp("run"), trials=made_trials(12))
    found = _content(read_snapshot(folder))
    assert found["references"] is None
    return found


def compared(folder: Path, content: str | bytes) -> References:
    path = RunFolder(folder).comparison.table
    path.parent.mkdir()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = references(folder)
    assert found is not None
    return found


def test_a_run_without_a_comparison_has_no_section(content):
    assert "Against reference students" not in render("template.html", False, **content)


def test_every_number_of_the_table_is_told(tmp_path: Path):
    found = compared(tmp_path, json.dumps(TABLE))
    assert found.table is not None
    assert [bool(row.best) for row in found.table.rows] == [False, True, False]
    assert "4 passes" in found.protocol
    assert "3 seeds" in found.protocol
    titles = [" ".join(column) for column in found.table.columns]
    assert titles[7].startswith("After-attack accuracy held-out attack relatives")
    recipe = found.table.rows[2]
    assert recipe.small == (*list(RECIPE.values())[:3], "departs: none & all")
    cells = [cell.main.replace("\u00a0", " ") for cell in recipe.cells]
    assert cells[:4] == ["recipe", "3.09 M", "12.4", "7.3x"]
    assert cells[4:] == ["75.0 %", "25.0 %", "10.0 %", "12.5 %", "1.50 ms"]
    assert all("n\u00a0=\u00a0400" in cell.small for cell in recipe.cells[5:8])
    assert len(found.table.columns) == 1 + len(recipe.cells)


def test_texts_of_the_comparison_are_text(content, tmp_path: Path):
    found = compared(tmp_path, json.dumps(TABLE))
    html = render("template.html", False, **content | {"references": found})
    section = html.split('<section id="references">')[1].split("</section>")[0]
    assert "hinton &lt;script&gt;" in section
    assert "soft targets &#34;&gt;&lt;img" in section
    assert "none &amp; all" in section
    assert "<script" not in section
    assert "<img" not in section
    assert "/home/me" not in section


def changed(*keys: Any, to: Any) -> str:
    table = copy.deepcopy(TABLE)
    place = table
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    return json.dumps(table)


DAMAGED = {
    "cut off": json.dumps(TABLE)[:200],
    "no text": b"\xff\xfe\x00",
    "a list": "[1, 2]",
    "nothing": "null",
    "no rows": changed("rows", to=None),
    "a row is a number": changed("rows", 0, to=7),
    "text for a number": changed("rows", 1, "params", to=SCRIPT),
    "too large a number": changed("rows", 1, "clean", to=10**400),
    "another kind": changed("rows", 1, "kind", to=SCRIPT),
    "an attack is missing": changed("held_out", to=["unknown"]),
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_comparison_is_one_note(tmp_path: Path, damaged: str | bytes):
    found = compared(tmp_path, damaged)
    assert found.table is None
    assert "comparison/comparison.json can't be read" in found.note


def test_the_note_stands_in_the_page_and_the_rest_is_there(content, tmp_path: Path):
    found = compared(tmp_path, "{")
    html = render("template.html", False, **content | {"references": found})
    assert "comparison/comparison.json can&#39;t be read" in html
    assert "Table of reference students" not in html
    assert "Table of the models" in html
