"""The table of `rosearch compare`: what `comparison.json` holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rosearch.results.entries import ModelEntry, to_json
from rosearch.types import Json

# `teacher`; `compressed`: the teacher itself; `search`: of a run; `recipe`; `plain`: a recipe's
# student, plainly distilled. In the order of the table.
Kind = Literal["teacher", "compressed", "search", "recipe", "plain"]
KINDS: tuple[Kind, ...] = ("teacher", "compressed", "search", "recipe", "plain")
_LEFT_OUT = ("genotype", "validation_fitness")


@dataclass(frozen=True, kw_only=True)
class ComparedModel(ModelEntry):
    """One row.

    Attributes:
        megabytes: of its weights.
        preset, source, loss, departures: of a recipe: its student, where it is from, what it trains
            for, and what it departs in.
        label, nonzero_params: of a compressed model.
    """

    megabytes: float
    preset: str | None = None
    source: str | None = None
    loss: str | None = None
    departures: str | None = None
    label: str | None = None
    nonzero_params: int | None = None
    kind: Kind
    name: str

    def to_json(self) -> Json:
        """What is known of it, without the genotype."""
        found = to_json(self)
        kept = ((key, value) for key, value in found.items() if value is not None)
        return {key: value for key, value in kept if key not in _LEFT_OUT}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Models under one protocol: the largest of each kind first.

    Attributes:
        held_out: names of attacks.
        epochs, seeds: of the students' trainings.
        label_names: in the order of the classes.
    """

    task: str
    search_attack: str
    held_out: tuple[str, ...]
    epochs: int
    seeds: int
    rows: tuple[ComparedModel, ...]
    versions: Mapping[str, str]
    label_names: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """The content of `comparison.json`."""
        return {**to_json(self), "rows": [row.to_json() for row in self.rows]}
