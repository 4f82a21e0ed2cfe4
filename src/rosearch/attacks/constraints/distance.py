"""Cheap distances between a text and its changed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rosearch.attacks.constraints import NamedConstraint, Verdict
from rosearch.attacks.steps import Step
from rosearch.tasks.words import Words


@dataclass(frozen=True)
class EditDistance:
    """At most so many letters inserted, deleted or replaced (Levenshtein 1966), over all changes.

    Gao et al. 2018 (DeepWordBug, section 4) allow 30.
    """

    most: int = 30
    expensive = False

    def judge(
        self, original: Words, current: Words, options: Sequence[Words], position: int
    ) -> Step[Verdict]:
        from rapidfuzz.distance import Levenshtein

        text = original.text
        far = [Levenshtein.distance(text, o.text, score_cutoff=self.most) for o in options]
        return Verdict(np.array(far, dtype=int) <= self.most, np.zeros(len(options)))
        yield  # asks nothing


EDIT_DISTANCE = NamedConstraint(
    "edit-distance",
    "at most so many letters changed over the whole text",
    lambda resources, **settings: EditDistance(**settings),
)
