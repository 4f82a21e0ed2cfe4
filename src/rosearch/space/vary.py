"""Sampling, mutation and crossover of genotypes.

All randomness comes from the generator passed in; arguments are never changed. Limits are met by
repair (shrinking the largest table or matrix first) and a bounded number of tries, then a clear
error: never by an endless loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from rosearch.errors import UserError
from rosearch.space.cost import Limits, Sizes, check_limits, fits
from rosearch.space.genotype import (
    ACTIVATIONS,
    COMBINES,
    EMBEDDING_DIMS,
    ENCODINGS,
    MAX_INPUTS,
    MAX_NODES,
    NORMS,
    POOLINGS,
    POSITIONS,
    WIDTHS,
    Activation,
    Encoding,
    Genotype,
    Node,
    Pooling,
    Position,
)
from rosearch.space.ops import OPS

T = TypeVar("T")
TRIES = 200


@dataclass(frozen=True)
class Space:
    """What may be sampled: the allowed values of every gene, sizes and limits.

    Raises:
        UserError: an empty or unknown choice, or a limit that no genotype can meet.
    """

    sizes: Sizes
    limits: Limits = field(default_factory=Limits)
    ops: tuple[str, ...] = tuple(OPS)
    widths: tuple[int, ...] = (64, 96, 128, 160, 192, 256)
    embedding_dims: tuple[int, ...] = (32, 48, 64, 96, 128)
    positions: tuple[Position, ...] = POSITIONS
    encodings: tuple[Encoding, ...] = ENCODINGS
    poolings: tuple[Pooling, ...] = POOLINGS
    activations: tuple[Activation, ...] = ACTIVATIONS
    max_nodes: int = 6
    max_repeat: int = 3

    def __post_init__(self) -> None:
        for name, chosen, known in (
            ("ops", self.ops, tuple(OPS)),
            ("widths", self.widths, WIDTHS),
            ("embedding_dims", self.embedding_dims, EMBEDDING_DIMS),
            ("positions", self.positions, POSITIONS),
            ("encodings", self.encodings, ENCODINGS),
            ("poolings", self.poolings, POOLINGS),
            ("activations", self.activations, ACTIVATIONS),
        ):
            unknown = [value for value in chosen if value not in known]
            if unknown or not chosen:
                raise UserError(
                    f"space: {name}: expected one or more of "
                    f"{', '.join(map(str, known))}; found {list(chosen)}"
                )
        if not 1 <= self.max_nodes <= MAX_NODES:
            raise UserError(f"space: max_nodes: expected 1 to {MAX_NODES}, found {self.max_nodes}")
        check_limits(self.sizes, self.limits)

    def fits(self, g: Genotype) -> bool:
        """Whether a genotype meets the limits."""
        return fits(g, self.sizes, self.limits)


def sample(space: Space, rng: np.random.Generator) -> Genotype:
    """A random genotype of the space within its limits."""
    for _ in range(TRIES):
        g = repair(_sample_once(space, rng), space)
        if g is not None:
            return g
    raise UserError(
        f"no genotype within the limits {space.limits} was found in {TRIES} samples; "
        "raise the limit or allow smaller widths and embedding_dims"
    )


def mutate(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype:
    """A neighbour of `g`: one random change that changes the canonical hash, within the limits."""
    for _ in range(TRIES):
        change = _pick(rng, MUTATIONS)
        child = change(g, space, rng)
        repaired = repair(child, space) if child is not None else None
        if repaired is not None and repaired.hash != g.hash:
            return repaired
    raise UserError(f"no mutation of {g.hash} within the limits was found in {TRIES} tries")


def crossover(a: Genotype, b: Genotype, space: Space, rng: np.random.Generator) -> Genotype:
    """A child of two parents: each gene of the input stage from either, one-point over the nodes.

    The tail of `b`'s cell follows the head of `a`'s; inputs that fall out of range are wrapped
    into the nodes that exist.
    """
    for _ in range(TRIES):
        head = int(rng.integers(0, len(a.nodes) + 1))
        tail = int(rng.integers(0, len(b.nodes) + 1))
        nodes = (*a.nodes[:head], *b.nodes[tail:])[: space.max_nodes]
        if not nodes:
            continue
        child = Genotype(
            embedding_dim=_pick(rng, (a, b)).embedding_dim,
            width=_pick(rng, (a, b)).width,
            nodes=tuple(_in_range(node, i) for i, node in enumerate(nodes, start=1)),
            position=_pick(rng, (a, b)).position,
            encoding=_pick(rng, (a, b)).encoding,
            pooling=_pick(rng, (a, b)).pooling,
            repeat=_pick(rng, (a, b)).repeat,
            shared=_pick(rng, (a, b)).shared,
        )
        repaired = repair(child, space)
        if repaired is not None:
            return repaired
    raise UserError(f"no child of {a.hash} and {b.hash} within the limits in {TRIES} tries")


def repair(g: Genotype, space: Space) -> Genotype | None:
    """`g` shrunk until it meets the limits; None if even its smallest form does not."""
    while not space.fits(g):
        smaller = _shrunk(g, space)
        if smaller is None:
            return None
        g = smaller
    return g


def _shrunk(g: Genotype, space: Space) -> Genotype | None:
    narrower_table = [e for e in space.embedding_dims if e < g.embedding_dim]
    narrower = [w for w in space.widths if w < g.width]
    if g.embedding_dim >= g.width // 2 and narrower_table:
        return replace(g, embedding_dim=max(narrower_table))
    if narrower:
        return replace(g, width=max(narrower))
    if narrower_table:
        return replace(g, embedding_dim=max(narrower_table))
    if g.repeat > 1:
        return replace(g, repeat=g.repeat - 1)
    if g.position == "learned" and "none" in space.positions:
        return replace(g, position="none")
    return None


def _sample_once(space: Space, rng: np.random.Generator) -> Genotype:
    n = int(rng.integers(1, space.max_nodes + 1))
    return Genotype(
        embedding_dim=_pick(rng, space.embedding_dims),
        width=_pick(rng, space.widths),
        nodes=tuple(_random_node(i, space, rng) for i in range(1, n + 1)),
        position=_pick(rng, space.positions),
        encoding=_pick(rng, space.encodings),
        pooling=_pick(rng, space.poolings),
        repeat=int(rng.integers(1, space.max_repeat + 1)),
        shared=bool(rng.random() < 0.25),
    )


def _random_node(i: int, space: Space, rng: np.random.Generator) -> Node:
    arity = 1 if i == 1 else int(rng.integers(1, 3))
    return Node(
        inputs=tuple(int(x) for x in rng.choice(i, size=arity, replace=False)),
        op=_pick(rng, space.ops),
        combine=_pick(rng, COMBINES),
        norm=_pick(rng, NORMS),
        activation=_pick(rng, space.activations),
    )


def _pick(rng: np.random.Generator, values: Sequence[T]) -> T:
    return values[int(rng.integers(len(values)))]


def _other(rng: np.random.Generator, values: Sequence[T], current: T) -> T | None:
    others = [v for v in values if v != current]
    return _pick(rng, others) if others else None


def _in_range(node: Node, i: int) -> Node:
    return replace(node, inputs=tuple(source % i for source in node.inputs))


def _with_node(g: Genotype, k: int, node: Node) -> Genotype:
    return replace(g, nodes=(*g.nodes[:k], node, *g.nodes[k + 1 :]))


Mutation = Callable[[Genotype, Space, np.random.Generator], Genotype | None]


def _node_gene(gene: str, values: Callable[[Space], Sequence[object]]) -> Mutation:
    def change(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
        k = int(rng.integers(len(g.nodes)))
        value = _other(rng, values(space), getattr(g.nodes[k], gene))
        if value is None:
            return None
        return _with_node(g, k, replace(g.nodes[k], **{gene: value}))

    return change


def _stage_gene(gene: str, values: Callable[[Space], Sequence[object]]) -> Mutation:
    def change(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
        value = _other(rng, values(space), getattr(g, gene))
        return None if value is None else replace(g, **{gene: value})

    return change


def _rewire(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
    k = int(rng.integers(len(g.nodes)))
    inputs = list(g.nodes[k].inputs)
    inputs[int(rng.integers(len(inputs)))] = int(rng.integers(k + 1))
    return _with_node(g, k, replace(g.nodes[k], inputs=tuple(inputs)))


def _add_edge(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
    k = int(rng.integers(len(g.nodes)))
    node = g.nodes[k]
    if len(node.inputs) == MAX_INPUTS:
        return None
    return _with_node(g, k, replace(node, inputs=(*node.inputs, int(rng.integers(k + 1)))))


def _remove_edge(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
    k = int(rng.integers(len(g.nodes)))
    inputs = g.nodes[k].inputs
    if len(inputs) == 1:
        return None
    gone = int(rng.integers(len(inputs)))
    return _with_node(
        g, k, replace(g.nodes[k], inputs=tuple(s for j, s in enumerate(inputs) if j != gone))
    )


def _insert_node(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
    """A new node on one edge of node k + 1, or a new loose end behind the last node."""
    if len(g.nodes) >= space.max_nodes:
        return None
    k = int(rng.integers(len(g.nodes) + 1))  # the new node becomes nodes[k], index k + 1
    new = _random_node(k + 1, space, rng)
    shifted = [
        replace(node, inputs=tuple(s + (s > k) for s in node.inputs)) for node in g.nodes[k:]
    ]
    if shifted:
        slot = int(rng.integers(len(shifted[0].inputs)))
        inputs = tuple(k + 1 if j == slot else s for j, s in enumerate(shifted[0].inputs))
        shifted[0] = replace(shifted[0], inputs=inputs)
    return replace(g, nodes=(*g.nodes[:k], new, *shifted))


def _delete_node(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
    """Remove a node; its readers read its first input instead."""
    if len(g.nodes) == 1:
        return None
    k = int(rng.integers(len(g.nodes)))
    heir = g.nodes[k].inputs[0]

    def moved(source: int) -> int:
        return heir if source == k + 1 else source - (source > k + 1)

    rest = (*g.nodes[:k], *g.nodes[k + 1 :])
    return replace(
        g, nodes=tuple(replace(n, inputs=tuple(moved(s) for s in n.inputs)) for n in rest)
    )


# The cell is what the search is about: its changes stand more often than those of single genes.
MUTATIONS: tuple[Mutation, ...] = (
    _node_gene("op", lambda s: s.ops),
    _node_gene("op", lambda s: s.ops),
    _node_gene("op", lambda s: s.ops),
    _node_gene("activation", lambda s: s.activations),
    _node_gene("combine", lambda s: COMBINES),
    _node_gene("norm", lambda s: NORMS),
    _rewire,
    _rewire,
    _add_edge,
    _remove_edge,
    _insert_node,
    _insert_node,
    _delete_node,
    _stage_gene("embedding_dim", lambda s: s.embedding_dims),
    _stage_gene("width", lambda s: s.widths),
    _stage_gene("position", lambda s: s.positions),
    _stage_gene("encoding", lambda s: s.encodings),
    _stage_gene("pooling", lambda s: s.poolings),
    _stage_gene("repeat", lambda s: tuple(range(1, s.max_repeat + 1))),
    _stage_gene("shared", lambda s: (False, True)),
)
