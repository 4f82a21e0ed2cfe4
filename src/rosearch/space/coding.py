"""The genes of an encoding in the JSON form of a genotype: flat, beside the other fields.

Schema 1 names the genes of the synonym encoding in every genotype; where the encoding is another
one, they stand at their defaults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields

from pydantic import TypeAdapter, ValidationError

from rosearch.encodings import ENCODINGS
from rosearch.encodings.base import Encoding, genes_of, short
from rosearch.encodings.plain import PLAIN
from rosearch.encodings.synonym import Synonym
from rosearch.errors import UserError

KEY = "coding"  # the field of a genotype
ALWAYS: dict[str, object] = {**genes_of(Synonym()), "lexicons": []}
_ADAPTERS: dict[type[Encoding], TypeAdapter[Encoding]] = {}


def flat(encoding: Encoding) -> dict[str, object]:
    """Name and genes of an encoding, JSON-ready."""
    genes = genes_of(encoding).items()
    own = {name: list(v) if isinstance(v, tuple) else v for name, v in genes}
    return {"encoding": encoding.name, **ALWAYS, **own}


def apart(data: Mapping[str, object]) -> dict[str, object]:
    """A genotype's JSON form with all that concerns the encoding under one key.

    Raises:
        UserError: an unknown encoding.
    """
    if KEY in data:
        raise UserError(f"invalid genotype: {KEY}: there is no such field; name the encoding")
    inner = {"encoding", *ALWAYS, *_names(_class_of(data.get("encoding", PLAIN.name)))}
    rest: dict[str, object] = {name: v for name, v in data.items() if name not in inner}
    return {**rest, KEY: {name: v for name, v in data.items() if name in inner}}


def coding_of(value: Encoding | Mapping[str, object]) -> Encoding:
    """What `flat` made of an encoding; a gene that is missing or an empty list has its default.

    Raises:
        UserError: naming the gene that is wrong.
    """
    if isinstance(value, Encoding):
        return value
    found = _class_of(value.get("encoding", PLAIN.name))
    own = _names(found)
    for name, usual in ALWAYS.items():
        if name not in own and json.dumps(value.get(name, usual)) != json.dumps(usual):
            raise UserError(
                f"invalid genotype: {', '.join(ALWAYS)}: genes of the synonym encoding; "
                f"leave them out for the {found.name} one"
            )
    genes = {name: value[name] for name in own if value.get(name, []) != []}
    try:
        return _adapter(found).validate_json(json.dumps(genes), strict=True)
    except ValidationError as error:
        raise UserError(f"invalid genotype: {first_problem(error)}") from None


def first_problem(error: ValidationError) -> str:
    """The first field that is wrong, what is wrong with it, and what was found, in one line."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])[:60] or "genotype"
    field = "".join(c if c.isprintable() else "?" for c in field)  # a file's own text
    return f"{field}: {first['msg']} (found {short(str(first['input'])[:60])})"


def _class_of(name: object) -> type[Encoding]:
    if not isinstance(name, str) or name not in ENCODINGS:
        known = ", ".join(ENCODINGS)
        raise UserError(f"invalid genotype: encoding: expected one of {known}, found {short(name)}")
    return ENCODINGS[name]


def _names(encoding: type[Encoding]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(encoding))


def _adapter(encoding: type[Encoding]) -> TypeAdapter[Encoding]:
    if encoding not in _ADAPTERS:
        _ADAPTERS[encoding] = TypeAdapter(encoding)
    return _ADAPTERS[encoding]
