"""One kind of registry for everything that settings and options name.

A kind has one registry, in the face of its folder; `REGISTRIES` says where, so that earlier parts
(the configuration) can ask for the names that later ones know.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Protocol, TypeVar

from rosearch.errors import UserError

# Kind -> module and name of its registry.
REGISTRIES: dict[str, str] = {
    "operation": "rosearch.space:OPS",
    "encoding": "rosearch.encodings:ENCODINGS",
    "attack": "rosearch.attacks:ATTACKS",
    "constraint": "rosearch.attacks:CONSTRAINTS",
    "lexicon": "rosearch.attacks:LEXICONS",
    "strategy": "rosearch.strategies:STRATEGIES",
    "executor": "rosearch.executors:EXECUTORS",
    "task": "rosearch.tasks:TASKS",
    "objective": "rosearch.objectives:OBJECTIVES",
    "callback": "rosearch.run.callbacks:CALLBACKS",
    "defence": "rosearch.distill.defences:DEFENCES",
    "inference_defence": "rosearch.space.defences:INFERENCE_DEFENCES",
}


class Named(Protocol):
    """An entry: any object with a name, be it a value, a function's wrapper or a class."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)
E = TypeVar("E", bound=Named)


class UnknownName(UserError, KeyError):
    """A name that a registry does not know."""

    __str__ = Exception.__str__  # KeyError would put quotes around the message


class Registry(Mapping[str, T]):
    """Entries by name, the built-in ones first and in the order of their table.

    Args:
        kind: what an entry is, for messages: `attack`, `strategy`, ...
        builtin: name -> `module:OBJECT` of the entry, which is imported when it is first asked
            for. Names, order and `in` need no import.
        advice: what a message about an unknown name ends with.
    """

    def __init__(
        self, kind: str, builtin: Mapping[str, str] | None = None, advice: str = ""
    ) -> None:
        self.kind = kind
        self.advice = advice
        self._builtin = dict(builtin or {})
        self._entries: dict[str, T | None] = dict.fromkeys(self._builtin)  # None: not imported yet

    def register(self, entry: E) -> E:
        """Add an entry; also as a decorator of a class that has a `name`.

        Raises:
            UserError: another entry has this name.
        """
        name = entry.name
        if name in self and self[name] is not entry:
            raise UserError(f"there is another {self.kind} {name!r} already; choose another name")
        self._entries[name] = entry  # type: ignore[assignment]  # E is T: bounds can't say so
        return entry

    def remove(self, name: str) -> None:
        """Forget an entry that was registered; for tests and notebooks, which try things out."""
        del self._entries[name]

    def __getitem__(self, name: str) -> T:
        """The entry of a name.

        Raises:
            UserError: there is none; the message lists those that there are.
        """
        entry = self._entries.get(name)
        return self._imported(name) if entry is None else entry

    def _imported(self, name: str) -> T:
        if name not in self._builtin:
            raise self.unknown(name)
        module, _, inner = self._builtin[name].partition(":")
        entry: T = getattr(import_module(module), inner)
        self._entries[name] = entry
        return entry

    def unknown(self, name: object) -> UnknownName:
        """The error of a name that is none."""
        kinds = f"{self.kind[:-1]}ies" if self.kind.endswith("y") else f"{self.kind}s"
        advice = f"; {self.advice}" if self.advice else ""
        return UnknownName(f"no {self.kind} {name!r}; the {kinds} are {', '.join(self)}{advice}")

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def added(kind: str) -> tuple[Any, ...]:
    """What users have registered of a kind; nothing is imported for it.

    Whoever registers something imports the registry: where that was not, there is nothing.
    """
    module, _, name = REGISTRIES[kind].partition(":")
    found = getattr(sys.modules.get(module), name, None)
    return tuple(found[n] for n in found if n not in found._builtin) if found else ()


def registry(kind: str) -> Registry[Any]:
    """The registry of a kind.

    Raises:
        UserError: no such kind.
    """
    if kind not in REGISTRIES:
        raise UnknownName(f"no kind {kind!r} of entries; there are {', '.join(REGISTRIES)}")
    module, _, name = REGISTRIES[kind].partition(":")
    found: Registry[Any] = getattr(import_module(module), name)
    return found


def known(kind: str) -> tuple[str, ...]:
    """The names of a kind, those of plugins that are loaded among them."""
    return tuple(registry(kind))
