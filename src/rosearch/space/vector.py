"""A genotype as numbers, for models that learn from results. Torch-free.

Counts and sizes that differ by factors enter as logarithms; choices as one number each, 0 or 1.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from rosearch.encodings import ENCODINGS
from rosearch.encodings.plain import PLAIN
from rosearch.space.cost import Sizes, flops, input_params, params
from rosearch.space.genotype import ACTIVATIONS, COMBINES, POOLINGS, POSITIONS, Genotype
from rosearch.space.ops import OPS


def vector(g: Genotype, sizes: Sizes) -> np.ndarray:
    """What a genotype has, (features,) float64: the same features for every genotype.

    Operations and activations are told by their share of the nodes, edges by their number.
    """
    n = len(g.nodes)
    families = Counter(OPS[node.op].family for node in g.nodes)
    activations = Counter(node.activation for node in g.nodes)
    joins = Counter(node.combine for node in g.nodes if len(node.inputs) > 1)
    return np.array(
        [
            math.log2(g.embedding_dim),
            math.log2(g.width),
            math.log2(g.repeat),
            float(g.shared and g.repeat > 1),
            *(number for name in ENCODINGS for number in _of_encoding(name, g)),
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
        ]
    )


def _of_encoding(name: str, g: Genotype) -> tuple[float, ...]:
    """Whether a genotype has an encoding, and the genes of it; nothing for the plain one.

    Zeros where it has another, as many as the genes make.
    """
    if name == PLAIN.name:
        return ()
    if name == g.encoding:
        return (1.0, *g.coding.numbers())
    return (0.0,) * (1 + len(ENCODINGS[name]().numbers()))


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
