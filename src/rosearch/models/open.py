"""One way to open a classifier, whatever it was saved as."""

from __future__ import annotations

from pathlib import Path

from rosearch.models.classifier import Classifier, Predict
from rosearch.models.device import to_device
from rosearch.models.load import load_classifier, model_source
from rosearch.models.onnx_folder import is_onnx, open_onnx


def open_classifier(source: str | Path | Predict, device: str = "cpu") -> Classifier:
    """A saved student, a Hugging Face classifier, an ONNX folder, or a function.

    Args:
        source: a folder, a hub id, or a function from texts, or from pairs `(first, second)`, to
            probabilities (texts, C).
        device: `auto`, `cpu`, `cuda`, `cuda:1`, ...; a function runs where it runs.

    Raises:
        UserError: it can't be loaded, or can't run there.
    """
    if callable(source):
        return Classifier.function(source)
    folder = model_source(str(source))
    if is_onnx(folder):
        return open_onnx(folder, str(source), device)
    model, tokenizer = load_classifier(folder)
    return Classifier.of(to_device(model, device), tokenizer, str(source), folder)
