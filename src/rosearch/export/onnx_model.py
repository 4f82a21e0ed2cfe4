"""A classifier as an ONNX graph with dynamic batch and length, in float32 or int8.

Inputs `input_ids` and `attention_mask` (B, T) int64, `token_type_ids` (B, T) int64 only where the
model tells the texts of a pair apart by them; output `logits` (B, C) float32; B batch, T tokens, C
classes. All of the model is in the graph, the row map of the synonym encoding too.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from rosearch.errors import DiskError, UserError, one_line, require, system_trouble
from rosearch.export.int8 import quantise
from rosearch.models.batches import second_half
from rosearch.models.onnx import PACKAGES, TYPES, OnnxClassifier
from rosearch.models.padding import ended

TRACED = (2, 6)  # batch and tokens of the example
OTHERS = ((1, 1), (3, 11), (1, 40))
OPSET = 18
COPIES = 4  # of a graph that may be on the disk at once while it is quantised


class _Logits(nn.Module):
    """A Hugging Face classifier with the named inputs, in their order, and one output."""

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.names = tuple(names)

    def forward(self, *inputs: Tensor) -> Tensor:
        logits: Tensor = self.model(**dict(zip(self.names, inputs, strict=True))).logits
        return logits


def write_onnx(model: nn.Module, path: Path, types: bool = False) -> None:
    """Write a classifier as one ONNX file, by tracing.

    The newer exporter by torch.export takes twenty times as long for graphs of the same speed, and
    of torch 2.13 it keeps the traced length of the second recurrent model of a process.

    Args:
        types: whether token types are an input, see `Classifier.reads_types`.

    Raises:
        UserError: the model cannot be exported.
        MissingExtra: onnx or onnxruntime is not installed.
    """
    for package in PACKAGES:
        require(package, "onnx")
    example = _example(model, *TRACED, types)
    try:
        with silent():
            torch.onnx.export(
                _Logits(model, tuple(example)).eval(),
                tuple(example.values()),
                path,
                input_names=list(example),
                output_names=["logits"],
                dynamic_axes={
                    **{name: {0: "batch", 1: "tokens"} for name in example},
                    "logits": {0: "batch"},
                },
                opset_version=OPSET,
                dynamo=False,
            )
        _check_other_shapes(model, path, types)
    except Exception as error:  # the exporter raises errors of several libraries
        path.unlink(missing_ok=True)
        if system_trouble(error):
            raise
        check_room(path.parent, sum(p.nbytes for p in model.parameters()))
        raise UserError(
            f"{type(model).__name__} cannot be exported to ONNX: {one_line(error)}; use --format hf"
        ) from None


def _example(model: nn.Module, batch: int, tokens: int, types: bool) -> dict[str, Tensor]:
    """Inputs (B, T): the last row is half padding, the latter half of the tokens of type 1."""
    ids = ended(3 + torch.arange(batch * tokens).view(batch, tokens) % 5, model)
    mask = torch.ones_like(ids)
    mask[-1, (tokens + 1) // 2 :] = 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    return {**inputs, TYPES: second_half(ids)} if types else inputs


def _check_other_shapes(model: nn.Module, path: Path, types: bool) -> None:
    """A trace may keep the batch or the length of its example, and says nothing of it."""
    exported = OnnxClassifier(path)
    for shape in OTHERS:
        inputs = _example(model, *shape, types)
        with torch.inference_mode():
            want = model(**inputs).logits
        found = exported(**inputs).logits
        if found.shape != want.shape or not torch.allclose(found, want, 1e-3, 1e-3):
            raise ValueError(f"the graph differs from the model for inputs of shape {shape}")


def write_int8(onnx: Path, path: Path) -> None:
    """Quantise an ONNX file: int8 weights; activations are quantised as they come, per batch.

    onnxruntime has integer forms of matrix products, convolutions, embeddings and LSTMs; all else,
    GRUs and the last layer among it, stays in float32. Of which form the integers are, and why:
    `rosearch.export.int8`.
    """
    require("onnxruntime", "onnx")
    try:
        with silent(), folded(onnx) as source:
            quantise(source, path)
    except Exception:
        path.unlink(missing_ok=True)
        check_room(path.parent, onnx.stat().st_size)
        raise


def check_room(folder: Path, size: int) -> None:
    """Whether a failure to write files of about `size` bytes may be that of a full disk: onnx and
    its exporter write as much as there is room for and do not tell.

    Raises:
        DiskError: there is no room for them.
    """
    needed = COPIES * size
    if (free := shutil.disk_usage(folder).free) < needed:
        raise DiskError(
            f"{folder}: {free / 1e6:,.1f} MB are free on this disk, and files of some "
            f"{needed / 1e6:,.1f} MB are written on the way to an ONNX model; make room, or give "
            "another folder"
        )


@contextmanager
def folded(onnx: Path) -> Iterator[Path]:
    """The graph with folded constants: weights that it still reorders would stay in float32."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(dir=onnx.parent) as scratch:
        path = Path(scratch) / "folded.onnx"
        quant_pre_process(str(onnx), str(path), skip_symbolic_shape=True)
        yield path


@contextmanager
def silent() -> Iterator[None]:
    """Without what the exporter and the quantiser tell of their own workings."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
