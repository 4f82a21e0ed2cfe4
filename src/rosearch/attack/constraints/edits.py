"""Edit distance: how many letters of a text an attack may change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rosearch.attack.constraints import Verdict
from rosearch.attack.steps import Step
from rosearch.attack.text import Words


@dataclass(frozen=True)
class EditDistance:
    """At most `most` insertions, deletions and substitutions of characters in the whole text.

    They are added up over the changed words, which is never less than the Levenshtein distance of
    the texts.
    """

    most: int
    dear: bool = False

    def judge(
        self, original: Words, current: Words, options: Sequence[Words], place: int
    ) -> Step[Verdict]:
        word = original.words[place]
        so_far = sum(
            levenshtein(original.words[i], current.words[i])
            for i in original.changed(current)
            if i != place
        )
        edits = np.array([so_far + levenshtein(word, o.words[place]) for o in options])
        return Verdict(edits <= self.most, -edits.astype(float))
        yield  # asks nothing, yet is a generator like every other constraint


@lru_cache(maxsize=65536)
def levenshtein(a: str, b: str) -> int:
    """Edit distance of two words (Levenshtein 1966)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (x != y))
    return row[-1]
