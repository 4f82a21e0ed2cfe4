"""Groups of options as one parameter of a command.

A command takes a group as one parameter; `with_groups` shows typer the group's fields instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def given(**values: Any) -> dict[str, object]:
    """The options that a user gave: those that are not None."""
    return {key: value for key, value in values.items() if value is not None}


def with_groups(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose parameters of a dataclass type are shown as the options in that dataclass."""
    types = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in types.items() if is_dataclass(kind)}
    shown: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            shown += _options_of(groups[parameter.name])
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            shown.append(parameter.replace(kind=kind, annotation=types[parameter.name]))

    @wraps(command)
    def flat(**values: Any) -> Any:
        for name, group in groups.items():
            values[name] = group(**{f.name: values.pop(f.name) for f in fields(group)})
        return command(**values)

    flat.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    flat.__annotations__ = {p.name: p.annotation for p in shown}
    del flat.__wrapped__  # typer would look through to the groups
    return flat


def _options_of(group: Any) -> list[inspect.Parameter]:
    types = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=types[f.name]
        )
        for f in fields(group)
    ]
