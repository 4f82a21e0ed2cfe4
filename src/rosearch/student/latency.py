"""Measure how long the parts of a student take on this machine, at batch 1 and on one thread.

Shapes: T tokens, W width, E embedding dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

from rosearch.encodings.vocabulary import Vocabulary
from rosearch.io.threads import one_thread
from rosearch.models.timing import median_ms
from rosearch.space.cost import LATENCY_TOKENS
from rosearch.space.genes import MAX_INPUTS
from rosearch.space.genotype import Genotype
from rosearch.space.genotype import Node as NodeGene
from rosearch.space.latency import part, parts
from rosearch.student.build import build_student, module_spec
from rosearch.student.layers import ACTIVATIONS, Node, Pooling, sinusoid
from rosearch.student.model import MAX_POSITIONS
from rosearch.student.votes import Votes

WORDS = Vocabulary(
    tuple(map(str, range(LATENCY_TOKENS))), tuple((i,) for i in range(LATENCY_TOKENS)), 0
)

Parts = dict[str, Callable[[], object]]


def latency_table(
    widths: Sequence[int], ops: Sequence[str], embedding_dim: int
) -> dict[str, float]:
    """Milliseconds of every part that students of these widths and ops may have.

    Args:
        embedding_dim: the widest one, at which the map to the width is measured.

    Returns:
        As `rosearch.space.latency.latency_ms` reads it.
    """
    table = {}
    with one_thread(), torch.inference_mode():
        for w in widths:
            runs = {**_nodes(w, ops), **_around_ops(w), **_ends(w, embedding_dim)}
            table.update({part(name, w): median_ms(run) for name, run in runs.items()})
            table[part("student", w)] = _frame_ms(w, embedding_dim, table)
    return table


def _simplest(op: str, e: int, w: int) -> Genotype:
    return Genotype(e, w, (NodeGene((0,), op),))


def _nodes(w: int, ops: Sequence[str]) -> Parts:
    """Nodes of one input, without norm and activation."""
    x, mask = torch.randn(1, LATENCY_TOKENS, w), torch.ones(1, LATENCY_TOKENS, dtype=torch.bool)
    runs: Parts = {}
    for op in dict.fromkeys(("identity", *ops)):
        spec = module_spec(_simplest(op, 32, w))["nodes"]
        runs[op] = partial(Node(spec[0], w).eval(), [x], mask)  # type: ignore[index]
    return runs


def _around_ops(w: int) -> Parts:
    """What else may run in a node: combination of the inputs, norm, activation."""
    x = torch.randn(1, LATENCY_TOKENS, w)
    runs: Parts = {name: partial(run, x) for name, run in ACTIVATIONS.items()}
    runs |= {"add": partial(torch.add, x, x), "multiply": partial(torch.mul, x, x)}
    runs["layer norm"] = partial(nn.LayerNorm(w), x)
    for k in range(2, MAX_INPUTS + 1):
        runs[f"concat{k}"] = partial(_concat, nn.Linear(k * w, w), [x] * k)
    return runs


def _ends(w: int, e: int) -> Parts:
    """Map to the width, positions, pooling, and votes."""
    x, mask = torch.randn(1, LATENCY_TOKENS, w), torch.ones(1, LATENCY_TOKENS, dtype=torch.bool)
    places, table = torch.arange(LATENCY_TOKENS), nn.Embedding(MAX_POSITIONS, w)
    votes = Votes(LATENCY_TOKENS, LATENCY_TOKENS, 2, 1.0).eval()
    return {
        "votes": lambda: votes(votes.columns(places[None], places[None]), mask),
        "factor": partial(nn.Linear(e, w), torch.randn(1, LATENCY_TOKENS, e)),
        "none position": lambda: None,
        "sinusoidal position": lambda: x + sinusoid(LATENCY_TOKENS, w, x.device),
        "learned position": lambda: x + table(places),
        **{
            f"{kind} pooling": partial(Pooling(kind, w), x, mask)
            for kind in ("first", "mean", "max", "attention")
        },
    }


def _frame_ms(w: int, e: int, table: dict[str, float]) -> float:
    """What a whole student takes besides its measured parts."""
    g = _simplest("identity", e, w)
    model = build_student(g, WORDS, ("a", "b"), seed=0).eval()
    ids = torch.arange(LATENCY_TOKENS)[None]
    whole = median_ms(lambda: model(input_ids=ids, attention_mask=torch.ones_like(ids)))
    known = [table[part(name, w)] for name in parts(g) if name != "student"]
    return max(0.0, whole - sum(known))


def _concat(project: nn.Linear, inputs: list[torch.Tensor]) -> torch.Tensor:
    return project(torch.cat(inputs, dim=-1))
