"""Protocols: which attacks a model has to stand, as data.

A protocol never changes once results name it; another one gets another name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from rosearch.attacks.limits import Limits
from rosearch.errors import UserError

Group = Literal["edits", "words", "paper", "adaptive"]
# Stands for the user's file in the name of an attack.
NEIGHBOURS = "{neighbours}"


@dataclass(frozen=True)
class Row:
    """One attack of a protocol.

    Attributes:
        name: of the row, and of the file with its results.
        attack: as `rosearch attack` names it; `{neighbours}` is a file of nearest words.
        limits: None has none.
        against: mechanisms that it was written against, see `mechanisms_of`. A row of the group
            `adaptive` is carried out only on models that have one of them.
    """

    name: str
    attack: str
    group: Group
    limits: Limits | None = None
    against: tuple[str, ...] = ()


@dataclass(frozen=True)
class Protocol:
    """What is measured of a model.

    Attributes:
        rows: attacks on a model, each at all temperatures.
        temperatures: of the sweep, besides the one that the model ships with and the one that
            calibrates it on validation texts.
        transfer: names of rows whose adversarial texts of other models are replayed.
        transfer_texts: at most so many texts of the other models are attacked.
        examples: adversarial texts of a row that are kept as a sample.
        false_alarms: rates at which the recall of a rare label is told.
    """

    name: str
    rows: tuple[Row, ...]
    temperatures: tuple[float, ...]
    transfer: tuple[str, ...]
    transfer_texts: int
    examples: int
    false_alarms: tuple[float, ...] = ()

    def row(self, name: str) -> Row:
        """The row of a name."""
        return next(row for row in self.rows if row.name == name)


CAPS = Limits(changed=0.3, candidates=50, queries_per_word=50)
V1 = Protocol(
    name="v1",
    rows=(
        Row("characters", "characters", "edits"),
        Row("first-letter", "first-letter", "edits"),
        Row("two-edits", "two-edits", "edits", against=("reading",)),
        Row("repeats", "repeats", "edits"),
        Row("phonetic", "phonetic", "edits"),
        Row("leet", "leet", "edits"),
        Row("splits", "splits", "edits", against=("reading",)),
        Row("look-alikes", "look-alikes", "edits"),
        Row("real-words", "real-words", "edits", against=("reading",)),
        Row("wordnet", "wordnet", "words"),
        Row("wordnet-capped", "wordnet", "words", CAPS),
        Row("encoder", "encoder", "words"),
        Row("encoder-capped", "encoder", "words", CAPS),
        Row("thesaurus", "thesaurus", "words"),
        Row("thesaurus-capped", "thesaurus", "words", CAPS),
        Row("neighbours", f"neighbours:{NEIGHBOURS}", "words"),
        Row("neighbours-capped", f"neighbours:{NEIGHBOURS}", "words", CAPS),
        Row("textfooler", "textfooler", "paper"),
        Row("textfooler-neighbours", f"textfooler:{NEIGHBOURS}", "paper"),
        Row("worst-edit", "worst-edit", "adaptive", against=("reading",)),
        Row("worst-vote", "worst-vote", "adaptive", against=("votes", "encoding")),
        Row("worst-frame", "worst-frame", "adaptive", against=("votes",)),
        Row("beam", "beam", "adaptive", against=("defence",)),
    ),
    temperatures=(0.1, 1.0, 10.0),
    transfer=("characters", "wordnet", "thesaurus"),
    transfer_texts=50,
    examples=5,
)
V2 = replace(
    V1,
    name="v2",
    transfer=tuple(row.name for row in V1.rows if row.limits is None),
    false_alarms=(0.001, 0.01),
)
OF_V3 = (
    Row("joins", "joins", "edits", against=("reading",)),
    Row("disguises", "disguises", "edits", against=("reading",)),
)
V3 = replace(
    V2,
    name="v3",
    rows=(*V2.rows[:7], *OF_V3, *V2.rows[7:]),
    transfer=(*V2.transfer, *(row.name for row in OF_V3)),
)
PROTOCOLS = {one.name: one for one in (V1, V2, V3)}
NEWEST = V3.name


def find_protocol(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        UserError: there is none.
    """
    if name not in PROTOCOLS:
        raise UserError(f"no protocol {name!r}; there is {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
