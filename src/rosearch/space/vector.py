"""A genotype as numbers, for models that learn from results. Torch-free.

Counts and sizes that differ by factors enter as logarithms; choices as one number each, 0 or 1.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from rosearch.space.cost import Sizes, flops, input_params, params
from rosearch.space.genotype import ACTIVATIONS, COMBINES, POOLINGS, POSITIONS, Genotype
from rosearch.space.ops import OPS

FAMILIES = tuple(dict.fromkeys(op.family for op in OPS.values()))
LEAST_TOLERANCE = 0.001  # a tolerance of 0 has no logarithm


def vector(g: Genotype, sizes: Sizes) -> np.ndarray:
    """What a genotype has, (features,) float64: the same features for every genotype.

    Operations and activations are told by their share of the nodes, edges by their number.
    """
    n = len(g.nodes)
    families = Counter(OPS[node.op].family for node in g.nodes)
    activations = Counter(node.activation for node in g.nodes)
    joins = Counter(node.combine for node in g.nodes if len(node.inputs) > 1)
    synonym = g.encoding == "synonym"
    tolerance = math.log2(max(g.tolerance, LEAST_TOLERANCE) / LEAST_TOLERANCE) if synonym else 0.0
    return np.array(
        [
            math.log2(g.embedding_dim),
            math.log2(g.width),
            math.log2(g.repeat),
            float(g.shared and g.repeat > 1),
            float(synonym),
            tolerance,
            *(float(synonym and name in g.lexicons) for name in ("wordnet", "relatives")),
            math.log2(g.max_cluster or 2**10) if synonym else 0.0,
            *(float(g.position == name) for name in POSITIONS),
            *(float(g.pooling == name) for name in POOLINGS),
            float(n),
            math.log2(depth(g)),
            float(sum(len(node.inputs) for node in g.nodes)),
            sum(node.norm == "layer" for node in g.nodes) / n,
            *(joins[name] / n for name in COMBINES),
            *(families[name] / n for name in FAMILIES),
            *(activations[name] / n for name in ACTIVATIONS),
            *(float(reads_first(g, op)) for op in ("lstm", "gru", "attention")),
            math.log2(1 + params(g, sizes) - input_params(g, sizes)),
            math.log2(1 + flops(g, sizes)),
        ]
    )


def depth(g: Genotype) -> int:
    """Nodes on the longest path through the whole stack."""
    longest = [0]
    for node in g.nodes:
        longest.append(1 + max(longest[source] for source in node.inputs))
    return g.repeat * max(longest)


def reads_first(g: Genotype, family: str) -> bool:
    """Whether a node of that family reads the input stage itself."""
    return any(0 in node.inputs and OPS[node.op].family == family for node in g.nodes)
