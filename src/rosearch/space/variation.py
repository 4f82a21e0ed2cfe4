"""Sampling, mutation and crossover of genotypes.

All randomness comes from the generator passed in; arguments are never changed. Limits are met by
repair (shrinking the largest table or matrix first) and a bounded number of tries, then a clear
error: never by an endless loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import TypeVar

import numpy as np

from rosearch.encodings.base import Encoding
from rosearch.encodings.genes import Choice, differences, gene_names
from rosearch.encodings.plain import PLAIN
from rosearch.encodings.reading import Reading
from rosearch.encodings.synonym import Synonym
from rosearch.errors import UserError
from rosearch.space.cost import COSTS, Limits, Sizes, exceeded
from rosearch.space.defences import InferenceDefence, passes_of
from rosearch.space.genes import EMBEDDING_DIMS, MAX_INPUTS, MAX_NODES, WIDTHS
from rosearch.space.genotype import (
    ACTIVATIONS,
    COMBINES,
    NORMS,
    POOLINGS,
    POSITIONS,
    Activation,
    Genotype,
    Node,
    Pooling,
    Position,
)
from rosearch.space.mechanisms import MECHANISMS
from rosearch.space.ops import OPS
from rosearch.space.votes import Votes

T = TypeVar("T")
TRIES = 200
# Field of a mechanism -> field of the space with what may be chosen.
OFFERED = {"defence": "defences", "votes": "votes", "reading": "readings"}
OWN = 0.7  # share of the changes of a mechanism that are to another gene of it, where it has some
WHOLE = 0.7  # share of samples that take every step of reading, where they may


@dataclass(frozen=True)
class Space:
    """What may be sampled: the allowed values of every gene, sizes and limits.

    Raises:
        UserError: an empty or unknown choice, or a limit that no genotype can meet.
    """

    sizes: Sizes
    limits: Limits = field(default_factory=Limits)
    ops: tuple[str, ...] = field(default_factory=lambda: tuple(OPS))
    widths: tuple[int, ...] = (64, 96, 128, 160, 192, 256)
    embedding_dims: tuple[int, ...] = (32, 48, 64, 96, 128)
    positions: tuple[Position, ...] = POSITIONS
    codings: tuple[Encoding, ...] = (PLAIN, Synonym())
    poolings: tuple[Pooling, ...] = POOLINGS
    activations: tuple[Activation, ...] = ACTIVATIONS
    max_nodes: int = 6
    max_repeat: int = 3
    defences: tuple[InferenceDefence | None, ...] = (None,)
    votes: tuple[Votes | None, ...] = (None,)
    readings: tuple[Reading | None, ...] = (None,)

    def __post_init__(self) -> None:
        for name, chosen, known in (
            ("ops", self.ops, tuple(OPS)),
            ("widths", self.widths, WIDTHS),
            ("embedding_dims", self.embedding_dims, EMBEDDING_DIMS),
            ("positions", self.positions, POSITIONS),
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
        if not self.codings:
            raise UserError("space: codings: expected one or more, found none")
        for name in OFFERED.values():
            if not getattr(self, name):
                raise UserError(f"space: {name}: expected one or more, None among them; found none")
        beside = (c for place in MECHANISMS for c in self.offered(place) if c is not None)
        for problem in (p for choice in (*self.codings, *beside) for p in choice.problems()):
            raise UserError(f"space: {problem}")
        check_limits(self)

    @cached_property
    def encodings(self) -> dict[str, tuple[Encoding, ...]]:
        """The codings by the name of their encoding."""
        names = dict.fromkeys(coding.name for coding in self.codings)
        return {name: tuple(c for c in self.codings if c.name == name) for name in names}

    def offered(self, place: str) -> tuple[Choice | None, ...]:
        """What the field of a mechanism may hold."""
        found: tuple[Choice | None, ...] = getattr(self, OFFERED[place])
        return found

    @property
    def mutations(self) -> tuple[Mutation, ...]:
        """What `mutate` draws from: a mechanism changes only where there are several."""
        several = [place for place in MECHANISMS if len(self.offered(place)) > 1]
        return (*MUTATIONS, *map(_change_mechanism, several))

    def fits(self, g: Genotype) -> bool:
        """Whether a genotype meets the limits."""
        return exceeded(g, self.sizes, self.limits) is None


def check_limits(space: Space) -> None:
    """Refuse limits that no genotype of the space can meet.

    Raises:
        UserError: naming the smallest reachable value.
    """
    for name, cost in COSTS.items():
        limit = getattr(space.limits, name)
        if limit is None:
            continue
        smallest = min(
            cost(_cheapest(space, e, w, cost), space.sizes)
            for e, w in product(space.embedding_dims, space.widths)
        )
        if limit < smallest:
            value = round(smallest, 3)
            raise UserError(f"{name}={limit} cannot be met: the smallest student has {value}")


def _cheapest(space: Space, e: int, w: int, cost: Callable[[Genotype, Sizes], float]) -> Genotype:
    """The cheapest student of these widths: costs of its parts add up, so each is chosen alone."""

    def best(options: Iterable[Genotype]) -> Genotype:
        return min(options, key=lambda g: cost(g, space.sizes))

    g = Genotype(e, w, (Node((0,), space.ops[0]),), coding=space.codings[0])
    g = best(replace(g, coding=coding) for coding in space.codings)
    g = best(replace(g, nodes=(Node((0,), op),)) for op in space.ops)
    g = best(replace(g, position=position) for position in space.positions)
    g = best(replace(g, pooling=pooling) for pooling in space.poolings)
    for place in MECHANISMS:
        g = best(_with(g, place, choice) for choice in space.offered(place))
    return g


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
        change = _pick(rng, space.mutations)
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
        head = _below(rng, len(a.nodes) + 1)
        tail = _below(rng, len(b.nodes) + 1)
        nodes = (*a.nodes[:head], *b.nodes[tail:])[: space.max_nodes]
        if not nodes:
            continue
        coded = _pick(rng, (a, b))  # the genes of an encoding stay together
        child = Genotype(
            embedding_dim=_pick(rng, (a, b)).embedding_dim,
            width=_pick(rng, (a, b)).width,
            nodes=tuple(_in_range(node, i) for i, node in enumerate(nodes, start=1)),
            position=_pick(rng, (a, b)).position,
            coding=coded.coding,
            pooling=_pick(rng, (a, b)).pooling,
            repeat=_pick(rng, (a, b)).repeat,
            shared=_pick(rng, (a, b)).shared,
        )
        for place in MECHANISMS:
            several = len(space.offered(place)) > 1
            chosen = getattr(_pick(rng, (a, b)), place) if several else space.offered(place)[0]
            child = _with(child, place, chosen)
        repaired = repair(child, space)
        if repaired is not None:
            return repaired
    raise UserError(f"no child of {a.hash} and {b.hash} within the limits in {TRIES} tries")


def repair(g: Genotype, space: Space) -> Genotype | None:
    """`g` shrunk until it meets the limits; None if even its smallest form does not."""
    while (limit := exceeded(g, space.sizes, space.limits)) is not None:
        smaller = _shrunk(g, space, limit)
        if smaller is None:
            return None
        g = smaller
    return g


def _shrunk(g: Genotype, space: Space, limit: str) -> Genotype | None:
    """One step towards a limit; the embedding table costs parameters, but no time."""
    narrower_table = [e for e in space.embedding_dims if e < g.embedding_dim]
    narrower = [w for w in space.widths if w < g.width]
    if limit == "max_params" and g.embedding_dim >= g.width // 2 and narrower_table:
        return replace(g, embedding_dim=max(narrower_table))
    fewer = [d for d in space.defences if passes_of(d) < g.passes]
    if limit in ("max_flops", "max_latency_ms") and fewer:
        return replace(g, defence=max(fewer, key=passes_of))
    if limit == "max_latency_ms" and g.repeat > 1:
        return replace(g, repeat=g.repeat - 1)
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
    n = 1 + _below(rng, space.max_nodes)
    encoding = _pick(rng, tuple(space.encodings))
    return Genotype(
        embedding_dim=_pick(rng, space.embedding_dims),
        width=_pick(rng, space.widths),
        nodes=tuple(_random_node(i, space, rng) for i in range(1, n + 1)),
        position=_pick(rng, space.positions),
        pooling=_pick(rng, space.poolings),
        repeat=1 + _below(rng, space.max_repeat),
        shared=bool(rng.random() < 0.25),
        coding=_pick_coding(rng, space, encoding),
        defence=_pick(rng, space.defences) if len(space.defences) > 1 else space.defences[0],
        votes=_random_votes(space, rng),
        reading=_random_reading(space, rng),
    )


def _random_votes(space: Space, rng: np.random.Generator) -> Votes | None:
    """Half of the students have votes, whose genes have many values; nothing is drawn where there
    is no choice."""
    some = [votes for votes in space.votes if votes is not None]
    if len(space.votes) == 1:
        return space.votes[0]
    return None if len(some) < len(space.votes) and rng.random() < 0.5 else _pick(rng, some)


def _random_reading(space: Space, rng: np.random.Generator) -> Reading | None:
    """Most read with every step, half of the others not at all; nothing is drawn where there is no
    choice."""
    if len(space.readings) == 1:
        return space.readings[0]
    drawn = rng.random()
    if drawn < WHOLE and Reading() in space.readings:
        return Reading()
    return None if drawn > (1 + WHOLE) / 2 else _pick(rng, space.readings)


def _random_node(i: int, space: Space, rng: np.random.Generator) -> Node:
    return Node(
        inputs=_random_inputs(i, rng),
        op=_pick(rng, space.ops),
        combine=_pick(rng, COMBINES),
        norm=_pick(rng, NORMS),
        activation=_pick(rng, space.activations),
    )


def _random_inputs(i: int, rng: np.random.Generator) -> tuple[int, ...]:
    """One or two different indices below i, equally often where there are two."""
    first = _below(rng, i)
    if i == 1 or rng.random() < 0.5:
        return (first,)
    second = _below(rng, i - 1)
    return (first, second + (second >= first))


def _below(rng: np.random.Generator, n: int) -> int:
    return int(rng.random() * n)  # six times faster than rng.integers(n)


def _pick(rng: np.random.Generator, values: Sequence[T]) -> T:
    return values[_below(rng, len(values))]


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
        k = _below(rng, len(g.nodes))
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


def _pick_coding(rng: np.random.Generator, space: Space, encoding: str) -> Encoding:
    """An encoding of the space with random genes; nothing is drawn where it has none."""
    offered = space.encodings[encoding]
    return _pick(rng, offered) if gene_names(offered[0]) else offered[0]


def _switch_encoding(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
    others = [name for name in space.encodings if name != g.encoding]
    if not others:
        return None
    name = _pick(rng, others) if len(others) > 1 else others[0]
    return replace(g, coding=_pick_coding(rng, space, name))


def _change_coding(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
    """One gene of the encoding."""
    offered = space.encodings.get(g.encoding, ())
    near = [coding for coding in offered if differences(coding, g.coding) == 1]
    return replace(g, coding=_pick(rng, near)) if near else None


def _change_mechanism(place: str) -> Mutation:
    """Another mechanism in a field, another gene of it, or none."""

    def change(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
        now: Choice | None = getattr(g, place)
        others = [c for c in space.offered(place) if c != now and _near(c, now)]
        own = [c for c in others if type(c) is type(now)]
        if own and rng.random() < OWN:  # or kinds with many genes would crowd them out
            others = own
        return _with(g, place, _pick(rng, others)) if others else None

    return change


def _near(choice: Choice | None, other: Choice | None) -> bool:
    """Whether there is at most one gene between two choices, their kind being one, too."""
    if choice is None or other is None or gene_names(choice) != gene_names(other):
        return True
    return differences(choice, other) + (type(choice) is not type(other)) == 1


def _with(g: Genotype, place: str, choice: Choice | None) -> Genotype:
    return replace(g, **{place: choice})  # type: ignore[arg-type]  # the field's own kind


def _rewire(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
    k = _below(rng, len(g.nodes))
    inputs = list(g.nodes[k].inputs)
    inputs[_below(rng, len(inputs))] = _below(rng, k + 1)
    return _with_node(g, k, replace(g.nodes[k], inputs=tuple(inputs)))


def _add_edge(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
    k = _below(rng, len(g.nodes))
    node = g.nodes[k]
    if len(node.inputs) == MAX_INPUTS:
        return None
    return _with_node(g, k, replace(node, inputs=(*node.inputs, _below(rng, k + 1))))


def _remove_edge(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
    k = _below(rng, len(g.nodes))
    inputs = g.nodes[k].inputs
    if len(inputs) == 1:
        return None
    gone = _below(rng, len(inputs))
    return _with_node(
        g, k, replace(g.nodes[k], inputs=tuple(s for j, s in enumerate(inputs) if j != gone))
    )


def _insert_node(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
    """A new node on one edge of node k + 1, or a new loose end behind the last node."""
    if len(g.nodes) >= space.max_nodes:
        return None
    k = _below(rng, len(g.nodes) + 1)  # the new node becomes nodes[k], index k + 1
    new = _random_node(k + 1, space, rng)
    shifted = [
        replace(node, inputs=tuple(s + (s > k) for s in node.inputs)) for node in g.nodes[k:]
    ]
    if shifted:
        slot = _below(rng, len(shifted[0].inputs))
        inputs = tuple(k + 1 if j == slot else s for j, s in enumerate(shifted[0].inputs))
        shifted[0] = replace(shifted[0], inputs=inputs)
    return replace(g, nodes=(*g.nodes[:k], new, *shifted))


def _delete_node(g: Genotype, space: Space, rng: np.random.Generator) -> Genotype | None:
    """Remove a node; its readers read its first input instead."""
    if len(g.nodes) == 1:
        return None
    k = _below(rng, len(g.nodes))
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
    _switch_encoding,
    _change_coding,
    _stage_gene("pooling", lambda s: s.poolings),
    _stage_gene("repeat", lambda s: tuple(range(1, s.max_repeat + 1))),
    _stage_gene("shared", lambda s: (False, True)),
)
