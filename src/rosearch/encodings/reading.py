"""Reading as a choice with genes: what a student does with a text before its tokens. Torch-free.

The reader itself stands in `rosearch.encodings.reader`; it is made of the words of a task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from rosearch.encodings.genes import Choice, gene, genes_of

SWITCH = (True, False)


@dataclass(frozen=True)
class Reading(Choice):
    """What a student does with a text before its tokens; each step may be left out.

    Attributes:
        families: of attacks that it undoes; those that it was not made for are not among them.
    """

    name = "reading"
    text = "unknown words are read as the known words that they stand for"
    source = "Kernighan et al. 1990; Pruthi et al. 2019 (word recognition before the classifier)"
    families = ("inner-letters", "look-alikes", "splits", "joins", "repeats", "leet")

    unicode: bool = gene(
        SWITCH,
        "fold compatibility forms, look-alikes, invisible characters, stray marks and capitals.",
    )
    repeats: bool = gene(SWITCH, "squeeze repeated letters.")
    leet: bool = gene(SWITCH, "read digits and signs inside unknown words as letters.")
    splits: bool = gene(SWITCH, "join words that were split, split words that were joined.")
    dictionary: bool = gene(SWITCH, "correct unknown words, within two edits.")

    @property
    def steps(self) -> tuple[str, ...]:
        """Names of the steps that are taken."""
        return tuple(name for name, on in genes_of(self).items() if on)

    @property
    def key(self) -> str:
        """Such as `reading`, or `reading:unicode+dictionary` where steps are left out."""
        whole = len(self.steps) == len(genes_of(self))
        return self.name if whole else f"{self.name}:{'+'.join(self.steps)}"

    def problems(self) -> list[str]:
        return [] if self.steps else ["one step or more has to be taken; leave reading out else"]

    @classmethod
    def combinations(cls) -> tuple[Self, ...]:
        return tuple(made for made in super().combinations() if made.steps)
