"""What is said at a setting's field reaches checks, config.toml, the documentation, the options."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer.main
from typer.testing import CliRunner

from rosearch.cli.main import app
from rosearch.config import (
    PRESET_NAMES,
    RunConfig,
    Setting,
    fields_of,
    from_dict,
    make_config,
    to_dict,
    to_toml,
)
from rosearch.config.defaults import defaults_of
from rosearch.config.document import document
from rosearch.config.names import names
from rosearch.errors import UserError

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
FIELDS = fields_of(RunConfig)
BOUNDED = [name for name, field in FIELDS.items() if field.setting.ge is not None]
LISTED = [name for name, field in FIELDS.items() if field.choices()]


def with_value(name: str, value: object) -> dict[str, object]:
    field = FIELDS[name]
    one = [value] if field.many else value
    return {field.section: {field.key: one}} if field.section else {field.key: one}


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == document(), (
        "run: python -m rosearch.config.document > docs/settings.md"
    )


def test_every_setting_says_what_it_is_and_what_numbers_it_may_have():
    for name, field in FIELDS.items():
        assert field.setting.help.endswith("."), name
        assert field.kind not in (int, float) or field.allowed(), name
        assert field.default is not None or field.setting.unset, name


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_are_allowed_and_what_lies_outside_is_named(name: str):
    setting = FIELDS[name].setting
    for bound, outside in ((setting.ge, -1), (setting.le, 1)):
        if bound is None:
            continue
        kind = FIELDS[name].kind
        assert isinstance(kind, type) and FIELDS[name].problem(_one(name, kind(bound))) is None
        wrong = kind(bound) + outside
        with pytest.raises(UserError) as caught:
            from_dict(with_value(name, wrong))
        allowed = FIELDS[name].allowed()
        assert str(caught.value) == f"config: {name}: expected {allowed}, found {wrong!r}"


@pytest.mark.parametrize("name", LISTED)
def test_other_names_than_those_listed_are_refused(name: str):
    field = FIELDS[name]
    assert all(field.problem(_one(name, choice)) is None for choice in field.choices())
    wrong = "nope" if isinstance(field.choices()[0], str) else 7
    with pytest.raises(UserError) as caught:
        from_dict(with_value(name, wrong))
    listed = ", ".join(map(str, field.choices()))
    assert str(caught.value) == f"config: {name}: expected one of {listed}, found {wrong!r}"


def _one(name: str, value: object) -> object:
    return (value,) if FIELDS[name].many else value


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_a_config_file_says_what_every_setting_means(preset: str):
    config = make_config(preset)
    text = to_toml(config)
    said = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))
    for name, field in FIELDS.items():
        assert field.description() in said, name
        if field.value_in(config) is None:
            assert f"\n# {field.key} =\n" in text
    plain = tomllib.loads(text)
    assert plain == to_dict(config) and from_dict(plain) == config


def test_defaults_in_words_name_the_presets_that_differ():
    assert defaults_of(FIELDS["search.candidates"]) == "64; smoke: 5; quick: 24; paper: 24"
    assert defaults_of(FIELDS["search.minutes"]) == "no limit"
    assert defaults_of(FIELDS["space.ops"]) == "all"
    assert defaults_of(FIELDS["final.held_out"]) == (
        "encoder, characters; smoke: first-letter, characters; "
        "quick: thesaurus, first-letter, phonetic; "
        "standard: thesaurus, first-letter, phonetic, bert-attack; "
        "paper: thesaurus, first-letter, phonetic"
    )


@pytest.mark.parametrize(
    ("command", "option", "name"),
    [
        ("search", "candidates", "search.candidates"),
        ("search", "held_out", "final.held_out"),
        ("search", "seed", "seed"),
        ("search", "fine_tune", "teacher.fine_tune"),
        ("attack", "text_pair_column", "task.text_pair_column"),
        ("compare", "n", "final.attacked"),
    ],
)
def test_options_say_what_their_settings_say(command: str, option: str, name: str):
    params = typer.main.get_command(app).commands[command].params
    (found,) = (p for p in params if p.name == option)
    field = FIELDS[name]
    assert found.help.startswith(field.setting.help)


@pytest.mark.parametrize(("command", "option"), [("search", "--candidates"), ("compare", "--n")])
def test_options_have_the_bounds_of_their_settings(command: str, option: str):
    for value in ("0", "10000001"):
        done = CliRunner().invoke(app, [command, option, value], color=False)
        assert done.exit_code == 2 and option in done.output


def test_a_field_without_a_setting_is_refused():
    @dataclass(frozen=True)
    class Bare:
        epochs: int = 3

    @dataclass(frozen=True)
    class Said:
        epochs: Annotated[int | None, Setting("Passes.", ge=1, unset="none")] = None

    with pytest.raises(TypeError, match="epochs: a setting says what it is"):
        fields_of(Bare)
    (field,) = fields_of(Said).values()
    assert (field.kind, field.many, field.section) == (int, False, "")
    assert field.description() == "Passes. Allowed: 1 or more. Not set: none."
    assert field.problem(0) == "expected 1 or more, found 0"


def test_names_without_a_registry_are_those_of_the_parts_that_know_them():
    from rosearch.distill.augment import SHARES
    from rosearch.distill.defences import DEFENCES
    from rosearch.distill.match_schemes import SCHEMES

    steps = [name for name, entry in DEFENCES.items() if entry.setting == "adversarial"]
    assert set(names("matching")()) == {"none", *SCHEMES}
    assert set(names("augmentation")()) == {"none", *SHARES}
    assert set(names("adversarial training")()) == {"none", *steps}
