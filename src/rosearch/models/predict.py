"""What a saved classifier says of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.errors import UserError
from rosearch.types import Json, Text, parts

if TYPE_CHECKING:
    from rosearch.models.classifier import Classifier

# From a text to what was written otherwise than it is read, and what it was read as.
ReadAs = Callable[[str], Iterable[tuple[str, str]]]


@dataclass(frozen=True)
class Prediction:
    """What a classifier says of a text or pair.

    Attributes:
        probabilities: by label.
        read_as: what was written otherwise than the model reads it, and what it was read as; None
            where nobody asked.
    """

    text: Text
    probabilities: Mapping[str, float]
    read_as: tuple[tuple[str, str], ...] | None = None

    @property
    def label(self) -> str:
        """The likeliest label."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def probability(self) -> float:
        """Of that label."""
        return self.probabilities[self.label]

    def to_json(self) -> Json:
        """With `text` and, of a pair, `text_pair`; with `read_as` where that was asked for."""
        read = {} if self.read_as is None else {"read_as": [list(pair) for pair in self.read_as]}
        return {
            **dict(zip(("text", "text_pair"), parts(self.text), strict=False)),
            "label": self.label,
            "probability": round(self.probability, 6),
            "probabilities": {name: round(p, 6) for name, p in self.probabilities.items()},
            **read,
        }


def predict(
    model: str | Path,
    texts: Iterable[Text],
    batch: int = 256,
    label_map: str | None = None,
    explain: bool = False,
) -> Iterable[Prediction]:
    """Label and probabilities of each text or pair, lazily and in order.

    Args:
        label_map: other names for the model's labels: `MODEL=OTHER,...` or a JSON object.
        explain: also tell what the model reads otherwise than it is written.

    Raises:
        UserError: the model can't be loaded, lacks a label of the map, or reads texts as they are
            where that is to be explained.
    """
    from rosearch.models.labels import relabelled
    from rosearch.models.open import open_classifier

    classifier = open_classifier(model)
    read_as = _read_as(classifier) if explain else None
    waiting = iter(texts)
    names = relabelled(classifier.label_names, label_map)
    while some := list(islice(waiting, batch)):
        for text, row in zip(some, classifier.probabilities(some), strict=True):
            read = None if read_as is None else tuple(p for t in parts(text) for p in read_as(t))
            yield Prediction(text, dict(zip(names, map(float, row), strict=True)), read)


def _read_as(classifier: Classifier) -> ReadAs:
    reader = getattr(classifier.tokenizer, "reader", None)
    if reader is None:
        raise UserError(
            f"{classifier.name} reads texts as they are, so there is nothing to explain; "
            "leave --explain out"
        )
    found: ReadAs = reader.explain
    return found
