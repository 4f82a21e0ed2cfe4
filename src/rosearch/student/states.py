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


@dataclass(frozen=True)
class StudentStates:
    """Outputs of the parts of a student for one batch, on the graph of autograd.

    Attributes:
        logits: (B, C).
        outputs: of the input stage, then of each of the stacked cells, 1 + `repeat` x (B, T, W);
            zero at padding.
        attention: cell, from 1 -> maps (B, H, T, T) of its last self-attention, if it has any.
    """

    logits: Tensor
    outputs: tuple[Tensor, ...]
    attention: dict[int, Tensor]


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
    maps = [[n.op.softmax for n in c.nodes if isinstance(n.op, SelfAttention)] for c in parts]
    with _recorded([model.input, *parts, *(last[-1] for last in maps if last)]) as found:
        logits = model.logits(vectors, mask.bool())
    outputs, attention = [found[model.input][0]], {}
    for i in range(model.repeat):
        time, own = divmod(i, len(parts))  # a shared cell is called again and again
        outputs.append(found[parts[own]][time])
        if maps[own]:
            attention[i + 1] = found[maps[own][-1]][time]
    return StudentStates(logits, tuple(outputs), attention)


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
