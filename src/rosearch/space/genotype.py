"""The genotype: a frozen, torch-free description of one student, and its canonical hash.

Numbering: input index 0 is the input stage (token embedding); index i >= 1 is node i, which is
`nodes[i - 1]`. Nodes stand in topological order, so every input index of node i is < i.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    with_config,
)

from rosearch.encodings.base import Encoding
from rosearch.encodings.genes import Choice, gene_names, short
from rosearch.encodings.plain import PLAIN
from rosearch.encodings.reading import Reading
from rosearch.errors import UserError
from rosearch.space.coding import KEY, apart, coding_of, first_problem, flat, nested, reader
from rosearch.space.defences import InferenceDefence, passes_of
from rosearch.space.genes import EMBEDDING_DIMS, MAX_INPUTS, MAX_NODES, MAX_REPEAT, WIDTHS
from rosearch.space.mechanisms import MECHANISMS
from rosearch.space.ops import OPS
from rosearch.space.votes import Votes

SCHEMA = 1

Combine = Literal["add", "multiply", "concat"]
Norm = Literal["none", "layer"]
Activation = Literal["none", "relu", "leaky_relu", "gelu", "swish"]
Position = Literal["none", "sinusoidal", "learned"]
Pooling = Literal["first", "mean", "max", "attention"]

COMBINES: tuple[Combine, ...] = ("add", "multiply", "concat")
NORMS: tuple[Norm, ...] = ("none", "layer")
ACTIVATIONS: tuple[Activation, ...] = ("none", "relu", "leaky_relu", "gelu", "swish")
POSITIONS: tuple[Position, ...] = ("none", "sinusoidal", "learned")
POOLINGS: tuple[Pooling, ...] = ("first", "mean", "max", "attention")


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Node:
    """One node: `activation(op(norm(combine(inputs))))`.

    In feed-forward ops the activation stands between the two linear maps, as in the Transformer.
    """

    inputs: tuple[int, ...]
    op: str
    combine: Combine = "add"
    norm: Norm = "none"
    activation: Activation = "none"


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Genotype:
    """A student: input stage, a cell (DAG of nodes) stacked `repeat` times, pooling.

    Attributes:
        coding: an encoding with its genes; in JSON these stand beside the others, see
            `rosearch.space.coding`.
        defence: what wraps the forward pass; None leaves it bare.
        votes: whether the words of a text vote, beside the cell or alone; None lets only the cell
            decide.
        reading: what is done with a text before its tokens; None reads it as it is.

    Raises:
        UserError: a field is out of its range or the graph is not a valid DAG.
    """

    embedding_dim: int
    width: int
    nodes: tuple[Node, ...]
    position: Position = "none"
    coding: Annotated[Encoding, PlainValidator(coding_of), PlainSerializer(flat)] = PLAIN
    pooling: Pooling = "mean"
    repeat: int = 1
    shared: bool = False
    schema: int = SCHEMA
    defence: Annotated[
        InferenceDefence | None, PlainValidator(reader("defence")), PlainSerializer(nested)
    ] = None
    votes: Annotated[Votes | None, PlainValidator(reader("votes")), PlainSerializer(nested)] = None
    reading: Annotated[
        Reading | None, PlainValidator(reader("reading")), PlainSerializer(nested)
    ] = None

    def __post_init__(self) -> None:
        problem = next(iter(_problems(self)), None)
        if problem:
            raise UserError(f"invalid genotype: {problem}")

    @cached_property
    def hash(self) -> str:
        """Canonical hash: blind to node order and to the order of (commutative) inputs."""
        return hashlib.sha256(json.dumps(_canonical_form(self)).encode()).hexdigest()[:16]

    @cached_property
    def outputs(self) -> tuple[int, ...]:
        """Loose ends: indices that no node reads. Their mean is the output of the cell."""
        read = {i for node in self.nodes for i in node.inputs}
        return tuple(i for i in range(1, len(self.nodes) + 1) if i not in read)

    @property
    def encoding(self) -> str:
        """Name of the encoding."""
        return self.coding.name

    @cached_property
    def encoding_key(self) -> str:
        """Name of the encoding with its genes: `plain`, or such as `synonym:wordnet:0.015:0`."""
        return self.coding.key

    @property
    def passes(self) -> int:
        """Forward passes for one answer."""
        return passes_of(self.defence)

    @property
    def defence_key(self) -> str:
        """Name of the inference-time defence with its genes, such as `masked_mean:3`, or `none`."""
        return _key(self.defence)

    @property
    def votes_key(self) -> str:
        """The votes with their genes, such as `votes:1.0:4.0:0.5`, or `none`."""
        return _key(self.votes)

    @property
    def reading_key(self) -> str:
        """The reading with its steps, such as `reading:unicode+dictionary`, or `none`."""
        return _key(self.reading)

    @property
    def has_cell(self) -> bool:
        """Whether there is an embedding and a cell; without, the genes of both have no effect."""
        return self.votes is None or not self.votes.alone

    @property
    def framed(self) -> bool:
        """Whether the cell reads the frame of a text only; see `rosearch.encodings.frame`."""
        return self.votes is not None and self.votes.framed

    @property
    def compares(self) -> bool:
        """Whether a student of pairs is told what their texts have in common: not where words vote,
        or what is certified of them and of a cell that reads the frame would not hold."""
        return self.votes is None

    def to_json(self) -> str:
        """Text form; `from_json` gives an equal genotype back."""
        return json.dumps(to_dict(self))


def to_dict(genotype: Genotype) -> dict[str, Any]:
    """JSON-ready form of a genotype; it does not name a mechanism that it has not."""
    plain: dict[str, object] = {}
    for name, value in _ADAPTER.dump_python(genotype, mode="json").items():
        plain.update(value if name == KEY else {name: value})
    return {name: v for name, v in plain.items() if v is not None or name not in MECHANISMS}


def _key(choice: Choice | None) -> str:
    return "none" if choice is None else choice.key


def from_dict(data: object) -> Genotype:
    """The genotype of a JSON-ready form.

    Raises:
        UserError: naming the first field that is wrong.
    """
    if not isinstance(data, dict):
        raise UserError(f"invalid genotype: expected an object, found {type(data).__name__}")
    schema = data.get("schema", SCHEMA)
    if isinstance(schema, int) and schema > SCHEMA:
        raise UserError(
            f"invalid genotype: schema {short(schema)} is newer than {SCHEMA}, "
            "the newest this version reads; update rosearch"
        )
    try:
        # JSON mode: lists become tuples, but "3" is not an int and 1 is not a bool.
        return _ADAPTER.validate_json(json.dumps(apart(data)), strict=True)
    except ValidationError as error:
        raise UserError(f"invalid genotype: {first_problem(error)}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"invalid genotype: {error}") from None


def from_json(text: str | bytes) -> Genotype:
    """Read `Genotype.to_json`'s text.

    Raises:
        UserError: not JSON, or a wrong field.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"invalid genotype: not JSON ({error})") from None
    return from_dict(data)


def load(path: Path) -> Genotype:
    """Read a genotype file.

    Raises:
        UserError: the file can't be read or is not a genotype.
    """
    try:
        return from_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot read genotype {path}: {error.strerror}") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _problems(g: Genotype) -> Sequence[str]:
    """What is wrong with a genotype, in words; empty when it is valid."""
    found = []
    if not isinstance(g.coding, Encoding):
        return [f"coding: expected an encoding, such as Plain(), found {short(g.coding)}"]
    if g.schema != SCHEMA:
        found.append(f"schema: expected {SCHEMA}, found {short(g.schema)}")
    for field, value, allowed in (
        ("embedding_dim", g.embedding_dim, EMBEDDING_DIMS),
        ("width", g.width, WIDTHS),
        ("position", g.position, POSITIONS),
        ("pooling", g.pooling, POOLINGS),
    ):
        if value not in allowed:
            found.append(f"{field}: expected one of {_listed(allowed)}, found {short(value)}")
    twice = [name for name in gene_names(g.coding) if name == "encoding" or name in vars(g)]
    if twice:
        found.append(f"{g.encoding}: its genes need other names than {_listed(twice)}")
    found.extend(g.coding.problems())
    for field, kind, what in (
        ("defence", InferenceDefence, "an inference-time defence"),
        ("votes", Votes, "votes"),
        ("reading", Reading, "a reading"),
    ):
        choice = getattr(g, field)
        if choice is not None and not isinstance(choice, kind):
            return [f"{field}: expected {what}, found {short(choice)}"]
        problems = [] if choice is None else choice.problems()
        found.extend(f"{field}.{problem}" for problem in problems)
    if not 1 <= g.repeat <= MAX_REPEAT:
        found.append(f"repeat: expected 1 to {MAX_REPEAT}, found {short(g.repeat)}")
    if not 1 <= len(g.nodes) <= MAX_NODES:
        found.append(f"nodes: expected 1 to {MAX_NODES} nodes, found {len(g.nodes)}")
    for i, node in enumerate(g.nodes, start=1):
        found.extend(f"nodes.{i - 1}.{text}" for text in _node_problems(i, node))
    return found


def _node_problems(i: int, node: Node) -> list[str]:
    found = []
    if not 1 <= len(node.inputs) <= MAX_INPUTS:
        found.append(f"inputs: expected 1 to {MAX_INPUTS} indices, found {len(node.inputs)}")
    for source in node.inputs:
        if not 0 <= source < i:
            found.append(f"inputs: node {i} may read 0 to {i - 1}, found {short(source)}")
    for field, value, allowed in (
        ("op", node.op, tuple(OPS)),
        ("combine", node.combine, COMBINES),
        ("norm", node.norm, NORMS),
        ("activation", node.activation, ACTIVATIONS),
    ):
        if value not in allowed:
            found.append(f"{field}: expected one of {_listed(allowed)}, found {short(value)}")
    return found


def _listed(values: Sequence[object]) -> str:
    return ", ".join(str(v) for v in values)


def _canonical_form(g: Genotype) -> list[object]:
    """The same nested list for two genotypes exactly when they describe the same network."""
    shared = g.shared and g.repeat > 1  # sharing one cell with itself changes nothing
    stage = [g.embedding_dim, g.width, g.position, g.encoding_key, g.pooling, g.repeat, shared]
    beside = [choice.key for field in MECHANISMS if (choice := getattr(g, field)) is not None]
    if not g.has_cell:
        return [g.encoding_key, *beside]
    stage += beside
    consumers: list[list[int]] = [[] for _ in range(len(g.nodes) + 1)]
    for i, node in enumerate(g.nodes, start=1):
        for source in node.inputs:
            consumers[source].append(i)
    colours = {0: 0} | {
        i: 1 + rank for i, rank in _ranked([_own_features(node) for node in g.nodes]).items()
    }
    return [stage, _smallest_labelling(g, consumers, _refined(g, consumers, colours))]


def _own_features(node: Node) -> tuple[str | int, ...]:
    # With one input there is nothing to combine; add and multiply commute, and permuting the
    # inputs of a concatenation only permutes the columns of its projection.
    combine = node.combine if len(node.inputs) > 1 else "add"
    return (node.op, combine, node.norm, node.activation, len(node.inputs))


def _ranked(keys: Sequence[Any]) -> dict[int, int]:
    order = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    return {i: order[key] for i, key in enumerate(keys, start=1)}


def _refined(g: Genotype, consumers: list[list[int]], colours: dict[int, int]) -> dict[int, int]:
    """Colour refinement (1-dimensional Weisfeiler-Leman) over inputs and consumers."""
    n = len(g.nodes)
    while True:
        keys = [
            (
                colours[i],
                tuple(sorted(colours[s] for s in g.nodes[i - 1].inputs)),
                tuple(sorted(colours[c] for c in consumers[i])),
            )
            for i in range(1, n + 1)
        ]
        new = {0: 0} | {i: 1 + rank for i, rank in _ranked(keys).items()}
        if len(set(new.values())) == len(set(colours.values())):
            return new
        colours = new


def _smallest_labelling(
    g: Genotype, consumers: list[list[int]], colours: dict[int, int]
) -> list[Any]:
    """Break remaining ties by trying every representative; the smallest encoding wins."""
    counts = Counter(colours.values())
    tied = [c for c in sorted(counts) if counts[c] > 1]
    if not tied:
        by_colour = sorted(range(1, len(g.nodes) + 1), key=lambda i: colours[i])
        return [
            [*_own_features(g.nodes[i - 1]), sorted(colours[s] for s in g.nodes[i - 1].inputs)]
            for i in by_colour
        ]
    members = [i for i in colours if colours[i] == tied[0]]
    # Twins (same inputs, same consumers) can be swapped without changing the graph: try one.
    twins = {
        (tuple(sorted(g.nodes[i - 1].inputs)), tuple(sorted(consumers[i]))): i for i in members
    }
    forms = []
    for chosen in twins.values():
        split = {i: 2 * c - (i == chosen) for i, c in colours.items()}
        forms.append(_smallest_labelling(g, consumers, _refined(g, consumers, split)))
    return min(forms)


_ADAPTER = TypeAdapter(Genotype)
