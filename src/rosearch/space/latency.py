"""Latency of a genotype from a table of measured parts: torch-free, and a pure function.

The table is measured once on the target device (`rosearch.student.latency.latency_table`) and kept
with the run, so that every process and every resumed run draws the same conclusions. A sum of
measured parts is a fair estimate at batch 1, where each part waits for the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping

from rosearch.space.genotype import Genotype, Node

LatencyTable = Mapping[str, float]  # part -> milliseconds; see `part`


def part(name: str, width: int) -> str:
    """Key of one measured part at one width."""
    return f"{name}@{width}"


def parts_of_node(node: Node) -> list[str]:
    """Names of what runs in a node."""
    n = len(node.inputs)
    combine = [f"concat{n}"] if node.combine == "concat" else [node.combine] * (n - 1)
    norm = ["layer norm"] if node.norm == "layer" else []
    return [node.op, node.activation, *norm, *(combine if n > 1 else [])]


def parts(g: Genotype) -> list[str]:
    """Names of all that runs for one answer, with repetitions.

    The passes of an inference-time defence count as if they came one after the other, but for what
    surrounds them: an upper bound, as they may be one batch.
    """
    votes = [] if g.votes is None else ["votes"]
    if not g.has_cell:
        return ["student", *votes * g.passes]
    cell = [name for node in g.nodes for name in parts_of_node(node)]
    cell += ["add"] * (len(g.outputs) - 1)
    factor = ["factor"] if g.embedding_dim != g.width else []
    ends = [*factor, f"{g.position} position", f"{g.pooling} pooling"]
    return ["student", *(ends + cell * g.repeat + votes) * g.passes]


def latency_ms(g: Genotype, table: LatencyTable) -> float:
    """Estimated milliseconds of one forward pass of one example on one thread.

    Raises:
        KeyError: the table was measured without the genotype's width or ops.
    """
    return sum(table[part(name, g.width)] for name in parts(g))
