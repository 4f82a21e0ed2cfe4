"""Defaults of settings in words: the field's own, and what presets put in its place."""

from __future__ import annotations

from rosearch.config.reading import PRESET_NAMES, preset_settings
from rosearch.config.setting import Field


def default_of(field: Field, preset: str | None = None) -> str:
    """The value in a preset, or the field's own default."""
    section = preset_settings(preset).get(field.section, {}) if preset else {}
    value = section.get(field.key, field.default)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or field.setting.unset
    return field.setting.unset if value is None else str(value)


def defaults_of(field: Field) -> str:
    """The default, then the presets that have another: `64; smoke: 5; quick: 24`."""
    usual = default_of(field)
    others = {preset: default_of(field, preset) for preset in PRESET_NAMES}
    changed = (f"{preset}: {said}" for preset, said in others.items() if said != usual)
    return "; ".join([usual, *changed])
