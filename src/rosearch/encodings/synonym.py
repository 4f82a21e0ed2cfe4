"""The synonym encoding: the words of a cluster of synonyms share one row of the embedding.

Swapping words inside a cluster then cannot change the student's output (Wang et al. 2019, SEM;
Jones et al. 2020, RobEn). How clusters grow: `rosearch.encodings.clusters`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Self, TypeVar

from rosearch.encodings.base import Encoding, GeneSettings
from rosearch.encodings.genes import Trait, gene, short
from rosearch.io.plugins.registry import added

if TYPE_CHECKING:
    from rosearch.encodings.material import Material
    from rosearch.encodings.vocabulary import Vocabulary

S = TypeVar("S", bound="Synonym")

# Edits of letters are no clusters.
LEXICONS = ("wordnet", "relatives", "roget", "webster", "encoder")
MAX_TOLERANCE = 1000.0
MAX_CLUSTER = 1_000_000
LEAST_TOLERANCE = 0.001  # a tolerance of 0 has no logarithm
NO_CAP = 2**10  # stands for clusters without a cap where sizes are compared


@dataclass(frozen=True)
class Synonym(Encoding):
    """How the words of a synonym encoding are clustered; what a gene means stands beside it."""

    name = "synonym"
    text = (
        "the words of a synonym cluster share one row: swapping them changes nothing, be they "
        "written so, So or SO"
    )
    source = "Wang et al. 2019 (SEM); Jones et al. 2020 (RobEn)"
    usual_rows = 19_300
    families = ()

    lexicons: tuple[str, ...] = gene(
        [("wordnet",)],
        "whose substitutions are the edges along which clusters grow; one or more of "
        f"{', '.join(LEXICONS)}.",
    )
    tolerance: float = gene(
        [0.015],
        "how different in meaning for the task two words of a cluster may be. Clusters are merged "
        "by Ward's criterion on what their words say about the classes, the cheapest merge first, "
        "until the next one costs more than this per substitution that it makes harmless.",
    )
    max_cluster: int = gene([0], "most words of a cluster; 0 means no cap.")

    @property
    def key(self) -> str:
        """Such as `synonym:wordnet:0.015:0`, the same for any order of the lexicons."""
        names = "+".join(sorted(self.lexicons))
        return f"{self.name}:{names}:{float(self.tolerance)}:{self.max_cluster}"

    def problems(self) -> list[str]:
        found = []
        names, known = self.lexicons, clustering_lexicons()
        if not names or set(names) - set(known) or len(set(names)) < len(names):
            found.append(
                f"lexicons: expected one or more of {', '.join(known)}, found {short(names)}"
            )
        if not 0 <= self.tolerance <= MAX_TOLERANCE:  # also refuses NaN
            found.append(
                f"tolerance: expected 0 to {MAX_TOLERANCE:g}, found {short(self.tolerance)}"
            )
        if self.max_cluster != 0 and not 2 <= self.max_cluster <= MAX_CLUSTER:
            found.append(
                f"max_cluster: expected 0 (no cap) or 2 to {MAX_CLUSTER}, "
                f"found {short(self.max_cluster)}"
            )
        return found

    @classmethod
    def offered(cls, settings: GeneSettings) -> tuple[Self, ...]:
        """Every combination: non-empty subsets of the lexicons, tolerances, caps."""
        names = settings.lexicons
        subsets = [s for n in range(1, len(names) + 1) for s in combinations(names, n)]
        found = product(subsets, settings.tolerances, settings.max_clusters)
        return tuple(cls(*genes) for genes in found)

    @classmethod
    def fits(cls, tokenizer: object) -> bool:
        from rosearch.encodings.vocabulary import supports_synonyms

        return supports_synonyms(tokenizer)

    @classmethod
    def vocabularies(cls, wanted: Sequence[Self], material: Material) -> dict[Self, Vocabulary]:
        from rosearch.encodings.vocabulary import synonym_vocabulary

        found = clusters_of(wanted, material).items()
        return {e: synonym_vocabulary(material.tokenizer, clusters) for e, clusters in found}

    def vocabulary(self, material: Material) -> Vocabulary:
        return self.vocabularies([self], material)[self]

    def lexicons_read(self, usual: tuple[str, ...]) -> tuple[str, ...]:
        return self.lexicons

    def nearest(self, offered: Sequence[Self]) -> Self:
        return min(offered, key=lambda other: abs(other.tolerance - self.tolerance))

    def numbers(self) -> tuple[float, ...]:
        return (
            math.log2(max(self.tolerance, LEAST_TOLERANCE) / LEAST_TOLERANCE),
            *(float(name in self.lexicons) for name in clustering_lexicons()),
            math.log2(self.max_cluster or NO_CAP),
        )

    def traits(self) -> tuple[Trait, ...]:
        size = math.log2(max(self.tolerance, LEAST_TOLERANCE))
        return (
            Trait("encoding", "tolerance of the synonyms", size, "per doubling"),
            Trait("lexicon", "relatives as synonyms", "relatives" in self.lexicons),
            Trait("lexicon", "the teacher's neighbours as synonyms", "encoder" in self.lexicons),
            Trait("cap", "capped clusters", self.max_cluster > 0),
        )


def clustering_lexicons() -> tuple[str, ...]:
    """Lexicons that clusters may grow along; users register further ones, with `clusters`."""
    return (*LEXICONS, *(entry.name for entry in added("lexicon") if entry.clusters))


def clusters_of(wanted: Sequence[S], material: Material) -> dict[S, dict[str, str]]:
    """Word -> name of its cluster; encodings that differ in the tolerance only grow in one go."""
    from rosearch.encodings.clusters import growing_clusters

    alike: dict[tuple[tuple[str, ...], int], list[S]] = defaultdict(list)
    for encoding in wanted:
        alike[encoding.lexicons, encoding.max_cluster].append(encoding)
    found = {}
    for (names, cap), group in alike.items():
        tolerances = [e.tolerance for e in group]
        grown = growing_clusters(material.united(names), material.evidence, tolerances, cap)
        found.update({e: grown[e.tolerance] for e in group})
    return found
