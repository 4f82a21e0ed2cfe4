"""docs/space.md: up to date, and its formulas are those of the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from rosearch.space.document import document
from rosearch.space.ops import OPS
from rosearch.space.presets import DESCRIPTIONS, PRESETS

PAGE = Path(__file__).parents[2] / "docs" / "space.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == document(), (
        "run: python -m rosearch.space.document > docs/space.md"
    )


@pytest.mark.parametrize("name", OPS)
def test_written_formulas_are_the_ones_computed(name: str):
    op = OPS[name]
    for width in (32, 312):
        known = {"W": width, "T": 17, "n": op.argument}
        counts = [eval(text.replace("^", "**"), {}, known) for text in op.costs]
        assert counts == [op.params(width), op.flops(width, 17)]


def test_every_preset_is_described():
    described = {name.removesuffix("-reading").removesuffix("-synonym") for name in PRESETS}
    alike = {f"frame-{name}" for name in described}
    assert described - alike == set(DESCRIPTIONS) - {"frame-bilstm"}
