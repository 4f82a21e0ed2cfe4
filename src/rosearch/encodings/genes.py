"""Choices with names and values that evolution may change: encodings, inference-time defences.

One such choice is a frozen dataclass; its fields are its genes, an instance is a choice of them.
Its class is what a registry holds. Torch-free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from typing import ClassVar, Self, TypeVar

Gene = str | int | float | bool | tuple[str, ...]  # a tuple is a set: its order has no meaning
G = TypeVar("G", bound=Gene)


def gene(choices: Sequence[G], text: str = "") -> G:
    """A field: the first of its choices is the default.

    Args:
        choices: what a run may choose from, unless its configuration says otherwise.
        text: what it means, for the documentation.
    """
    made: G = field(default=choices[0], metadata={"choices": tuple(choices), "text": text})
    return made


@dataclass(frozen=True)
class Trait:
    """Something that a choice has, as the report estimates its effect.

    Attributes:
        value: a number, whether it has it, or one of several levels.
        unit: of a number: what its effect is the effect of.
    """

    group: str
    name: str
    value: float | bool | str
    unit: str = "per unit"


@dataclass(frozen=True)
class Choice:
    """A named choice with a value for each of its genes; a subclass adds them as fields.

    Attributes:
        text, source: what it does and who says so, for the documentation.
        families: of attacks that are known by it, as attacks state theirs; None if nobody says
            which: no attack can be held out then.
    """

    name: ClassVar[str]
    text: ClassVar[str] = ""
    source: ClassVar[str] = ""
    families: ClassVar[tuple[str, ...] | None] = None

    @property
    def key(self) -> str:
        """Name with all genes: what tables and hashes know it by."""
        return ":".join([self.name, *(_spelt(value) for value in genes_of(self).values())])

    def problems(self) -> list[str]:
        """What is wrong with the genes, in words; empty when they are valid."""
        return []

    @classmethod
    def combinations(cls) -> tuple[Self, ...]:
        """Every combination of the choices of all genes."""
        names = gene_names(cls)
        found = product(*(choices_of(cls)[name] for name in names))
        return tuple(cls(**dict(zip(names, values, strict=True))) for values in found)

    def nearest(self, offered: Sequence[Self]) -> Self:
        """The one of several that differs least, the first of equals."""
        return min(offered, key=lambda other: differences(self, other))

    def numbers(self) -> tuple[float, ...]:
        """The genes as numbers, for models that learn from results; always as many."""
        values, choices = genes_of(self), choices_of(type(self))
        return tuple(n for name in values for n in _numbers(values[name], choices[name]))

    def traits(self) -> tuple[Trait, ...]:
        """The genes as the report tells their effects; always the same names and kinds."""
        found = genes_of(self).items()
        return tuple(Trait(self.name, f"{self.name} {name}", _trait(v)) for name, v in found)


def gene_names(choice: type[Choice] | Choice) -> tuple[str, ...]:
    """Names of the genes: every genotype that is made asks, and `fields` takes its time."""
    names: tuple[str, ...] = choice.__match_args__
    return names


def genes_of(choice: Choice) -> dict[str, Gene]:
    """Values of the genes by name."""
    return {name: getattr(choice, name) for name in gene_names(choice)}


def choices_of(choice: type[Choice]) -> Mapping[str, tuple[Gene, ...]]:
    """What each gene may be by default."""
    return {f.name: f.metadata.get("choices", (f.default,)) for f in fields(choice)}


def differences(a: Choice, b: Choice) -> int:
    """In how many genes two choices of one name differ."""
    ours, theirs = genes_of(a), genes_of(b)
    return sum(_as_set(ours[name]) != _as_set(theirs[name]) for name in ours)


def short(value: object, limit: int = 60) -> str:
    """A value as an error shows it: a file may hold anything, of any length."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _as_set(value: Gene) -> object:
    return frozenset(value) if isinstance(value, tuple) else value


def _spelt(value: Gene) -> str:
    return "+".join(sorted(value)) if isinstance(value, tuple) else str(value)


def _numbers(value: Gene, choices: Sequence[Gene]) -> tuple[float, ...]:
    """A number as it is; of a word, or several, one number for each that there may be."""
    if isinstance(value, int | float):
        return (float(value),)
    words = (word for choice in choices for word in _words(choice))
    return tuple(float(word in _words(value)) for word in dict.fromkeys(words))


def _words(value: Gene) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def _trait(value: Gene) -> float | bool | str:
    return value if isinstance(value, bool | int | float) else _spelt(value)
