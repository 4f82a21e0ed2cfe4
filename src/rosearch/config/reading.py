"""Configurations from presets, TOML files and single settings, and back to text."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.config.checks import check_config
from rosearch.config.sections import RunConfig
from rosearch.config.setting import fields_of, sections_of
from rosearch.errors import UserError
from rosearch.io.plugins import load_plugins

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

PRESET_NAMES = ("smoke", "quick", "standard", "paper")
PRESET_FOLDER = Path(__file__).parent / "presets"
# What runs did before there was a choice: they end with the settings that they began with.
BEFORE: dict[str, object] = {
    "fitness": {"metric": "accuracy"},
    "teacher": {"sampling": "plain"},
    "distill": {"sampling": "plain"},
}


def make_config(
    preset: str = "quick",
    file: Path | None = None,
    overrides: Mapping[str, object] | None = None,
) -> RunConfig:
    """A preset, a TOML file over it, and single settings over both.

    Args:
        overrides: nested mapping, such as `{"search": {"candidates": 10}}`.

    Raises:
        UserError: an unknown preset, or a field that is unknown or out of range.
    """
    data = merged(preset_settings(preset), read_toml(file) if file else {})
    plugins = dict.fromkeys([*_plugins(data), *_plugins(overrides or {})])
    more = {"plugins": list(plugins)} if plugins else {}
    return from_dict(merged(merged(data, overrides or {}), more))


@cache
def preset_settings(name: str) -> Mapping[str, Mapping[str, object]]:
    """What a preset changes of the defaults.

    Raises:
        UserError: there is no such preset.
    """
    if name not in PRESET_NAMES:
        raise UserError(f"no preset {name!r}; the presets are {', '.join(PRESET_NAMES)}")
    path = PRESET_FOLDER / f"{name}.toml"
    return {k: v for k, v in read_toml(path).items() if isinstance(v, Mapping)}


def read_toml(path: Path) -> dict[str, object]:
    """A TOML file as nested mappings.

    Raises:
        UserError: the file can't be read or is no TOML.
    """
    try:
        return _renamed(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"cannot read the config {path}: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{path} is not valid TOML: {error}") from None


def from_dict(data: Mapping[str, object]) -> RunConfig:
    """The config of nested mappings, missing fields at their defaults; imports its plugins.

    Raises:
        UserError: naming the first field that is unknown, of a wrong type or out of range, or a
            plugin that cannot be imported.
    """
    from pydantic import ValidationError

    import_plugins(data)
    try:
        config = _adapter().validate_python(_renamed(data))
    except ValidationError as error:
        raise UserError(f"config: {_problem(error)}") from None
    check_config(config)
    return config


def of_run(data: Mapping[str, object]) -> RunConfig:
    """The config of a run by all its settings, as `to_dict` gave them, perhaps in an early version.

    Raises:
        UserError: see `from_dict`.
    """
    return from_dict(merged(BEFORE, data))


def to_dict(config: RunConfig) -> dict[str, object]:
    """Nested JSON- and TOML-ready mappings; settings that are None are left out.

    So are plugins where there are none: settings of runs from before plugins keep their checksum.
    """
    plain: dict[str, object] = _adapter().dump_python(config, mode="json", exclude_none=True)
    return plain if config.plugins else {k: v for k, v in plain.items() if k != "plugins"}


def setting(text: str) -> dict[str, object]:
    """`section.name=value` as a nested mapping; the value is read as TOML, else taken as text.

    Raises:
        UserError: not of that form.
    """
    name, equals, value = text.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise UserError(f"--set {text!r}: expected SECTION.NAME=VALUE, such as search.epochs=4")
    try:
        read: object = tomllib.loads(f"value = {value}")["value"]
    except ValueError:
        read = value.strip()
    nested = {keys.pop(): read}
    for key in reversed(keys):
        nested = {key: nested}
    return nested


def merged(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """`over` laid over `base`, mappings merged in depth; neither is changed."""
    out = dict(base)
    for key, value in over.items():
        old = out.get(key)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        out[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return out


def import_plugins(data: Mapping[str, object]) -> None:
    """Import the plugins that settings name.

    Raises:
        UserError: one can't be imported.
    """
    load_plugins(_plugins(data))


def _plugins(data: Mapping[str, object]) -> list[str]:
    """The plugins that settings name, where they are of the right type; checked later."""
    found = data.get("plugins", ())
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


@cache
def _adapter() -> TypeAdapter[RunConfig]:
    from pydantic import ConfigDict, TypeAdapter, with_config

    for section in (RunConfig, *sections_of(RunConfig).values()):
        with_config(ConfigDict(extra="forbid"))(section)
    return TypeAdapter(RunConfig)


def _problem(error: ValidationError) -> str:
    """The first thing that is wrong with what a configuration was made of."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"there is no setting {name!r}; {_advice(name)}"
    field = fields_of(RunConfig).get(name)
    if first["type"] == "literal_error" and field:
        return f"{name}: {field.problem(first['input'])}"
    return f"{name}: {first['msg']} (found {first['input']!r})"


def _advice(unknown: str) -> str:
    known = fields_of(RunConfig)
    alike = get_close_matches(unknown, [*known, *sections_of(RunConfig)], n=1)
    return f"did you mean {alike[0]}?" if alike else "docs/settings.md lists them"


def _renamed(data: Mapping[str, object]) -> dict[str, object]:
    """Settings under their present names.

    Before there were rungs, `slots` was called `lag`; ageing evolution was called after the paper.
    """
    search = data.get("search")
    if not isinstance(search, Mapping):
        return dict(data)
    found = dict(search)
    if "lag" in found:
        found = {"slots": found.pop("lag"), "rungs": [1.0], **found}
    if found.get("strategy") == "rosearch":
        found["strategy"] = "aging_evolution"
    return {**data, "search": found}
