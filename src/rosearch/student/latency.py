"""Measure how long the parts of a student take on this machine, at batch 1 and on one thread.

Shapes: T tokens, W width, E embedding dimension.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import nn

from rosearch.encodings.vocabulary import Vocabulary
from rosearch.models.device import one_thread
from rosearch.space.genes import MAX_INPUTS
from rosearch.space.genotype import Genotype
from rosearch.space.genotype import Node as NodeGene
from rosearch.space.latency import part, parts
from rosearch.student.build import build_student, module_spec
from rosearch.student.layers import ACTIVATIONS, Node, Pooling, sinusoid
from rosearch.student.model import MAX_POSITIONS

TOKENS = 32
WARM_UP = 3
RUNS = 11
WORDS = Vocabulary(tuple(map(str, range(TOKENS))), tuple((i,) for i in range(TOKENS)), 0)

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


def median_ms(run: Callable[[], object], runs: int = RUNS) -> float:
    """Median milliseconds of a call."""
    times = []
    for _ in range(WARM_UP + runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[WARM_UP:]))


def _simplest(op: str, e: int, w: int) -> Genotype:
    return Genotype(e, w, (NodeGene((0,), op),))


def _nodes(w: int, ops: Sequence[str]) -> Parts:
    """Nodes of one input, without norm and activation."""
    x, mask = torch.randn(1, TOKENS, w), torch.ones(1, TOKENS, dtype=torch.bool)
    runs: Parts = {}
    for op in dict.fromkeys(("identity", *ops)):
        spec = module_spec(_simplest(op, 32, w))["nodes"]
        runs[op] = partial(Node(spec[0], w).eval(), [x], mask)  # type: ignore[index]
    return runs


def _around_ops(w: int) -> Parts:
    """What else may run in a node: combination of the inputs, norm, activation."""
    x = torch.randn(1, TOKENS, w)
    runs: Parts = {name: partial(run, x) for name, run in ACTIVATIONS.items()}
    runs |= {"add": partial(torch.add, x, x), "multiply": partial(torch.mul, x, x)}
    runs["layer norm"] = partial(nn.LayerNorm(w), x)
    for k in range(2, MAX_INPUTS + 1):
        runs[f"concat{k}"] = partial(_concat, nn.Linear(k * w, w), [x] * k)
    return runs


def _ends(w: int, e: int) -> Parts:
    """Map to the width, positions and pooling."""
    x, mask = torch.randn(1, TOKENS, w), torch.ones(1, TOKENS, dtype=torch.bool)
    places, table = torch.arange(TOKENS), nn.Embedding(MAX_POSITIONS, w)
    return {
        "factor": partial(nn.Linear(e, w), torch.randn(1, TOKENS, e)),
        "none position": lambda: None,
        "sinusoidal position": lambda: x + sinusoid(TOKENS, w, x.device),
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
    ids = torch.arange(TOKENS)[None]
    whole = median_ms(lambda: model(input_ids=ids, attention_mask=torch.ones_like(ids)))
    known = [table[part(name, w)] for name in parts(g) if name != "student"]
    return max(0.0, whole - sum(known))


def _concat(project: nn.Linear, inputs: list[torch.Tensor]) -> torch.Tensor:
    return project(torch.cat(inputs, dim=-1))
