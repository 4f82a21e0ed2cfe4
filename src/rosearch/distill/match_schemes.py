"""Which outputs of a student are matched with which layers of the teacher. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from rosearch.errors import UserError
from rosearch.space.genotype import Genotype
from rosearch.space.ops import OPS

Kind = Literal["patient", "hidden", "cosine", "attention", "attention_kl"]


@dataclass(frozen=True)
class Match:
    """One pair of a student's output and a teacher's layer, and the loss between them.

    Attributes:
        kind: `patient` (first-token states, Sun et al. 2019), `hidden` (TinyBERT's states and
            embeddings, Jiao et al. 2020), `cosine` (DistilBERT's states), `attention` (TinyBERT's
            maps) or `attention_kl` (MobileBERT's).
        student: number of a cell; 0 is the input stage, that is the embeddings.
        teacher: number of a layer; 0 is the embeddings.
        weight: of this loss in the sum.
        node: a node of the cell, from 1; None is the output of the cell or, for attention, its
            last self-attention.

    Raises:
        UserError: an unknown kind, a negative number, or a weight that is not above 0.
    """

    kind: Kind
    student: int
    teacher: int
    weight: float = 1.0
    node: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise UserError(
                f"matching: expected one of {', '.join(get_args(Kind))}, found {self.kind!r}"
            )
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise UserError(f"matching: expected a weight above 0, found {self.weight}")
        least = 1 if self.of_attention else 0
        if self.student < least or self.teacher < least:
            raise UserError(
                f"matching: {self.kind} matches cells and layers from {least} up, "
                f"found {self.student} and {self.teacher}"
            )

    @property
    def of_attention(self) -> bool:
        """Whether attention maps are matched, not states."""
        return self.kind in ("attention", "attention_kl")

    @property
    def of_tokens(self) -> bool:
        """Whether student and teacher must read the same tokens."""
        return self.kind != "patient"


def layers_of(matches: Sequence[Match]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Layers whose hidden states and whose attention maps matches read; see `cache_outputs`."""
    hidden = {m.teacher for m in matches if not m.of_attention}
    attention = {m.teacher for m in matches if m.of_attention}
    return tuple(sorted(hidden)), tuple(sorted(attention))


def layers_for(
    scheme: str, genotypes: Iterable[Genotype], layers: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """As `layers_of`, for all of some students.

    Args:
        layers: of the teacher.
    """
    return layers_of([m for g in genotypes for m in SCHEMES[scheme](g, layers)])


def spread(cells: int, layers: int) -> tuple[tuple[int, int], ...]:
    """Pairs (cell, layer) that spread the teacher's layers over the cells, the last to the last.

    The uniform layer map of TinyBERT, g(m) = m N / M (Jiao et al. 2020, section 3.1), and PKD-skip
    (Sun et al. 2019, section 3.2); rounded, as M need not divide N.
    """
    return tuple((m, max(1, round(m * layers / cells))) for m in range(1, cells + 1))


def patient_matches(cells: int, layers: int, weight: float = 1.0) -> tuple[Match, ...]:
    """PKD-skip: every cell but the last with a layer (Sun et al. 2019, section 3.2).

    The last layer is left to the soft targets, as in the paper; a student of one cell matches it.
    """
    pairs = spread(cells, layers)
    return tuple(Match("patient", m, layer, weight) for m, layer in pairs[:-1] or pairs)


def tinybert_matches(
    g: Genotype, layers: int, weight: float = 1.0, attention_weight: float = 100.0
) -> tuple[Match, ...]:
    """Embeddings, every cell's states, and attention where the cell has any (Jiao et al. 2020).

    Departure: the paper weighs all alike. Its attention scores are of the order of 1; the weights
    after the softmax, which are matched here, are about 1 / T, and their squared errors far less.
    """
    pairs = spread(g.repeat, layers)
    found = [Match("hidden", 0, 0, weight)]
    found += [Match("hidden", m, layer, weight) for m, layer in pairs]
    if _attention_nodes(g):
        found += [Match("attention", m, layer, attention_weight) for m, layer in pairs]
    return tuple(found)


def distilbert_matches(g: Genotype, layers: int) -> tuple[Match, ...]:
    """The last states by their cosine (Sanh et al. 2019, section 3)."""
    return (Match("cosine", g.repeat, layers),)


def mobilebert_matches(g: Genotype, layers: int) -> tuple[Match, ...]:
    """States and attention maps of every cell (Sun et al. 2020, section 3.5)."""
    pairs = spread(g.repeat, layers)
    found = [Match("hidden", m, layer) for m, layer in pairs]
    return (*found, *(Match("attention_kl", m, layer) for m, layer in pairs if _attention_nodes(g)))


def last_matches(g: Genotype, layers: int) -> tuple[Match, ...]:
    """The last states (Mukherjee and Awadallah 2020, section 4.2)."""
    return (Match("hidden", g.repeat, layers),)


# Name in a configuration -> the matches of a student with a teacher of so many layers.
SCHEMES: dict[str, Callable[[Genotype, int], tuple[Match, ...]]] = {
    "patient": lambda g, layers: patient_matches(g.repeat, layers),
    "tinybert": tinybert_matches,
    "distilbert": distilbert_matches,
    "mobilebert": mobilebert_matches,
    "last": last_matches,
}


def node_of(m: Match, g: Genotype) -> int | None:
    """The node of a cell that a match reads; None is the output of the cell.

    Raises:
        UserError: there is no such node, or none with attention.
    """
    with_attention = _attention_nodes(g)
    if m.node is not None and (m.student == 0 or not 1 <= m.node <= len(g.nodes)):
        raise UserError(
            f"matching: there is no node {m.node} in cell {m.student} of the student; "
            f"cells 1 to {g.repeat} have nodes 1 to {len(g.nodes)}"
        )
    if not m.of_attention:
        return m.node
    if not with_attention or m.node not in (None, *with_attention):
        raise UserError(
            f"matching: attention is matched with nodes of self-attention, and the student has "
            f"{'nodes ' + ', '.join(map(str, with_attention)) if with_attention else 'none'}"
        )
    return m.node or with_attention[-1]


def _attention_nodes(g: Genotype) -> list[int]:
    """Numbers, from 1, of the nodes that are self-attentions."""
    return [i for i, node in enumerate(g.nodes, 1) if OPS[node.op].family == "attention"]
