"""What a saved classifier says of texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rosearch.types import Json, Text, parts


@dataclass(frozen=True)
class Prediction:
    """What a classifier says of a text or pair.

    Attributes:
        probabilities: by label.
    """

    text: Text
    probabilities: Mapping[str, float]

    @property
    def label(self) -> str:
        """The likeliest label."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def probability(self) -> float:
        """Of that label."""
        return self.probabilities[self.label]

    def to_json(self) -> Json:
        """With `text` and, of a pair, `text_pair`."""
        return {
            **dict(zip(("text", "text_pair"), parts(self.text), strict=False)),
            "label": self.label,
            "probability": round(self.probability, 6),
            "probabilities": {name: round(p, 6) for name, p in self.probabilities.items()},
        }


def predict(
    model: str | Path, texts: Iterable[Text], batch: int = 256, label_map: str | None = None
) -> Iterable[Prediction]:
    """Label and probabilities of each text or pair, lazily and in order.

    Args:
        label_map: other names for the model's labels: `MODEL=OTHER,...` or a JSON object.

    Raises:
        UserError: the model can't be loaded, or lacks a label of the map.
    """
    from rosearch.models.labels import relabelled
    from rosearch.models.open import open_classifier

    classifier = open_classifier(model)
    waiting = iter(texts)
    names = relabelled(classifier.label_names, label_map)
    while some := list(islice(waiting, batch)):
        for text, row in zip(some, classifier.probabilities(some), strict=True):
            yield Prediction(text, dict(zip(names, map(float, row), strict=True)))
