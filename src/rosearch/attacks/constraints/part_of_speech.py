"""Part of speech: a substitution must be of the kind of word that it replaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rosearch.attacks.constraints import NamedConstraint, Verdict
from rosearch.attacks.constraints.similarity import cut
from rosearch.attacks.steps import Model, Request, Step
from rosearch.tasks.words import Words

CONTEXT = 4  # words on each side that a changed word is tagged with
SHORT = 10  # up to so many words, the whole text is its context
EXCHANGEABLE = {"NOUN", "VERB"}


@dataclass(frozen=True)
class PartOfSpeech:
    """The same universal tag, nouns and verbs counting as one (Jin et al. 2020, section 3.2).

    As TextFooler's code does, the original word is tagged in its whole text, a substitution in
    four words of context on each side.

    Attributes:
        tagger: (text, position) -> the tag of the word there.
        static: tag a substitution as the only change of the original text, whatever changed before;
            then tags are those of any other student.
    """

    tagger: Model
    static: bool = False
    expensive = True

    def judge(
        self, original: Words, current: Words, options: Sequence[Words], position: int
    ) -> Step[Verdict]:
        if self.static:
            options = [original.with_word(position, option.words[position]) for option in options]
        contexts = [_context(option, position) for option in options]
        tag, *tags = yield Request([(original, position), *contexts], self.tagger)
        ok = np.array([exchangeable(tag, other) for other in tags], dtype=bool)
        return Verdict(ok, np.zeros(len(options)))


def exchangeable(a: str, b: str) -> bool:
    """Whether a word of tag `b` may take the place of one of tag `a`."""
    return a == b or {a, b} == EXCHANGEABLE


def _context(text: Words, position: int) -> tuple[Words, int]:
    """The words around a position, fewer at a border, and the position among them."""
    if len(text.words) <= SHORT:
        return text, position
    start = max(position - CONTEXT, 0)
    return cut(text, start, min(position + CONTEXT + 1, len(text.words))), position - start


PART_OF_SPEECH = NamedConstraint(
    "part-of-speech",
    "a substitution is of the same part of speech",
    lambda resources: PartOfSpeech(resources.model("tagger"), static=not resources.exact),
)
