"""Options that stand for settings: help, range and default come from the setting's field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import typer
from typer.core import TyperCommand, TyperOption

from rosearch.config import Field, RunConfig, fields_of, names
from rosearch.config.defaults import default_of, defaults_of


def option_of(
    name: str,
    *flags: str,
    preset: str | None = None,
    default: str = "",
    beside: str = "",
    metavar: str | None = None,
) -> Any:
    """The option of a setting, for a parameter that is None where it is not given.

    Args:
        name: such as `search.epochs`.
        flags: if they are not the parameter's name.
        preset: the one that the command starts from; none if it may be any.
        default: what to show as the default, instead of the setting's.
        beside: what to add to it.
    """
    field = fields_of(RunConfig)[name]
    shown = default or (_default(field, flags) if preset is None else default_of(field, preset))
    return typer.Option(
        *flags,
        help=_help(field),
        metavar=metavar,
        min=None if field.many else field.setting.ge,
        max=None if field.many else field.setting.le,
        show_default="; ".join(filter(None, [shown, beside])),
    )


class CommandWithNames(TyperCommand):
    """A command whose help lists names that are looked up when it is shown, and not before."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Put names in the place of `{what they are of}`."""
        for parameter in self.params:
            if isinstance(parameter, TyperOption) and parameter.help:
                parameter.help = re.sub(r"\{([\w.]+)\}", _names, parameter.help)
        super().format_help(ctx, formatter)


def _help(field: Field) -> str:
    s = field.setting
    return " ".join(
        [
            s.help,
            *([f"One of {{{field.name}}}."] if callable(s.choices) else []),
            *(["May be repeated."] if field.many else []),
        ]
    )


def _default(field: Field, flags: tuple[str, ...]) -> str:
    if not isinstance(field.default, bool):
        return defaults_of(field)
    on, off = (flag.lstrip("-") for flag in flags[0].split("/"))
    return on if field.default else off


def _names(found: re.Match[str]) -> str:
    return ", ".join(map(str, _listed(found.group(1))))


def _listed(what: str) -> Iterable[object]:
    """The choices of a setting, or all names of a kind."""
    if "." in what:
        return fields_of(RunConfig)[what].choices()
    return _LISTS[what]() if what in _LISTS else names(what)()


def _recipes() -> Iterable[str]:
    from rosearch.baselines.recipes import RECIPES

    return RECIPES


_LISTS: dict[str, Callable[[], Iterable[object]]] = {"recipes": _recipes}
