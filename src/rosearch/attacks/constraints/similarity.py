"""Sentence similarity: a changed text must mean what the text meant, as an encoder sees it.

Shapes: n changed texts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rosearch.attacks.constraints import NamedConstraint, Verdict
from rosearch.attacks.steps import Model, Request, Step
from rosearch.tasks.words import Words

# TextFooler's threshold as an angular similarity: its code asks for 1 - arccos(cosine) >= 0.5.
TEXTFOOLER = 1 - 0.5 / math.pi


@dataclass(frozen=True)
class SentenceSimilarity:
    """Windows around the changed position must be alike (Jin et al. 2020, section 3.2).

    The quality of a verdict is the cosine.

    Departure: texts shorter than the window all pass, and are only compared to find the most
    similar one (TextFooler's code lowers its threshold to 0.1 for them, which hardly binds).

    Attributes:
        cosines: pairs of texts -> cosines of their encodings, (n,).
        least: the least similarity.
        measure: of `least`: `angular`, 1 - arccos(cosine) / pi (Cer et al. 2018), or `cosine`.
        window: words around the position; None compares whole texts.
        reference: what is compared with: the `current` text, as TextFooler does, or the
            `original` one.
        static: compare the original text with itself after this change alone. What came before
            plays no part, so the similarities are those of any other student, and exact until a
            second word changes.
    """

    cosines: Model
    least: float = TEXTFOOLER
    measure: Literal["angular", "cosine"] = "angular"
    window: int | None = 15
    reference: Literal["current", "original"] = "current"
    static: bool = False
    expensive = True

    def judge(
        self, original: Words, current: Words, options: Sequence[Words], position: int
    ) -> Step[Verdict]:
        short = self.window is not None and len(original.words) < self.window
        if short and len(options) == 1:  # passes, and there is nothing to be more similar than
            return Verdict(np.ones(1, dtype=bool), np.zeros(1))
        base = original if self.static or self.reference == "original" else current
        if self.static:
            options = [original.with_word(position, option.words[position]) for option in options]
        before = around(base, position, self.window)
        pairs = [(before, around(option, position, self.window)) for option in options]
        cosines = np.asarray((yield Request(pairs, self.cosines)), dtype=np.float64)
        least = self.least if self.measure == "cosine" else math.cos(math.pi * (1 - self.least))
        return Verdict(cosines >= round(least, 6) if not short else cosines > -2, cosines)


def around(text: Words, position: int, window: int | None) -> Words:
    """The window of an odd number of words around a position; at a border it keeps its length."""
    n = len(text.words)
    if window is None or n <= window:
        return text
    start = min(max(position - window // 2, 0), n - window)
    return cut(text, start, start + window)


def cut(text: Words, start: int, end: int) -> Words:
    """Words `start` to `end` and the gaps between them."""
    return Words(text.words[start:end], ("", *text.gaps[start + 1 : end], ""))


SIMILARITY = NamedConstraint(
    "similarity",
    "a sentence encoder finds the texts alike",
    lambda resources, **settings: SentenceSimilarity(
        resources.model("encoder"), static=not resources.exact, **settings
    ),
)
