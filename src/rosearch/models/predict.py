"""What a saved classifier says of texts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from rosearch.types import Json, Text, parts


def predict(model: str | Path, texts: Iterable[Text], batch: int = 256) -> Iterable[Json]:
    """Label and probabilities of each text or pair, lazily and in order."""
    from rosearch.models.load import load_classifier, model_source
    from rosearch.models.victim import ModelVictim
    from rosearch.tasks.words import segment

    network, tokenizer = load_classifier(model_source(str(model)))
    victim = ModelVictim(network, tokenizer)
    names = network.config.id2label
    waiting: list[Text] = []

    def answers() -> Iterable[Json]:
        for text, row in zip(
            waiting, victim.probabilities([segment(t) for t in waiting]), strict=True
        ):
            best = int(np.argmax(row))
            yield {
                **dict(zip(("text", "text_pair"), parts(text), strict=False)),
                "label": str(names[best]),
                "probability": round(float(row[best]), 6),
                "probabilities": {str(names[i]): round(float(p), 6) for i, p in enumerate(row)},
            }

    for text in texts:
        waiting.append(text)
        if len(waiting) == batch:
            yield from answers()
            waiting = []
    if waiting:
        yield from answers()
