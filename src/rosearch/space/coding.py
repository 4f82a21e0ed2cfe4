"""Encodings and mechanisms beside the architecture in the JSON form of a genotype.

The genes of an encoding stand flat beside the other fields. Schema 1 names those of the synonym
encoding in every genotype; where the encoding is another one, they stand at their defaults. Those
of a mechanism stand with its name under that of its field, such as `defence`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from rosearch.encodings import ENCODINGS
from rosearch.encodings.base import Encoding
from rosearch.encodings.genes import Choice, Gene, gene_names, genes_of, short
from rosearch.encodings.plain import PLAIN
from rosearch.encodings.synonym import Synonym
from rosearch.errors import UserError
from rosearch.space.mechanisms import MECHANISMS

KEY = "coding"  # the field of a genotype
ALWAYS: dict[str, object] = {**genes_of(Synonym()), "lexicons": []}
_ADAPTERS: dict[type[Choice], TypeAdapter[Choice]] = {}
C = TypeVar("C", bound=Choice)


def flat(encoding: Encoding) -> dict[str, object]:
    """Name and genes of an encoding, JSON-ready."""
    return {"encoding": encoding.name, **ALWAYS, **_written(encoding)}


def nested(choice: Choice | None) -> dict[str, object] | None:
    """Name and genes of a mechanism, JSON-ready."""
    return None if choice is None else {"name": choice.name, **_written(choice)}


def _written(choice: Choice) -> dict[str, Gene | list[str]]:
    genes = genes_of(choice).items()
    return {name: list(v) if isinstance(v, tuple) else v for name, v in genes}


def apart(data: Mapping[str, object]) -> dict[str, object]:
    """A genotype's JSON form with all that concerns the encoding under one key.

    Raises:
        UserError: an unknown encoding.
    """
    if KEY in data:
        raise UserError(f"invalid genotype: {KEY}: there is no such field; name the encoding")
    inner = {"encoding", *ALWAYS, *gene_names(_encoding(data))}
    rest: dict[str, object] = {name: v for name, v in data.items() if name not in inner}
    return {**rest, KEY: {name: v for name, v in data.items() if name in inner}}


def coding_of(value: Encoding | Mapping[str, object]) -> Encoding:
    """What `flat` made of an encoding; a gene that is missing or an empty list has its default.

    Raises:
        UserError: naming the gene that is wrong.
    """
    if isinstance(value, Encoding):
        return value
    found = _encoding(value)
    own = gene_names(found)
    for name, usual in ALWAYS.items():
        given = value.get(name, usual)
        if name not in own and (given != usual or type(given) is not type(usual)):  # 0 is not False
            raise UserError(
                f"invalid genotype: {', '.join(ALWAYS)}: genes of the synonym encoding; "
                f"leave them out for the {found.name} one"
            )
    return _read(found, {name: value[name] for name in own if value.get(name, []) != []})


def reader(field: str) -> Callable[[object], Choice | None]:
    """From what `nested` made of a mechanism to the mechanism; see `_nested_in`."""
    return partial(_nested_in, field)


def _nested_in(field: str, value: object) -> Choice | None:
    """A mechanism; a gene that is missing has its default.

    Raises:
        UserError: naming the mechanism or the gene that is wrong.
    """
    if value is None or isinstance(value, Choice):
        return value
    if not isinstance(value, Mapping):
        raise UserError(f"invalid genotype: {field}: expected an object, found {short(value)}")
    found = _class_of(MECHANISMS[field], f"{field}.name", value.get("name"))
    strange = value.keys() - {"name", *gene_names(found)}
    if strange:
        raise UserError(
            f"invalid genotype: {field}: {found.name} has the genes "
            f"{', '.join(gene_names(found)) or 'none'}, found {short(min(map(str, strange)))}"
        )
    genes = {str(name): v for name, v in value.items() if name != "name"}
    return _read(found, genes, f"{field}.")


def _read(found: type[C], genes: Mapping[str, object], place: str = "") -> C:
    if not genes:
        return found()
    if found not in _ADAPTERS:
        _ADAPTERS[found] = TypeAdapter(found)
    try:
        made = _ADAPTERS[found].validate_json(json.dumps(genes), strict=True)
    except ValidationError as error:
        raise UserError(f"invalid genotype: {place}{first_problem(error)}") from None
    assert isinstance(made, found)
    return made


def first_problem(error: ValidationError) -> str:
    """The first field that is wrong, what is wrong with it, and what was found, in one line."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])[:60] or "genotype"
    field = "".join(c if c.isprintable() else "?" for c in field)  # a file's own text
    return f"{field}: {first['msg']} (found {short(str(first['input'])[:60])})"


def _encoding(data: Mapping[str, object]) -> type[Encoding]:
    return _class_of(ENCODINGS, "encoding", data.get("encoding", PLAIN.name))


def _class_of(registry: Mapping[str, type[C]], field: str, name: object) -> type[C]:
    if not isinstance(name, str) or name not in registry:
        known = ", ".join(registry)
        raise UserError(f"invalid genotype: {field}: expected one of {known}, found {short(name)}")
    return registry[name]
