"""Quantise a classifier: an ONNX folder as `rosearch export` writes them, and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rosearch.errors import UserError, require
from rosearch.export.bundle import FLOATS, TIMED, quantized_folder
from rosearch.export.compress.card import write_card
from rosearch.export.compress.check import answers, compare, open_original
from rosearch.export.compress.int4 import Storage, storage, write_int4
from rosearch.export.compress.result import Checked, Compressed
from rosearch.export.onnx_model import write_int8
from rosearch.export.usage import EXAMPLES, PAIRS
from rosearch.io.files import new_folder
from rosearch.io.progress import stage
from rosearch.io.threads import one_thread
from rosearch.models.classifier import Classifier
from rosearch.models.onnx import PACKAGES
from rosearch.models.onnx_folder import FILE, graph_classifier
from rosearch.models.timing import latencies
from rosearch.tasks import Task

# Bits -> name of the form, label, writer.
FORMS: dict[int, tuple[str, str, Callable[[Path, Path], None]]] = {
    8: ("int8", "int8", write_int8),
    4: ("int4", "4-bit", write_int4),
}


def quantized(model: str | Path, bits: int, out: Path, task: Task | None = None) -> Compressed:
    """Quantise any Hugging Face classifier or student, without training, into the new folder `out`.

    8 bits: integer products, activations quantised as they come (`write_int8`). 4 bits: weights
    only, activations in float32 (`write_int4`).

    Args:
        model: a folder or a hub id.
        bits: 8 or 4.
        task: compares the answers with those of the original on its test split.

    Raises:
        UserError: bad arguments, or a model that cannot be loaded or quantised.
    """
    if bits not in FORMS:
        raise UserError(f"no --bits {bits}; choose 8 (int8) or 4 (weights of 4 bits)")
    for package in PACKAGES:
        require(package, "onnx")
    original = open_original(model, out, task)
    with new_folder(out, replace=False) as folder, one_thread():
        return _quantized(original, bits, out, folder, task)


def _quantized(
    original: Classifier, bits: int, out: Path, folder: Path, task: Task | None
) -> Compressed:
    form, label, writer = FORMS[bits]
    # Without a task nobody knows whether texts come in pairs: then types are an input.
    example = task.test.texts[0] if task else PAIRS[0]
    with stage(f"quantising {original.name} to {bits} bits", 3) as advance:
        made = quantized_folder(original, folder, example, writer)
        advance(1, "")
        checked = _checked(original, made, label, task)
        advance(1, "")
        floats = graph_classifier(folder.parent / FLOATS, made.tokenizer, original.module.config)
        timed = {("model", form): made, ("model", "onnx"): floats}
        latency = latencies(
            timed, task.test.sample(TIMED, least_per_class=0).texts if task else EXAMPLES
        )
        advance(1, "")
    found: Storage = storage(folder / FILE)
    size = (folder / FILE).stat().st_size
    result = Compressed(
        label=label,
        original=original.name,
        folder=out,
        form=form,
        params=original.params,
        nonzero=sum(int(p.count_nonzero()) for p in original.module.parameters()),
        disk=size,
        effective=size,
        stored=found.stored,
        quantized=min(1.0, found.codes / original.params),
        checked=checked,
        latency=tuple(latency),
    )
    write_card(result, original, folder / "README.md", task)
    return result


def _checked(
    original: Classifier, made: Classifier, label: str, task: Task | None
) -> Checked | None:
    if task is None:
        return None
    return compare(task, answers(original, task), answers(made, task), label)
