"""Genes of the synonym encoding: which lexicons its clusters are made of, how far they grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

PLAIN = "plain"
LEXICONS = ("wordnet", "relatives")  # single-letter edits make no sense as clusters
MAX_TOLERANCE = 1000.0
MAX_CLUSTER = 1_000_000


@dataclass(frozen=True)
class Clustering:
    """How the words of a synonym encoding are clustered; see `rosearch.encodings.clusters`.

    Attributes:
        lexicons: whose substitutions are the edges along which clusters may grow.
        tolerance: how different in meaning for the task two words of a cluster may be.
        max_cluster: most words of a cluster; 0 means no cap.
    """

    lexicons: tuple[str, ...] = ("wordnet",)
    tolerance: float = 0.015
    max_cluster: int = 0

    @property
    def key(self) -> str:
        """Name of the encoding, the same for any order of the lexicons."""
        names = "+".join(sorted(self.lexicons))
        return f"synonym:{names}:{float(self.tolerance)}:{self.max_cluster}"


def clusterings(
    lexicons: Sequence[str], tolerances: Sequence[float], max_clusters: Sequence[int]
) -> tuple[Clustering, ...]:
    """Every combination: non-empty subsets of the lexicons, tolerances, caps."""
    subsets = [s for n in range(1, len(lexicons) + 1) for s in combinations(lexicons, n)]
    return tuple(Clustering(*genes) for genes in product(subsets, tolerances, max_clusters))


def clustering_problems(clustering: Clustering) -> list[str]:
    """What is wrong with the genes, in words; empty when they are valid."""
    found = []
    names = clustering.lexicons
    if not names or set(names) - set(LEXICONS) or len(set(names)) < len(names):
        found.append(
            f"lexicons: expected one or more of {', '.join(LEXICONS)}, found {short(names)}"
        )
    if not 0 <= clustering.tolerance <= MAX_TOLERANCE:  # also refuses NaN
        found.append(
            f"tolerance: expected 0 to {MAX_TOLERANCE:g}, found {short(clustering.tolerance)}"
        )
    if clustering.max_cluster != 0 and not 2 <= clustering.max_cluster <= MAX_CLUSTER:
        found.append(
            f"max_cluster: expected 0 (no cap) or 2 to {MAX_CLUSTER}, "
            f"found {short(clustering.max_cluster)}"
        )
    return found


def short(value: object, limit: int = 60) -> str:
    """A value as an error shows it: a file may hold anything, of any length."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
