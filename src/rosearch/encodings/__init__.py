"""How students read texts: one file for each encoding, with its genes, key and vocabulary."""

from typing import TYPE_CHECKING

from rosearch.encodings.base import Encoding
from rosearch.encodings.genes import Trait, gene
from rosearch.encodings.plain import PLAIN
from rosearch.plugins import Registry
from rosearch.plugins.faces import lazy_face

if TYPE_CHECKING:
    from rosearch.encodings.material import Material
    from rosearch.encodings.vocabulary import Vocabulary, plain_vocabulary

__all__ = [
    "ENCODINGS",
    "PLAIN",
    "Encoding",
    "Material",
    "Trait",
    "Vocabulary",
    "gene",
    "plain_vocabulary",
]

ENCODINGS: Registry[type[Encoding]] = Registry(
    "encoding",
    {
        "plain": "rosearch.encodings.plain:Plain",
        "synonym": "rosearch.encodings.synonym:Synonym",
    },
)

__getattr__ = lazy_face(
    __name__,
    {"Material": "material", "Vocabulary": "vocabulary", "plain_vocabulary": "vocabulary"},
)
