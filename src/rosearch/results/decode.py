"""Checked frozen values from JSON: what a run folder holds may be old, cut off or of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from rosearch.errors import UserError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")
_ADAPTERS: dict[object, TypeAdapter[object]] = {}  # by dataclass: making one takes a while


def decode(kind: type[T], data: object, what: str) -> T:
    """A frozen dataclass of plain JSON data; keys that it has no field for are left out.

    Args:
        what: names the data in the message.

    Raises:
        UserError: naming the first field that is missing or of another type.
    """
    from pydantic import TypeAdapter, ValidationError

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    try:
        return cast(T, _ADAPTERS[kind].validate_python(data))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(map(str, first["loc"])) or "all of it"
        raise UserError(f"{what}: damaged: {name}: {first['msg']}") from None
