"""docs/attacks.md: up to date, and nothing of an attack is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from rosearch.attacks.document import document, needs
from rosearch.attacks.methods import ATTACKS

PAGE = Path(__file__).parents[2] / "docs" / "attacks.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == document(), (
        "run: python -m rosearch.attacks.document > docs/attacks.md"
    )


@pytest.mark.parametrize("recipe", ATTACKS.values(), ids=list(ATTACKS))
def test_every_attack_says_what_it_needs(recipe):
    page, said = document(), needs(recipe)
    assert said and said in page
    assert recipe.paper in page and recipe.departures in page
    assert (f"`{recipe.name}:FILE`" in said) == recipe.own_lexicon
    assert ("gradients" in said) == recipe.white_box
