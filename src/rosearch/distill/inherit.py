"""Weight inheritance: a child starts from its parent's weights wherever node and shape match.

As in evolution with inherited weights (Real et al. 2017, section 3.5) and function-preserving
morphisms (Elsken et al. 2019), but without any claim to keep the function: what doesn't match is
initialised anew. It is for ranking candidates only; finalists are trained from scratch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher

import torch
from torch import Tensor

from rosearch.space.genotype import Genotype, Node
from rosearch.student.model import StudentForSequenceClassification

TABLE = "input.table.weight"


def inherit(
    model: StudentForSequenceClassification,
    child: Genotype,
    parent: Genotype,
    weights: Mapping[str, Tensor],
) -> float:
    """Copy what matches into a fresh student; the share of its parameters that was copied.

    Of an embedding of another dimension the common columns are copied: they are the same principal
    components in both.

    Args:
        model: built from `child`.
        weights: state of a student built from `parent`.
    """
    names = dict(_origins(child, parent, model))
    copied = 0
    with torch.no_grad():
        for name, own in model.named_parameters():
            found = weights.get(names.get(name, ""))
            if found is None:
                continue
            if name == TABLE and child.encoding_key == parent.encoding_key:
                common = min(own.shape[1], found.shape[1])
                own[:, :common] = found[:, :common]
                copied += own.shape[0] * common
            elif name != TABLE and own.shape == found.shape:
                own.copy_(found)
                copied += own.numel()
    return copied / sum(p.numel() for p in model.parameters())


def _origins(
    child: Genotype, parent: Genotype, model: StudentForSequenceClassification
) -> Iterator[tuple[str, str]]:
    """Names of the child's parameters with those of the parent that stand in the same place."""
    nodes = dict(matching_nodes(child, parent))
    last = 0 if parent.shared else parent.repeat - 1
    for name, _ in model.named_parameters():
        if not name.startswith("cells."):
            yield name, name
            continue
        _, cell, _, node, rest = name.split(".", 4)
        if int(node) in nodes:
            yield name, f"cells.{min(int(cell), last)}.nodes.{nodes[int(node)]}.{rest}"


def matching_nodes(child: Genotype, parent: Genotype) -> Iterator[tuple[int, int]]:
    """Positions of equal nodes in the longest common order of both cells."""
    ours, theirs = [_kind(n) for n in child.nodes], [_kind(n) for n in parent.nodes]
    for block in SequenceMatcher(None, theirs, ours, autojunk=False).get_matching_blocks():
        for i in range(block.size):
            yield block.b + i, block.a + i


def _kind(node: Node) -> tuple[object, ...]:
    """What decides a node's parameters and what they are for; not where its inputs come from."""
    projected = len(node.inputs) if node.combine == "concat" else 0
    return node.op, node.norm, node.activation, projected
