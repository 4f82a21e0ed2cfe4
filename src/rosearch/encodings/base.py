"""What an encoding is: how a student reads texts, with genes that evolution may change.

An encoding is a frozen dataclass whose fields are its genes; an instance is a choice of them. Its
class is what `ENCODINGS` holds. Torch-free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, TypeVar

if TYPE_CHECKING:  # which reads tokenizers
    from rosearch.encodings.material import Material
    from rosearch.encodings.vocabulary import Vocabulary

Gene = str | int | float | bool | tuple[str, ...]  # a tuple is a set: its order has no meaning
G = TypeVar("G", bound=Gene)


def gene(choices: Sequence[G], text: str = "") -> G:
    """A field of an encoding: the first of its choices is the default.

    Args:
        choices: what a run may choose from, unless its configuration says otherwise.
        text: what it means, for the documentation.
    """
    made: G = field(default=choices[0], metadata={"choices": tuple(choices), "text": text})
    return made


class GeneSettings(Protocol):
    """What the section `[encoding]` of a configuration says."""

    @property
    def lexicons(self) -> tuple[str, ...]: ...
    @property
    def tolerances(self) -> tuple[float, ...]: ...
    @property
    def max_clusters(self) -> tuple[int, ...]: ...


@dataclass(frozen=True)
class Trait:
    """Something that an encoding has, as the report estimates its effect.

    Attributes:
        value: a number, whether it has it, or one of several levels.
        unit: of a number: what its effect is the effect of.
    """

    group: str
    name: str
    value: float | bool | str
    unit: str = "per unit"


@dataclass(frozen=True)
class Encoding:
    """One encoding with a value for each of its genes; a subclass adds them as fields.

    A subclass has to give its `name` and `vocabulary`; all else has a default.

    Attributes:
        text, source: what it does and who says so, for the documentation.
        usual_rows: of the embedding, where nothing was prepared: MiniLM's on `mr`.
        families: of attacks that are known by it, as attacks state theirs, besides those of the
            lexicons that it reads; None if nobody says which: no attack can be held out then.
        as_teacher: whether students read the very tokens that the teacher reads.
    """

    name: ClassVar[str]
    text: ClassVar[str] = ""
    source: ClassVar[str] = ""
    usual_rows: ClassVar[int] = 30_522
    families: ClassVar[tuple[str, ...] | None] = None
    as_teacher: ClassVar[bool] = False

    @property
    def key(self) -> str:
        """Name with all genes: what tables of rows, vocabularies and hashes know it by."""
        return ":".join([self.name, *(_spelt(value) for value in genes_of(self).values())])

    def problems(self) -> list[str]:
        """What is wrong with the genes, in words; empty when they are valid."""
        return []

    @classmethod
    def offered(cls, settings: GeneSettings) -> tuple[Self, ...]:
        """What a run may choose from: every combination of the choices of all genes."""
        names = [f.name for f in fields(cls)]
        found = product(*(choices_of(cls)[name] for name in names))
        return tuple(cls(**dict(zip(names, values, strict=True))) for values in found)

    @classmethod
    def fits(cls, tokenizer: object) -> bool:
        """Whether it can be made of a teacher's Hugging Face tokenizer."""
        return True

    @classmethod
    def vocabularies(cls, wanted: Sequence[Self], material: Material) -> dict[Self, Vocabulary]:
        """Vocabularies of several, for those that can share work."""
        return {encoding: encoding.vocabulary(material) for encoding in wanted}

    def vocabulary(self, material: Material) -> Vocabulary:
        """Tokens and embedding rows, made of the tokenizer, the train split and lexicons."""
        raise NotImplementedError(f"the encoding {self.name} makes no vocabulary")

    def lexicons_read(self, usual: tuple[str, ...]) -> tuple[str, ...]:
        """Lexicons whose substitutions training under this encoding knows.

        Args:
            usual: those of the configuration.
        """
        return usual

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


def genes_of(encoding: Encoding) -> dict[str, Gene]:
    """Values of the genes by name."""
    return {f.name: getattr(encoding, f.name) for f in fields(encoding)}


def choices_of(encoding: type[Encoding]) -> Mapping[str, tuple[Gene, ...]]:
    """What each gene may be by default."""
    return {f.name: f.metadata.get("choices", (f.default,)) for f in fields(encoding)}


def differences(a: Encoding, b: Encoding) -> int:
    """In how many genes two choices of one encoding differ."""
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
