"""Faces: what a package offers to others, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_face(package: str, places: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of a package some of whose modules take long to import.

    Args:
        places: public name -> the package's module that it stands in.
    """

    def find(name: str) -> object:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{places[name]}"), name)

    return find
