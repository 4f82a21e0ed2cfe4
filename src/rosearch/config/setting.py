"""What a setting means and may be: said once, in the annotation of its field, and read from there.

Checks of values, `config.toml`, the options of the command line and docs/settings.md ask here. No
heavy imports: the command line's start needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Setting:
    """Stands in an annotation: `epochs: Annotated[int, Setting("Passes.", ge=1, le=9)] = 3`.

    The names that a `Literal` allows need not be said again. What is said of a list holds for each
    of its values.

    Attributes:
        help: sentences for people.
        ge, le: lowest and highest value.
        choices: all that is allowed, where a type can't say it, or what asks for that.
        pattern, form: of a text, as a regular expression and in words.
        distinct: whether the values of a list have to differ.
        unset: what no value means, or an empty list: it is allowed only where this is said.
    """

    help: str
    ge: float | None = None
    le: float | None = None
    choices: tuple[object, ...] | Callable[[], tuple[object, ...]] = ()
    pattern: str = ""
    form: str = ""
    distinct: bool = False
    unset: str = ""


@dataclass(frozen=True)
class Field:
    """A setting of a configuration.

    Attributes:
        name: with its section, such as `search.epochs`.
        kind: the type of its values, a list's being that of what is in it.
        many: whether it is a list; what may be one value or a list is none.
    """

    name: str
    kind: object
    many: bool
    default: object
    setting: Setting

    @property
    def section(self) -> str:
        """Empty for a setting outside of all sections."""
        return self.name.rpartition(".")[0]

    @property
    def key(self) -> str:
        """The name inside its section."""
        return self.name.rpartition(".")[2]

    def value_in(self, config: object) -> object:
        """Its value in a configuration."""
        section = getattr(config, self.section) if self.section else config
        return getattr(section, self.key)

    def choices(self) -> tuple[object, ...]:
        """All values that are allowed, if they can be listed."""
        if get_origin(self.kind) is Literal:
            return get_args(self.kind)
        known = self.setting.choices
        return known if isinstance(known, tuple) else known()

    def allowed(self) -> str:
        """What is allowed, in words; empty if that is anything of the type."""
        if choices := self.choices():
            return f"one of {', '.join(map(str, choices))}"
        s = self.setting
        if s.ge is not None:
            return f"{s.ge:g} or more" if s.le is None else f"{s.ge:g} to {s.le:g}"
        return s.form

    def description(self) -> str:
        """What it means, what is allowed, and what no value means, in sentences."""
        allowed, unset = self.allowed(), self.setting.unset
        found = [self.setting.help]
        if allowed:
            found.append(f"Allowed{', each' if self.many else ''}: {allowed}.")
        if unset:
            found.append(f"{'Empty' if self.many else 'Not set'}: {unset}.")
        return " ".join(found)

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, or the first of several, in words."""
        if value is None:
            return None
        if not isinstance(value, tuple):
            return None if self._allows(value) else f"expected {self.allowed()}, found {value!r}"
        empty = not value and not self.setting.unset
        if empty or (self.setting.distinct and len(set(value)) < len(value)):
            return f"expected one or more different values, found {list(value)}"
        wrong = [v for v in value if not self._allows(v)]
        return f"expected {self.allowed()}, found {wrong[0]!r}" if wrong else None

    def _allows(self, value: Any) -> bool:
        s = self.setting
        if choices := self.choices():
            return value in choices
        if s.pattern and not re.fullmatch(s.pattern, value):
            return False
        low = s.ge is None or value >= s.ge  # neither holds for NaN
        return low and (s.le is None or value <= s.le)


@cache
def fields_of(config: type) -> Mapping[str, Field]:
    """Every setting of a configuration by its name, in the order of the sections and fields."""
    found: dict[str, Field] = {}
    for section, kind in {"": config, **sections_of(config)}.items():
        types = get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            if field.name not in sections_of(kind):
                name = f"{section}.{field.name}".lstrip(".")
                found[name] = _field(name, types[field.name], field.default)
    return found


@cache
def sections_of(config: type) -> Mapping[str, type]:
    """The sections of a configuration: those of its fields that are dataclasses."""
    types = get_type_hints(config)
    return {n: t for n, t in types.items() if isinstance(t, type) and is_dataclass(t)}


def _field(name: str, annotation: Any, default: Any) -> Field:
    if get_origin(annotation) is not Annotated:
        raise TypeError(f"{name}: a setting says what it is, in Annotated[..., Setting(...)]")
    kind, setting = get_args(annotation)
    if get_origin(kind) in (Union, UnionType):
        kind = next(k for k in get_args(kind) if k is not type(None))
    many = get_origin(kind) is tuple
    return Field(name, get_args(kind)[0] if many else kind, many, default, setting)
