"""Words that mean nearly the same, as a teacher reads what WordNet says of them.

Shapes: n definitions, D dimensions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from rosearch.attacks.encoder import SentenceEncoder
from rosearch.attacks.lexicon import Table
from rosearch.attacks.sources.vectors import Vectors
from rosearch.attacks.sources.wordnet import wordnet_definitions
from rosearch.models.device import autocast
from rosearch.tasks.words import Words

SENSES = 2  # of each part of speech: rarer ones have other neighbours, which texts seldom mean
CANDIDATES = 60  # of which the fine-tuned teacher then leaves about a fifth
LEAST_COSINE = 0.5  # of definitions


def near_by_definitions(base: Path, words: Sequence[str]) -> Table:
    """Of each of the words, those that have a definition near one of its own, nearest first.

    "Fails" so has "flop" and "disappointed", of which no synset of WordNet and no encoding of
    single words tells. A word without a definition, such as one of another language, has none.
    """
    definitions = wordnet_definitions(SENSES)
    defined = {word: found for word in words if (found := definitions(word))}
    texts = tuple(dict.fromkeys(text for found in defined.values() for text in found))
    if not texts:
        return {}
    with autocast("auto"):
        matrix = SentenceEncoder(base)([Words((text,), ("", "")) for text in texts])
    vectors = Vectors(texts, {text: i for i, text in enumerate(texts)}, matrix)
    near = vectors.nearest(texts, CANDIDATES, LEAST_COSINE)
    having: dict[str, list[str]] = defaultdict(list)
    for word, found in defined.items():
        for text in found:
            having[text].append(word)
    table = {}
    for word, found in defined.items():
        others = dict.fromkeys(o for text in _in_order(found, near, vectors) for o in having[text])
        others.pop(word)
        if others:
            table[word] = tuple(islice(others, CANDIDATES))
    return table


def _in_order(own: Sequence[str], near: Mapping[str, Sequence[str]], vectors: Vectors) -> list[str]:
    """Definitions of a word and those near any of them, nearest first."""
    nearest: dict[str, float] = defaultdict(float)
    for text in own:
        others = (text, *near.get(text, ()))
        rows = vectors.matrix[[vectors.index[other] for other in others]]
        for other, cosine in zip(others, rows @ vectors.matrix[vectors.index[text]], strict=True):
            nearest[other] = max(nearest[other], float(cosine))
    return sorted(nearest, key=lambda text: -nearest[text])
