"""The search space: torch-free descriptions of students, their variation and their cost."""

from typing import TYPE_CHECKING

from rosearch.io.plugins.faces import lazy_face
from rosearch.space.defences import INFERENCE_DEFENCES, InferenceDefence
from rosearch.space.ops import OPS, Op

if TYPE_CHECKING:
    from rosearch.space.cost import Sizes, flops, params
    from rosearch.space.genotype import Genotype, Node
    from rosearch.space.variation import Space, crossover, mutate, sample

__all__ = [
    "INFERENCE_DEFENCES",
    "OPS",
    "Genotype",
    "InferenceDefence",
    "Node",
    "Op",
    "Sizes",
    "Space",
    "crossover",
    "flops",
    "mutate",
    "params",
    "sample",
]
__getattr__ = lazy_face(
    __name__,
    {
        "Genotype": "genotype",
        "Node": "genotype",
        "Sizes": "cost",
        "Space": "variation",
        "crossover": "variation",
        "flops": "cost",
        "mutate": "variation",
        "params": "cost",
        "sample": "variation",
    },
)
