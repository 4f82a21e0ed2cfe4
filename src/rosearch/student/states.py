"""Reading what a student computes inside, for losses that match it with the teacher's layers.

Shapes: B batch, T tokens, W width, H heads, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from rosearch.student.layers import SelfAttention
from rosearch.student.model import StudentForSequenceClassification

Place = tuple[int, int]


@dataclass(frozen=True)
class StudentStates:
    """Outputs of the parts of a student for one batch, on the graph of autograd.

    Attributes:
        logits: (B, C).
        embedding: output of the input stage, (B, T, W); zero at padding, as all states are.
        cells: output of each of the stacked cells, `repeat` x (B, T, W).
        nodes: (cell, node), both from 1 -> output of that node, (B, T, W).
        attention: (cell, node) of the self-attentions -> their maps (B, H, T, T).
    """

    logits: Tensor
    embedding: Tensor
    cells: tuple[Tensor, ...]
    nodes: dict[Place, Tensor]
    attention: dict[Place, Tensor]

    def at(self, cell: int, node: int | None = None) -> Tensor:
        """State (B, T, W) of a cell, or of a node of it; cell 0 is the input stage."""
        if cell == 0:
            return self.embedding
        return self.cells[cell - 1] if node is None else self.nodes[cell, node]


def student_states(
    model: StudentForSequenceClassification, vectors: Tensor, mask: Tensor
) -> StudentStates:
    """What `model.logits` computes, with the outputs of all parts. One forward pass, no more.

    Hooks read them, so that the plain path and the code of saved models know nothing of it.

    Args:
        vectors: token vectors (B, T, E), see `model.token_vectors`.
        mask: (B, T), true at real tokens.
    """
    parts: list[Any] = list(model.cells)
    watched: list[nn.Module] = [model.input, *parts]
    for cell in parts:
        for node in cell.nodes:
            watched += [node, node.op.softmax] if isinstance(node.op, SelfAttention) else [node]
    with _recorded(watched) as outputs:
        logits = model.logits(vectors, mask.bool())
    cells, nodes, attention = [], {}, {}
    for i in range(1, model.repeat + 1):
        time, own = divmod(i - 1, len(parts))  # a shared cell is called again and again
        cell = parts[own]
        cells.append(outputs[cell][time])
        for j, node in enumerate(cell.nodes, 1):
            nodes[i, j] = outputs[node][time]
            if isinstance(node.op, SelfAttention):
                attention[i, j] = outputs[node.op.softmax][time]
    return StudentStates(logits, outputs[model.input][0], tuple(cells), nodes, attention)


@contextmanager
def _recorded(modules: list[nn.Module]) -> Iterator[dict[nn.Module, list[Tensor]]]:
    """What the modules give while the block runs, in the order of the calls of each."""
    outputs: dict[nn.Module, list[Tensor]] = {module: [] for module in modules}

    def record(module: nn.Module, _inputs: object, output: Tensor) -> None:
        outputs[module].append(output)

    hooks = [module.register_forward_hook(record) for module in modules]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()
