"""Synonym clusters for the synonym encoding. Torch-free.

Robust encodings trade stability (synonyms share a code) for fidelity (words that mean different
things for the task keep different codes): Jones et al. 2020 (RobEn), section 4. Merging whatever
is connected in a lexicon costs much accuracy and gains little, because ambiguous words chain
everything together. So clusters are grown by Ward's criterion over the lexicon's edges, on the
evidence that a word gives for each class.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Lexicon = Mapping[str, Sequence[str]]

RIDGE = 3.0
CLIP = 1.5  # a logit beyond this says no more about the words of a text
UNSEEN = 0.3  # weight of a word without evidence, in occurrences


@dataclass(frozen=True)
class Evidence:
    """What the words of the train split say about the classes.

    Attributes:
        effect: word -> (C,) change of the centred logits that its presence brings.
        count: word -> number of texts with it.
    """

    effect: Mapping[str, np.ndarray]
    count: Mapping[str, int]


def word_evidence(texts: Sequence[Sequence[str]], logits: np.ndarray) -> Evidence:
    """Ridge regression of the teacher's centred logits on the presence of words.

    Args:
        texts: lower-cased words of each text.
        logits: (texts, C) of the teacher.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import lsqr

    present = [sorted(set(words)) for words in texts]
    count = Counter(word for words in present for word in words)
    column = {word: i for i, word in enumerate(sorted(count))}
    indices = [column[word] for words in present for word in words]
    starts = np.cumsum([0, *(len(words) for words in present)])
    x = csr_matrix((np.ones(len(indices)), indices, starts), shape=(len(texts), len(column)))
    y = logits.astype(np.float64)
    y = np.clip(y - y.mean(1, keepdims=True), -CLIP, CLIP)
    y = y - y.mean(0)
    effects = np.stack([lsqr(x, y[:, c], damp=RIDGE**0.5)[0] for c in range(y.shape[1])], axis=1)
    return Evidence({word: effects[i] for word, i in column.items()}, dict(count))


def growing_clusters(
    lexicon: Lexicon, evidence: Evidence, tolerances: Sequence[float], max_cluster: int = 0
) -> dict[float, dict[str, str]]:
    """Clusters at several tolerances, in the time that the largest one takes: word -> the name of
    its cluster (one of its words), for clusters of two words and more.

    Two neighbouring clusters are merged, cheapest first, while the increase of the weighted
    within-cluster variance of the evidence, per substitution that the merge makes harmless, is at
    most the tolerance. Words are weighted by their number of occurrences, so rare words join their
    synonyms freely and frequent words only those that say the same about the classes.

    Args:
        lexicon: word -> its substitutions, lower case.
        max_cluster: most words of a cluster; 0 means no cap.
    """
    merger = _Merger(lexicon, evidence, max_cluster or math.inf)
    return {tolerance: merger.merged(tolerance) for tolerance in sorted(tolerances)}


class _Merger:
    """Agglomerative clustering on a sparse graph with a heap of possible merges.

    Merging goes on where it stopped when it is asked for again with a larger tolerance.
    """

    def __init__(self, lexicon: Lexicon, evidence: Evidence, max_cluster: float) -> None:
        self.max_cluster = max_cluster
        classes = len(next(iter(evidence.effect.values()), np.zeros(1)))
        zero = (0.0,) * classes
        edges: Counter[tuple[str, str]] = Counter()
        for word, found in lexicon.items():
            for other in found:
                if other != word:
                    pair = (min(word, other), max(word, other))
                    edges[pair] += evidence.count.get(word, 0) + 1
        self.parent = {word: word for pair in edges for word in pair}
        self.weight = {w: evidence.count.get(w, 0) + UNSEEN for w in self.parent}
        effect = {w: tuple(found.tolist()) for w, found in evidence.effect.items()}
        self.mean = {w: effect.get(w, zero) for w in self.parent}  # arrays so small are slow
        self.size = dict.fromkeys(self.parent, 1)
        self.links: dict[str, dict[str, int]] = defaultdict(dict)
        for (a, b), substitutions in edges.items():
            self.links[a][b] = self.links[b][a] = substitutions
        self.heap = [(self._cost(a, b), a, b) for a in self.links for b in self.links[a] if a < b]
        heapq.heapify(self.heap)

    def merged(self, tolerance: float) -> dict[str, str]:
        heap = self.heap
        while heap and heap[0][0] <= tolerance:
            cost, a, b = heapq.heappop(heap)
            if self.parent[a] != a or self.parent[b] != b:
                continue  # one of them was merged away since
            if self.size[a] + self.size[b] > self.max_cluster:
                continue
            now = self._cost(a, b)
            if now > cost + 1e-12:
                heapq.heappush(heap, (now, a, b))
            else:
                keep, gone = (a, b) if len(self.links[a]) >= len(self.links[b]) else (b, a)
                for other in self._merge(keep, gone):
                    heapq.heappush(heap, (self._cost(keep, other), keep, other))
        roots = ((w, self._root(w)) for w in self.parent)
        return {w: root for w, root in roots if self.size[root] > 1}

    def _cost(self, a: str, b: str) -> float:
        """Ward's increase of variance per substitution covered."""
        gap = math.dist(self.mean[a], self.mean[b])
        weight = self.weight[a] * self.weight[b] / (self.weight[a] + self.weight[b])
        return weight * gap * gap / self.links[a][b]

    def _merge(self, keep: str, gone: str) -> list[str]:
        """Merge two clusters; the neighbours whose merge cost changed."""
        total = self.weight[keep] + self.weight[gone]
        w, v = self.weight[keep], self.weight[gone]
        pairs = zip(self.mean[keep], self.mean[gone], strict=True)
        self.mean[keep] = tuple((w * x + v * y) / total for x, y in pairs)
        self.weight[keep] = total
        self.size[keep] += self.size[gone]
        self.parent[gone] = keep
        moved = self.links.pop(gone)
        moved.pop(keep)
        self.links[keep].pop(gone)
        for other, substitutions in moved.items():
            self.links[other].pop(gone)
            both = self.links[keep].get(other, 0) + substitutions
            self.links[keep][other] = self.links[other][keep] = both
        return list(moved)

    def _root(self, word: str) -> str:
        while self.parent[word] != word:
            self.parent[word] = self.parent[self.parent[word]]
            word = self.parent[word]
        return word
