"""A genotype as numbers, for models that learn from results. Torch-free.

Counts and sizes that differ by factors enter as logarithms; choices as one number each, 0 or 1.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from rosearch.encodings import ENCODINGS
from rosearch.encodings.genes import Choice
from rosearch.encodings.plain import Plain
from rosearch.encodings.synonym import Synonym
from rosearch.space.cost import flops, input_params, params
from rosearch.space.genotype import ACTIVATIONS, COMBINES, POOLINGS, POSITIONS, Genotype
from rosearch.space.mechanisms import MECHANISMS
from rosearch.space.ops import OPS
from rosearch.space.variation import Space


def vector(g: Genotype, space: Space) -> np.ndarray:
    """What a genotype has, (features,) float64: the same features for every genotype of a space.

    Operations and activations are told by their share of the nodes, edges by their number.
    """
    n = len(g.nodes)
    sizes = space.sizes
    encodings = dict.fromkeys((Synonym.name, *space.encodings))
    offered = ((field, c) for field in MECHANISMS for c in space.offered(field) if c is not None)
    mechanisms = dict.fromkeys((field, type(c)) for field, c in offered)
    families = Counter(OPS[node.op].family for node in g.nodes)
    activations = Counter(node.activation for node in g.nodes)
    joins = Counter(node.combine for node in g.nodes if len(node.inputs) > 1)
    return np.array(
        [
            math.log2(g.embedding_dim),
            math.log2(g.width),
            math.log2(g.repeat),
            float(g.shared and g.repeat > 1),
            *(number for name in encodings for number in _one_of(ENCODINGS[name], g.coding)),
            *(float(g.position == name) for name in POSITIONS),
            *(float(g.pooling == name) for name in POOLINGS),
            float(n),
            math.log2(depth(g)),
            float(sum(len(node.inputs) for node in g.nodes)),
            sum(node.norm == "layer" for node in g.nodes) / n,
            *(joins[name] / n for name in COMBINES),
            *(families[name] / n for name in op_families()),
            *(activations[name] / n for name in ACTIVATIONS),
            *(float(reads_first(g, op)) for op in ("lstm", "gru", "attention")),
            math.log2(1 + params(g, sizes) - input_params(g, sizes)),
            math.log2(1 + flops(g, sizes)),
            *(n for field, kind in mechanisms for n in _one_of(kind, getattr(g, field))),
        ]
    )


def _one_of(kind: type[Choice], choice: Choice | None) -> tuple[float, ...]:
    """Whether a choice is of a kind, and its genes; zeros for all others, nothing for the plain
    encoding, which all others are compared with."""
    if kind is Plain:
        return ()
    if type(choice) is kind:  # kinds that extend another have more genes
        return (1.0, *choice.numbers())
    return (0.0,) * (1 + len(kind().numbers()))


def op_families() -> tuple[str, ...]:
    """Families of all operations, those of plugins last."""
    return tuple(dict.fromkeys(op.family for op in OPS.values()))


def depth(g: Genotype) -> int:
    """Nodes on the longest path through the whole stack."""
    longest = [0]
    for node in g.nodes:
        longest.append(1 + max(longest[source] for source in node.inputs))
    return g.repeat * max(longest)


def reads_first(g: Genotype, family: str) -> bool:
    """Whether a node of that family reads the input stage itself."""
    return any(0 in node.inputs and OPS[node.op].family == family for node in g.nodes)
