"""Registries: names without imports, entries when asked for, clear errors."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from rosearch.errors import UserError
from rosearch.io.plugins import Registry


@dataclass(frozen=True)
class Thing:
    name: str
    value: int = 0


BUILT_IN = Thing("first", 1)
HERE = f"{__name__}:BUILT_IN"


def make() -> Registry[Thing]:
    return Registry("thing", {"first": HERE, "heavy": "no_such_module:THING"}, "see the manual")


def test_names_need_no_import_and_entries_are_imported_when_asked_for():
    things = make()
    assert list(things) == ["first", "heavy"]
    assert "heavy" in things and "other" not in things and len(things) == 2
    assert things["first"] is BUILT_IN
    with pytest.raises(ModuleNotFoundError):
        things["heavy"]


def test_an_unknown_name_lists_the_known_ones():
    things = make()
    things.register(Thing("mine"))
    with pytest.raises(UserError) as error:
        things["hers"]
    assert str(error.value) == (
        "no thing 'hers'; the things are first, heavy, mine; see the manual"
    )
    assert things.get("hers") is None  # a mapping like any other


def test_registering_adds_at_the_end_and_refuses_a_second_of_the_same_name():
    things = make()
    mine = Thing("mine")
    assert things.register(mine) is mine
    assert things.register(mine) is mine  # the same object: a module that is imported again
    assert things.register(BUILT_IN) is BUILT_IN
    for other in (Thing("mine", 2), Thing("first", 2)):
        with pytest.raises(UserError, match=f"another thing {other.name!r}"):
            things.register(other)
    assert list(things) == ["first", "heavy", "mine"] and len(things) == 3
    things.remove("mine")
    assert "mine" not in things


def test_it_is_a_decorator_of_classes():
    things = make()

    @things.register
    class Other:
        name = "other"

    assert things["other"] is Other
