"""What a saved classifier says of texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rosearch.types import Json, Text, parts

if TYPE_CHECKING:
    from rosearch.models.classifier import Classifier


def predict(model: str | Path, texts: Iterable[Text], batch: int = 256) -> Iterable[Json]:
    """Label and probabilities of each text or pair, lazily and in order."""
    from rosearch.models.open import open_classifier

    classifier = open_classifier(model)
    waiting = iter(texts)
    while some := list(islice(waiting, batch)):
        yield from _predictions(classifier, some)


def _predictions(classifier: Classifier, texts: list[Text]) -> Iterator[Json]:
    names = classifier.label_names
    for text, row in zip(texts, classifier.probabilities(texts), strict=True):
        best = int(np.argmax(row))
        yield {
            **dict(zip(("text", "text_pair"), parts(text), strict=False)),
            "label": names[best],
            "probability": round(float(row[best]), 6),
            "probabilities": {names[i]: round(float(p), 6) for i, p in enumerate(row)},
        }
