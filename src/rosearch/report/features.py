"""Features of an architecture that the statistics relate to its robustness. Torch-free.

Operations and activations are told by *presence* ("has at least one such node"), not by their share
of the nodes: shares add up to one, so only differences to a left-out operation could be estimated,
and in cells of one node a share is 0 or 1, so that a few of them would decide everything. Presence
grows with the number of nodes, which therefore is a feature of its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from operator import attrgetter
from statistics import fmean
from typing import Literal

import numpy as np

from rosearch.encodings import ENCODINGS
from rosearch.encodings.genes import Choice, Trait
from rosearch.encodings.plain import PLAIN
from rosearch.space.genotype import ACTIVATIONS, POOLINGS, POSITIONS, Genotype
from rosearch.space.mechanisms import MECHANISMS
from rosearch.space.ops import OPS
from rosearch.space.vector import depth, op_families

Kind = Literal["choice", "presence", "amount"]
RARE = 8  # fewer candidates than these tell nothing about what they have
Value = str | bool | float
Values = Callable[[Genotype], Value]


@dataclass(frozen=True)
class Feature:
    """Something that an architecture has.

    Attributes:
        kind: `choice`: one of several levels, each against `baseline`; `presence`: has it or not;
            `amount`: a number.
        unit: of an amount: what its effect is the effect of.
        value: level, presence or number of a genotype.
    """

    group: str
    name: str
    kind: Kind
    value: Values
    baseline: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Column:
    """One column of a regression: an effect to be estimated.

    Attributes:
        feature: name of the feature; a choice of several levels has several columns.
        label: as it is read: `pooling max`, `lstm nodes`, `depth`.
        against: what it is compared with: `mean`, `none`, `per doubling`.
        values: (candidates,).
        having: candidates that have it; for an amount those that differ from the commonest value.
    """

    group: str
    feature: str
    label: str
    against: str
    values: np.ndarray
    having: int


def density(g: Genotype) -> float:
    """Edges of the cell, of those that an acyclic graph of as many nodes could have."""
    n = len(g.nodes)
    return sum(len(set(node.inputs)) for node in g.nodes) / (n * (n + 1) / 2)


def features(genotypes: Sequence[Genotype]) -> list[Feature]:
    """All features in the order in which they enter a model that cannot hold them all.

    The order looks at genotypes only, never at results: encoding, mechanisms, the size of the graph
    and what it does together with mechanisms, pooling, then operations and activations, those that
    are had by the most nearly half first, then the rest.
    """
    genes = [f for e in ENCODINGS.values() for f in _traits(e(), genotypes, lambda g: g.coding)]
    mechanisms = [
        feature
        for field, kinds in MECHANISMS.items()
        for kind in kinds.values()
        for feature in _traits(kind(), genotypes, attrgetter(field))
    ]
    operations = [_operation(family) for family in op_families()]
    activations = [_activation(name) for name in ACTIVATIONS if name != "none"]
    deep = Feature("depth", "depth", "amount", lambda g: math.log2(depth(g)), unit="per doubling")
    wide = Feature("width", "width", "amount", lambda g: math.log2(g.width), unit="per doubling")
    return [
        Feature("encoding", "encoding", "choice", lambda g: g.encoding, PLAIN.name),
        *(_has(field) for field in MECHANISMS),
        deep,
        wide,
        *_interactions(deep, wide, genotypes),
        Feature("pooling", "pooling", "choice", lambda g: g.pooling, POOLINGS[1]),
        *(f for f in genes if f.kind == "amount"),
        Feature("density", "density", "amount", lambda g: 10 * density(g), unit="per 0.1"),
        *_by_balance(operations, genotypes),
        *_by_balance(activations, genotypes),
        Feature("nodes", "nodes of the cell", "amount", lambda g: len(g.nodes), unit="per node"),
        *_by_balance([_combine("multiply"), _combine("concat")], genotypes),
        Feature("norm", "layer norm", "presence", lambda g: any(n.norm != "none" for n in g.nodes)),
        Feature("position", "position", "choice", lambda g: g.position, POSITIONS[0]),
        Feature(
            "embedding",
            "embedding dimension",
            "amount",
            lambda g: math.log2(g.embedding_dim),
            unit="per doubling",
        ),
        Feature("sharing", "shared weights", "presence", lambda g: g.shared and g.repeat > 1),
        *(f for f in genes if f.kind != "amount"),
        *mechanisms,
    ]


def columns_of(feature: Feature, genotypes: Sequence[Genotype]) -> list[Column]:
    """The columns of a feature; none if all candidates have the same value.

    The baseline of a choice is the stated one, or the commonest where that is rare.
    """
    values = [feature.value(g) for g in genotypes]
    named = (feature.group, feature.name)
    if len(set(values)) < 2:
        return []
    if feature.kind == "choice":
        rare = values.count(feature.baseline) < RARE
        base = commonest(values) if rare else feature.baseline
        levels = [level for level in sorted(set(map(str, values))) if level != base]
        found = {level: np.array([v == level for v in values], dtype=float) for level in levels}
        return [
            Column(*named, f"{feature.name} {level}", str(base), has, int(has.sum()))
            for level, has in found.items()
        ]
    numbers = np.array(values, dtype=float)
    if feature.kind == "presence":
        against, having = "none", int(numbers.sum())
    else:
        usual = commonest(values)
        against, having = feature.unit, sum(v != usual for v in values)
    return [Column(*named, feature.name, against, numbers, having)]


def commonest(values: Iterable[str | bool | float]) -> str | bool | float:
    """The most frequent value; of equally frequent ones the first in order."""
    counts = Counter(values)
    return max(sorted(counts), key=counts.__getitem__)


def _has(field: str) -> Feature:
    """Which mechanism a field holds."""

    def name(g: Genotype) -> str:
        choice: Choice | None = getattr(g, field)
        return "none" if choice is None else choice.name

    return Feature(field, field, "choice", name, "none")


def _interactions(deep: Feature, wide: Feature, genotypes: Sequence[Genotype]) -> list[Feature]:
    """What two mechanisms do together, and a mechanism with the shape: beyond the sum of both."""
    some = [_some(field) for field in MECHANISMS]
    had = [sum(bool(f.value(g)) for g in genotypes) for f in some]
    able = [f for f, n in zip(some, had, strict=True) if RARE <= n <= len(genotypes) - RARE]
    pairs = [*combinations(able, 2), *product(able, (deep, wide))]
    return [_product(one, other, genotypes) for one, other in pairs]


def _some(field: str) -> Feature:
    return Feature(field, field, "presence", lambda g: float(getattr(g, field) is not None))


def _product(one: Feature, other: Feature, genotypes: Sequence[Genotype]) -> Feature:
    """Of deviations from the means: so the effects of each alone stay those of the average."""
    means = [fmean(float(f.value(g)) for g in genotypes) for f in (one, other)]

    def value(g: Genotype) -> float:
        return math.prod(float(f.value(g)) - m for f, m in zip((one, other), means, strict=True))

    unit = other.unit or "having both"
    return Feature("interaction", f"{one.name} with {other.name}", "amount", value, unit=unit)


def _traits(
    choice: Choice, genotypes: Sequence[Genotype], of: Callable[[Genotype], Choice | None]
) -> list[Feature]:
    """Of the genes of an encoding or a mechanism.

    Args:
        of: the encoding or mechanism of a genotype.
    """
    having = [own.traits() for g in genotypes if isinstance(own := of(g), type(choice))]
    return [
        _trait(trait, [traits[i].value for traits in having], partial(_value, type(choice), i, of))
        for i, trait in enumerate(choice.traits())
    ]


def _value(
    kind: type[Choice], i: int, of: Callable[[Genotype], Choice | None], usual: Value, g: Genotype
) -> Value:
    own = of(g)
    return own.traits()[i].value if isinstance(own, kind) else usual


def _trait(
    trait: Trait, having: Sequence[Value], value: Callable[[Value, Genotype], Value]
) -> Feature:
    """What all others get does not count: of a number the mean, else what is usual.

    Args:
        having: the values of those that have the trait.
        value: of a genotype, given that of all others.
    """
    named = (trait.group, trait.name)
    if isinstance(trait.value, bool):
        return Feature(*named, "presence", partial(value, False))
    if isinstance(trait.value, str):
        return Feature(*named, "choice", partial(value, trait.value), trait.value)
    mean = fmean(map(float, having)) if having else 0.0
    same = len(set(having)) < 2
    return Feature(
        *named, "amount", (lambda g: mean) if same else partial(value, mean), unit=trait.unit
    )


def _operation(family: str) -> Feature:
    def has(g: Genotype) -> bool:
        return any(OPS[node.op].family == family for node in g.nodes)

    return Feature("operation", f"{family} nodes", "presence", has)


def _activation(name: str) -> Feature:
    def has(g: Genotype) -> bool:
        return any(node.activation == name for node in g.nodes)

    return Feature("activation", f"{name} activations", "presence", has)


def _combine(name: str) -> Feature:
    def has(g: Genotype) -> bool:
        return any(node.combine == name and len(node.inputs) > 1 for node in g.nodes)

    return Feature("combine", f"{name} of inputs", "presence", has)


def _by_balance(found: Sequence[Feature], genotypes: Sequence[Genotype]) -> list[Feature]:
    def imbalance(feature: Feature) -> int:
        having = sum(bool(feature.value(g)) for g in genotypes)
        return abs(2 * having - len(genotypes))

    return sorted(found, key=imbalance)
