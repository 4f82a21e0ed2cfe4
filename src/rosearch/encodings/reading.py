"""Reading as a choice with genes, and the reader that is made of what a task knows. Torch-free."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rosearch.encodings.confusables import LOOK_ALIKES
from rosearch.encodings.genes import Choice, gene, genes_of
from rosearch.encodings.material import ATOMS, Material, known_words, train_counts
from rosearch.encodings.reader import FREQUENT, Reader, as_known

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
    families = ("inner-letters", "look-alikes", "splits", "repeats", "leet")

    unicode: bool = gene(
        SWITCH, "fold compatibility forms, look-alikes, invisible characters and stray marks."
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
        left = "+".join(self.steps) or "nothing"
        return self.name if len(self.steps) == len(genes_of(self)) else f"{self.name}:{left}"


def reader_of(material: Material, lexicons: Iterable[str], texts: Sequence[str]) -> Reader:
    """A reader that knows the words of a task and leaves its train texts as they are.

    Args:
        texts: of the train split, as they are written.
    """
    known = {w: round(p, 1) for w, p in known_words(material, lexicons).items()}
    seen = train_counts(material)
    whole = {w: p for w, p in known.items() if ATOMS.fullmatch(w.replace("'", ""))}
    words = {w: p for w, p in whole.items() if w in seen and (len(w) > 1 or p > FREQUENT)}
    pieces = {w: p for w, p in whole.items() if w not in words}
    apart: set[str] = set()
    while True:
        reader = Reader(words, pieces, apart, LOOK_ALIKES)
        written = [what for text in texts for what, _ in reader.explain(text)]
        new = {form for what in written for form in (what, *as_known(what))} - apart
        if not new:
            return reader
        apart |= new
