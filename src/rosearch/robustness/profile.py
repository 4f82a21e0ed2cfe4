"""What a classifier makes of texts, in figures that can be compared: words, confidence, labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from rosearch.models.classifier import Classifier
from rosearch.tasks.words import segment
from rosearch.types import ClassCounts, Interval, Text, class_counts, parts, wilson

WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Share:
    """A share of something.

    Attributes:
        hits, n: in counts.
        effective: so many independent ones would tell as much: words of one text go together.
    """

    hits: int
    n: int
    effective: float

    @classmethod
    def of(cls, hits: int, n: int) -> Share:
        """One of independent counts."""
        return cls(hits, n, n)

    @property
    def value(self) -> float:
        """In [0, 1]; 0 of nothing."""
        return self.hits / self.n if self.n else 0.0

    @property
    def interval(self) -> Interval:
        """95 % score interval."""
        return wilson(self.value * self.effective, self.effective)


@dataclass(frozen=True)
class Mean:
    """A mean of probabilities over texts, with its standard error."""

    value: float
    error: float

    @property
    def interval(self) -> Interval:
        """95 % interval of the normal distribution."""
        half = 1.96 * self.error
        return Interval(max(0.0, self.value - half), min(1.0, self.value + half))


@dataclass(frozen=True)
class Profile:
    """What a classifier makes of N texts.

    Attributes:
        unknown: words that it has not as such: its reader does not know them or, without one, its
            tokenizer needs several pieces for them.
        corrected: words that its reader reads otherwise than they are written; None without one.
        confidence: mean probability of the likeliest label.
        predicted: texts that it gives each label.
        classes: of those texts whose label is known; none where it is of no text.
    """

    texts: int
    unknown: Share
    corrected: Share | None
    confidence: Mean
    predicted: tuple[int, ...]
    classes: tuple[ClassCounts, ...] = ()


def profile(
    classifier: Classifier, texts: Sequence[Text], labels: Sequence[int | None] = ()
) -> Profile:
    """The figures of texts.

    Args:
        labels: of the texts, as the classifier numbers them; None is not known.
    """
    probabilities = classifier.probabilities(texts)
    said = probabilities.argmax(1)
    knows, corrects = _readers(classifier)
    counts = [_words(text, knows, corrects) for text in texts]
    words, unknown, corrected = np.array(counts).T
    reads = getattr(classifier.tokenizer, "reader", None) is not None
    known = [i for i, label in enumerate(labels) if label is not None]
    told = [int(labels[i] or 0) for i in known]
    return Profile(
        len(texts),
        _clustered(unknown, words),
        _clustered(corrected, words) if reads else None,
        _mean(probabilities.max(1)),
        tuple(np.bincount(said, minlength=probabilities.shape[1]).tolist()),
        class_counts(said[known], told, probabilities.shape[1]) if known else (),
    )


Knows = Callable[[str], bool]
Corrects = Callable[[str], Sequence[tuple[str, str]]]


def _readers(classifier: Classifier) -> tuple[Knows, Corrects]:
    """Whether a classifier knows a word, and what it corrects in a text."""
    reader = getattr(classifier.tokenizer, "reader", None)
    if reader is not None:
        return (lambda word: word.isdecimal() or word.lower() in reader.prior), reader.explain
    return _whole(classifier), lambda text: ()


def _whole(classifier: Classifier) -> Knows:
    """Whether a word is one token, at the beginning of a text or inside."""
    backend = classifier.tokenizer.backend_tokenizer
    unknown = getattr(classifier.tokenizer, "unk_token_id", None)

    @cache
    def knows(word: str) -> bool:
        found = (backend.encode(form, add_special_tokens=False).ids for form in (word, f" {word}"))
        return any(len(ids) == 1 and ids[0] != unknown for ids in found)

    return lambda word: word.isdecimal() or knows(word)


def _words(text: Text, knows: Knows, corrects: Corrects) -> tuple[int, int, int]:
    """How many words a text has, how many of them are unknown, and how many are corrected."""
    words = [word for part in parts(text) for word in WORD.findall(part)]
    changed = [written for part in parts(text) for written, _ in corrects(part)]
    corrected = sum(max(1, len(segment(written).words)) for written in changed)
    return len(words), sum(not knows(word) for word in words), min(corrected, len(words))


def _clustered(hits: np.ndarray, sizes: np.ndarray) -> Share:
    """A ratio over texts, whose words are no independent draws (Kish 1965, 6.5)."""
    found, n = int(hits.sum()), int(sizes.sum())
    share = found / n if n else 0.0
    plain = share * (1 - share) * n
    if not plain or len(hits) < 2:  # nothing tells how far words of a text go together: wholly
        return Share(found, n, min(n, len(hits)))
    spread = float(((hits - share * sizes) ** 2).sum()) * len(hits) / (len(hits) - 1)
    return Share(found, n, n / max(1.0, spread / plain))


def _mean(values: np.ndarray) -> Mean:
    error = float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 1.0
    return Mean(float(values.mean()), error)
