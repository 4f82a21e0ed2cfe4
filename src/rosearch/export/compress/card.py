"""`README.md` of a compressed model's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rosearch.export.card import BATCH_DEPENDENCE, LIBRARIES, code, plain, table
from rosearch.export.compress.result import Checked, Compressed
from rosearch.export.int8 import FORM
from rosearch.export.speed import Speed, speed_lines
from rosearch.export.usage import usage
from rosearch.models.classifier import Classifier
from rosearch.results.words import told
from rosearch.tasks import Task

HOW = {
    "int8": f"quantised to 8 bits by onnxruntime (integer products, {FORM})",
    "int4": "with weights of 4 bits by onnxruntime, in blocks of 32 (activations in float32)",
    "hf": "pruned by magnitude (Han et al. 2015)",
}


def write_card(result: Compressed, original: Classifier, path: Path, task: Task | None) -> None:
    """Write the model card: what was done, what it takes, how it compares, how it is loaded."""
    from huggingface_hub import ModelCard, ModelCardData

    data = ModelCardData(
        library_name=LIBRARIES.get(result.form, "onnx"),
        pipeline_tag="text-classification",
        tags=["rosearch", result.label.replace(" ", "").replace("%", "")],
        model_name=f"{result.original} ({result.label})",
    )
    pairs = task is not None and not isinstance(task.test.texts[0], str)
    parts = [
        _head(result, original),
        *([_checked(result.checked)] if result.checked else []),
        *([_speed(result.speed)] if result.speed else []),
        usage(result.form, pairs, original),
        *([f"## Limits\n\n- {BATCH_DEPENDENCE}"] if result.form == "int8" else []),
    ]
    body = "\n\n".join(part.strip() for part in parts)
    ModelCard(f"---\n{data.to_yaml()}\n---\n{body}\n").save(path)


def _head(result: Compressed, original: Classifier) -> str:
    labels = ", ".join(map(plain, original.label_names))
    params = f"{result.params:,}"
    size = f"{result.disk / 1e6:.1f} MB ({result.bits_per_weight:.2f} bits for each parameter)"
    if result.sparse:
        params += f", of which {result.nonzero:,} are not 0"
        formats = ", ".join(f"{n / 1e6:.1f} MB as {name}" for name, n in result.sparse.items())
        size = (
            f"{result.disk / 1e6:.1f} MB; the zeros are stored like other numbers. "
            f"With sparse matrices: {formats}"
        )
    return f"""
# {plain(result.original)}, {plain(result.label)}

The classifier {code(result.original)}, {HOW[result.form]}. Made with RoSearch.

- **Labels**: {labels}
- **Parameters**: {params}
- **Size**: {size}
"""


def _checked(checked: Checked) -> str:
    p = checked.parity
    lines = [f"- {plain(q.name)}: {told(q.words)}" for q in (checked.compressed, checked.original)]
    listed = "\n".join(lines)
    return f"""
## Against the original model

{p.n} texts of the test split of {code(checked.task)}: the same label for {p.agreement:.1%}, largest
difference of a probability {p.difference:.2g}. Clean accuracy, with 95 % Wilson intervals, and
balanced over the labels:

{listed}
"""


def _speed(speed: Sequence[Speed]) -> str:
    rows = [(s.batch, f"{s.ms:.3f}", f"{s.float_ms:.3f}", f"{s.ratio:.2f}x") for s in speed]
    told = "".join(map(plain, speed_lines(speed)[1:]))
    return f"""
## Speed

One thread, 32 tokens a text, tokenizer not counted; medians, on one machine at one time.

{table(["batch", f"{speed[0].form}, ms", "float (onnx), ms", "times as fast as float"], rows)}

{told}
"""
