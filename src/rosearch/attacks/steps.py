"""How the parts of an attack ask models: by yielding requests that the engine answers in batches.

A search, a source or a constraint that needs a model is a generator: it yields a `Request`, is sent
the answers, and returns its result. It keeps its state in local variables, so any number of texts
can be attacked together, and a batch of many is exactly many of one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from rosearch.attacks.white_box import WhiteBox

T = TypeVar("T")
# Each model has items and answers of its own kind, one answer an item and in order: a list or an
# array whose first axis are the items.
Items: TypeAlias = Sequence[Any]
Replies: TypeAlias = Any
Model = Callable[[Items], Replies]


@dataclass(frozen=True)
class Request:
    """What a step wants to know next.

    Attributes:
        items: one or more; for the victim, `Words`.
        model: who answers; None is the victim, which gives probabilities (items, C). Requests to
            equal models are answered in one call.
        white_box: what the victim is asked for where that is not probabilities: an ascent along
            its gradients.
        reads: whether the victim is asked how it reads texts instead: equal replies, equal
            probabilities.
    """

    items: Items
    model: Model | None = None
    white_box: WhiteBox | None = None
    reads: bool = False


Step: TypeAlias = Generator[Request, Replies, T]


def answered(step: Step[T]) -> T:
    """The result of a step that asks other models than the victim, each request on its own."""
    try:
        request = next(step)
        while True:
            if request.model is None:
                raise ValueError("the step asks the victim")
            request = step.send(request.model(request.items))
    except StopIteration as stop:
        result: T = stop.value
        return result
