"""Which outputs of a student are matched with which layers of the teacher. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rosearch.space.genotype import Genotype
from rosearch.space.ops import OPS

ATTENTION_WEIGHT = 100.0
Kind = Literal["patient", "hidden", "cosine", "attention", "attention_kl"]


@dataclass(frozen=True)
class Match:
    """One pair of a student's output and a teacher's layer, and the loss between them.

    Attributes:
        kind: `patient` (first-token states, Sun et al. 2019), `hidden` (TinyBERT's states and
            embeddings, Jiao et al. 2020), `cosine` (DistilBERT's states), `attention` (TinyBERT's
            maps) or `attention_kl` (MobileBERT's).
        student: number of a cell, of whose output or last self-attention; 0 is the input stage,
            that is the embeddings.
        teacher: number of a layer; 0 is the embeddings.
        weight: of this loss in the sum.
    """

    kind: Kind
    student: int
    teacher: int
    weight: float = 1.0

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


def patient_matches(g: Genotype, layers: int) -> tuple[Match, ...]:
    """PKD-skip: every cell but the last with a layer (Sun et al. 2019, section 3.2).

    The last layer is left to the soft targets, as in the paper; a student of one cell matches it.
    """
    pairs = spread(g.repeat, layers)
    return tuple(Match("patient", m, layer) for m, layer in pairs[:-1] or pairs)


def tinybert_matches(g: Genotype, layers: int) -> tuple[Match, ...]:
    """Embeddings, every cell's states, and attention where the cell has any (Jiao et al. 2020).

    Departure: the paper weighs all alike. Its attention scores are of the order of 1; the weights
    after the softmax, which are matched here, are about 1 / T, and their squared errors far less.
    """
    pairs = spread(g.repeat, layers)
    found = [Match("hidden", 0, 0), *(Match("hidden", m, layer) for m, layer in pairs)]
    if attention_node(g):
        found += [Match("attention", m, layer, ATTENTION_WEIGHT) for m, layer in pairs]
    return tuple(found)


def distilbert_matches(g: Genotype, layers: int) -> tuple[Match, ...]:
    """The last states by their cosine (Sanh et al. 2019, section 3)."""
    return (Match("cosine", g.repeat, layers),)


def mobilebert_matches(g: Genotype, layers: int) -> tuple[Match, ...]:
    """States and attention maps of every cell (Sun et al. 2020, section 3.5)."""
    pairs = spread(g.repeat, layers)
    found = [Match("hidden", m, layer) for m, layer in pairs]
    return (*found, *(Match("attention_kl", m, layer) for m, layer in pairs if attention_node(g)))


def last_matches(g: Genotype, layers: int) -> tuple[Match, ...]:
    """The last states (Mukherjee and Awadallah 2020, section 4.2)."""
    return (Match("hidden", g.repeat, layers),)


# Name in a configuration -> the matches of a student with a teacher of so many layers.
SCHEMES: dict[str, Callable[[Genotype, int], tuple[Match, ...]]] = {
    "patient": patient_matches,
    "tinybert": tinybert_matches,
    "distilbert": distilbert_matches,
    "mobilebert": mobilebert_matches,
    "last": last_matches,
}


def attention_node(g: Genotype) -> int:
    """Number, from 1, of the last node of a cell that is a self-attention; 0 if none is."""
    families = [OPS[node.op].family for node in g.nodes]
    return max((i for i, family in enumerate(families, 1) if family == "attention"), default=0)
