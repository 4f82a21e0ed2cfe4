"""How students read texts: one file for each encoding, with its genes, key and vocabulary."""

from rosearch.encodings.base import Encoding
from rosearch.encodings.genes import Trait, gene
from rosearch.encodings.plain import PLAIN
from rosearch.io.plugins import Registry

__all__ = ["ENCODINGS", "PLAIN", "Encoding", "Trait", "gene"]

ENCODINGS: Registry[type[Encoding]] = Registry(
    "encoding",
    {
        "plain": "rosearch.encodings.plain:Plain",
        "synonym": "rosearch.encodings.synonym:Synonym",
        "words": "rosearch.encodings.words:Words",
    },
)
