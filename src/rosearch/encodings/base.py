"""What an encoding is: how a student reads texts, with genes that evolution may change.

Its class is what `ENCODINGS` holds; an instance is an encoding with chosen genes. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from rosearch.encodings.genes import Choice

if TYPE_CHECKING:  # which reads tokenizers
    from rosearch.encodings.material import Material
    from rosearch.encodings.vocabulary import Vocabulary


class GeneSettings(Protocol):
    """What the section `[encoding]` of a configuration says."""

    @property
    def lexicons(self) -> tuple[str, ...]: ...
    @property
    def tolerances(self) -> tuple[float, ...]: ...
    @property
    def max_clusters(self) -> tuple[int, ...]: ...


@dataclass(frozen=True)
class Encoding(Choice):
    """One encoding; a subclass has to give its `name` and `vocabulary`, all else has a default.

    `families` are those besides the ones of the lexicons that it reads.

    Attributes:
        usual_rows: of the embedding, where nothing was prepared: MiniLM's on `mr`.
        as_teacher: whether students read the very tokens that the teacher reads.
    """

    usual_rows: ClassVar[int] = 30_522
    as_teacher: ClassVar[bool] = False

    @classmethod
    def offered(cls, settings: GeneSettings) -> tuple[Self, ...]:
        """What a run may choose from."""
        return cls.combinations()

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
