"""What a student may have beside its architecture: one optional field of the genotype for each.

Torch-free. A field that is None is left out of JSON form and hash. `space.defences` of a
configuration names those that students of a run may have besides none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rosearch.encodings.genes import Choice
from rosearch.encodings.reading import Reading
from rosearch.space.defences import INFERENCE_DEFENCES
from rosearch.space.votes import FrameVotes, Votes

# Field of the genotype -> what it may hold, by name.
MECHANISMS: Mapping[str, Mapping[str, type[Choice]]] = {
    "defence": INFERENCE_DEFENCES,
    "votes": {kind.name: kind for kind in (Votes, FrameVotes)},
    "reading": {Reading.name: Reading},
}


def mechanism_names() -> tuple[str, ...]:
    """Of all mechanisms, in the order of the fields."""
    return tuple(name for choices in MECHANISMS.values() for name in choices)


def mechanism(name: str) -> type[Choice]:
    """The mechanism of a name."""
    return next(choices[name] for choices in MECHANISMS.values() if name in choices)


def offered(field: str, names: Iterable[str]) -> tuple[Choice | None, ...]:
    """What a field may hold where a run allows the mechanisms of these names; None is none."""
    allowed = [MECHANISMS[field][name] for name in names if name in MECHANISMS[field]]
    return (None, *(made for kind in allowed for made in kind.combinations()))
