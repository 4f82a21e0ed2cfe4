"""Cost of a genotype from formulas, without building a module: parameters and FLOPs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from rosearch.errors import UserError
from rosearch.space.genotype import EMBEDDING_DIMS, ENCODINGS, WIDTHS, Genotype, Node
from rosearch.space.ops import OPS

MAX_POSITIONS = 512


@dataclass(frozen=True)
class Sizes:
    """What the cost depends on besides the genotype.

    Attributes:
        rows: encoding -> rows of the embedding table.
        classes: number of labels.
        tokens: sequence length at which FLOPs are counted.
    """

    rows: Mapping[str, int]
    classes: int
    tokens: int = 32


@dataclass(frozen=True)
class Limits:
    """Hard limits; None means no limit."""

    max_params: int | None = None
    max_flops: int | None = None


def node_params(node: Node, width: int) -> int:
    """Trainable parameters of one node."""
    concat = 0
    if node.combine == "concat" and len(node.inputs) > 1:
        concat = len(node.inputs) * width * width + width
    norm = 2 * width if node.norm == "layer" else 0
    return concat + norm + OPS[node.op].params(width)


def node_flops(node: Node, width: int, tokens: int) -> int:
    """FLOPs of one node for one example of `tokens` tokens."""
    concat = 0
    if node.combine == "concat" and len(node.inputs) > 1:
        concat = 2 * len(node.inputs) * width * width * tokens
    return concat + OPS[node.op].flops(width, tokens)


def input_params(g: Genotype, sizes: Sizes) -> int:
    """Parameters of the input stage: embedding table, map to the width, positions."""
    table = sizes.rows[g.encoding] * g.embedding_dim
    factor = 0 if g.embedding_dim == g.width else g.embedding_dim * g.width + g.width
    position = MAX_POSITIONS * g.width if g.position == "learned" else 0
    return table + factor + position


def output_params(g: Genotype, sizes: Sizes) -> int:
    """Parameters of the final norm, the pooling and the classifier."""
    pooling = g.width + 1 if g.pooling == "attention" else 0
    return 2 * g.width + pooling + g.width * sizes.classes + sizes.classes


def params(g: Genotype, sizes: Sizes) -> int:
    """Exact number of parameters of the student built from `g`."""
    cell = sum(node_params(node, g.width) for node in g.nodes)
    cells = 1 if g.shared else g.repeat
    return input_params(g, sizes) + cells * cell + output_params(g, sizes)


def flops(g: Genotype, sizes: Sizes) -> int:
    """FLOPs of one forward pass of one example of `sizes.tokens` tokens."""
    factor = 0 if g.embedding_dim == g.width else 2 * g.embedding_dim * g.width * sizes.tokens
    cell = sum(node_flops(node, g.width, sizes.tokens) for node in g.nodes)
    pooling = 4 * g.width * sizes.tokens if g.pooling == "attention" else 0
    return factor + g.repeat * cell + pooling + 2 * g.width * sizes.classes


def fits(g: Genotype, sizes: Sizes, limits: Limits) -> bool:
    """Whether a genotype meets every limit."""
    return (limits.max_params is None or params(g, sizes) <= limits.max_params) and (
        limits.max_flops is None or flops(g, sizes) <= limits.max_flops
    )


def check_limits(sizes: Sizes, limits: Limits) -> None:
    """Refuse limits that no genotype can meet.

    Raises:
        UserError: naming the smallest reachable value.
    """
    # The cheapest genotypes: one free op, no factor matrix or the smallest one, no positions.
    cheapest = [
        Genotype(e, w, (Node((0,), "identity"),), encoding=encoding)
        for e in EMBEDDING_DIMS[:2]
        for w in WIDTHS[:2]
        for encoding in ENCODINGS
        if encoding in sizes.rows
    ]
    for name, limit, cost in (
        ("max_params", limits.max_params, params),
        ("max_flops", limits.max_flops, flops),
    ):
        smallest = min(cost(g, sizes) for g in cheapest)
        if limit is not None and limit < smallest:
            raise UserError(f"{name}={limit} cannot be met: the smallest student has {smallest}")


def compression(teacher_params: int, student_params: int) -> float:
    """How many times fewer parameters the student has."""
    return teacher_params / student_params


def efficiency(ratio: float, target: float) -> float:
    """Log compression relative to a target ratio, in [0, 1]: 1 at `target` and beyond."""
    return min(1.0, max(0.0, math.log(ratio) / math.log(target)))
