"""Cost of a genotype from formulas, without building a module: parameters and FLOPs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rosearch.encodings.frame import FRAME_ROWS
from rosearch.errors import UserError
from rosearch.space.genotype import Genotype, Node
from rosearch.space.latency import LatencyTable, latency_ms
from rosearch.space.ops import OPS

MAX_POSITIONS = 512
PAIR_FEATURES = 4  # of each token of a pair; see `rosearch.student.pairs`
# What a training step or a query takes besides the student's own work, in FLOPs; see `work`.
FIXED_FLOPS = 2e7

LATENCY_TOKENS = 32  # of the text whose FLOPs and latency are told


@dataclass(frozen=True)
class Sizes:
    """What the cost depends on besides the genotype.

    Attributes:
        rows: encoding key -> rows of the embedding table; see `Genotype.encoding_key`.
        classes: number of labels.
        tokens: sequence length at which FLOPs are counted.
        latency: measured parts on the target device; needed for a limit on the latency only.
        pairs: whether texts come in pairs, which students compare.
        trimmed: encoding key -> rows that trimming the vocabulary left out.
    """

    rows: Mapping[str, int]
    classes: int
    tokens: int = 32
    latency: LatencyTable | None = None
    pairs: bool = False
    trimmed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """Hard limits; None means no limit."""

    max_params: int | None = None
    max_flops: int | None = None
    max_latency_ms: float | None = None


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
    """Parameters of the input stage: embedding table, comparing of pairs, map to the
    width, positions."""
    if not g.has_cell:
        return 0
    rows = FRAME_ROWS if g.framed else sizes.rows[g.encoding_key]
    table = rows * g.embedding_dim
    factor = 0 if g.embedding_dim == g.width else g.embedding_dim * g.width + g.width
    position = MAX_POSITIONS * g.width if g.position == "learned" else 0
    compared = 2 * PAIR_FEATURES * g.embedding_dim if sizes.pairs and g.compares else 0
    return table + factor + position + compared


def saved_params(g: Genotype, sizes: Sizes) -> int:
    """Parameters of embedding and votes that trimming the vocabulary left out."""
    read = g.embedding_dim * (g.has_cell and not g.framed)
    columns = read + sizes.classes * (g.votes is not None)
    return sizes.trimmed.get(g.encoding_key, 0) * columns


def output_params(g: Genotype, sizes: Sizes) -> int:
    """Parameters of the final norm, the pooling, the classifier and the weights of votes."""
    if not g.has_cell:
        return 0
    pooling = g.width + 1 if g.pooling == "attention" else 0
    weights = g.width + 1 if g.framed else 0
    return 2 * g.width + pooling + weights + g.width * sizes.classes + sizes.classes


def vote_params(g: Genotype, sizes: Sizes) -> int:
    """Parameters of the votes: one of each row for each class, and the bias."""
    return 0 if g.votes is None else (sizes.rows[g.encoding_key] + 1) * sizes.classes


def params(g: Genotype, sizes: Sizes) -> int:
    """Exact number of parameters of the student built from `g`."""
    if not g.has_cell:
        return vote_params(g, sizes)
    cell = sum(node_params(node, g.width) for node in g.nodes)
    cells = 1 if g.shared else g.repeat
    ends = input_params(g, sizes) + output_params(g, sizes)
    return ends + cells * cell + vote_params(g, sizes)


def flops(g: Genotype, sizes: Sizes) -> int:
    """FLOPs of one answer to one example of `sizes.tokens` tokens: of one forward pass, or of the
    several that an inference-time defence takes."""
    one = 0
    if g.has_cell:
        factor = 0 if g.embedding_dim == g.width else 2 * g.embedding_dim * g.width * sizes.tokens
        if sizes.pairs and g.compares:  # every token with every other one, and two maps
            factor += 2 * (sizes.tokens + 2 * PAIR_FEATURES) * g.embedding_dim * sizes.tokens
        cell = sum(node_flops(node, g.width, sizes.tokens) for node in g.nodes)
        pooling = 4 * g.width * sizes.tokens if g.pooling == "attention" else 0
        weights = 2 * g.width * sizes.tokens if g.framed else 0
        one = factor + g.repeat * cell + pooling + weights + 2 * g.width * sizes.classes
    if g.votes is not None:  # the pieces of each word are added up by a product with (T, T)
        one += 2 * sizes.tokens**2 * sizes.classes
    return one * g.passes


def work(g: Genotype, sizes: Sizes) -> float:
    """What the duration of an evaluation is expected to be proportional to, in FLOPs.

    FLOPs tell durations well: over the 24 candidates of each of two runs on `mr`, the logarithms of
    both had correlations of 0.92 and 0.99.
    """
    return FIXED_FLOPS + flops(g, sizes)


def latency(g: Genotype, sizes: Sizes) -> float:
    """Estimated milliseconds of one forward pass; see `rosearch.space.latency`."""
    if sizes.latency is None:
        raise UserError("max_latency_ms needs a latency table; see rosearch.student.latency")
    return latency_ms(g, sizes.latency)


# Limit -> the cost that it limits.
COSTS: dict[str, Callable[[Genotype, Sizes], float]] = {
    "max_params": params,
    "max_flops": flops,
    "max_latency_ms": latency,
}


def exceeded(g: Genotype, sizes: Sizes, limits: Limits) -> str | None:
    """Name of the first limit that a genotype exceeds, the cheapest to tell first."""
    for name, cost in COSTS.items():
        limit = getattr(limits, name)
        if limit is not None and cost(g, sizes) > limit:
            return name
    return None


def compression(teacher_params: int, student_params: int) -> float:
    """How many times fewer parameters the student has."""
    return teacher_params / student_params


def efficiency(ratio: float, target: float) -> float:
    """Log compression relative to a target ratio, in [0, 1]: 1 at `target` and beyond."""
    return min(1.0, max(0.0, math.log(ratio) / math.log(target)))
