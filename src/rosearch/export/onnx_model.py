"""A classifier as an ONNX graph with dynamic batch and length, in float32 or int8.

Inputs `input_ids` and `attention_mask` (B, T) int64, output `logits` (B, C) float32; B batch, T
tokens, C classes. All of the model is in the graph, the row map of the synonym encoding too.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from rosearch.errors import UserError, one_line, require

INPUTS = ("input_ids", "attention_mask")
PACKAGES = ("onnx", "onnxruntime")
TRACED = (2, 6)  # batch and tokens of the example
OTHERS = ((1, 1), (3, 11), (1, 40))
OPSET = 18


class OnnxClassifier:
    """An ONNX file that is called as a Hugging Face classifier is, so that attacks take it.

    Args:
        threads: of one forward pass.
    """

    device = torch.device("cpu")

    def __init__(self, path: Path, threads: int = 1) -> None:
        runtime: Any = require("onnxruntime", "onnx")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4  # errors are raised, not printed as well
        self.session = runtime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def eval(self) -> OnnxClassifier:
        """Itself: a graph has no training mode."""
        return self

    def __call__(self, input_ids: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        """Logits (B, C) as the attribute `logits`."""
        feed = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
        return SimpleNamespace(logits=torch.from_numpy(self.session.run(["logits"], feed)[0]))


class _Logits(nn.Module):
    """A Hugging Face classifier with two inputs and one output."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def write_onnx(model: nn.Module, path: Path) -> None:
    """Write a classifier as one ONNX file, by tracing.

    The newer exporter by torch.export takes twenty times as long for graphs of the same speed, and
    of torch 2.13 it keeps the traced length of the second recurrent model of a process.

    Raises:
        UserError: the model cannot be exported.
        MissingExtra: onnx or onnxruntime is not installed.
    """
    for package in PACKAGES:
        require(package, "onnx")
    try:
        with _silent():
            torch.onnx.export(
                _Logits(model).eval(),
                _example(*TRACED),
                path,
                input_names=list(INPUTS),
                output_names=["logits"],
                dynamic_axes={
                    **{name: {0: "batch", 1: "tokens"} for name in INPUTS},
                    "logits": {0: "batch"},
                },
                opset_version=OPSET,
                dynamo=False,
            )
        _check_other_shapes(model, path)
    except Exception as error:  # the exporter raises errors of several libraries
        path.unlink(missing_ok=True)
        raise UserError(
            f"{type(model).__name__} cannot be exported to ONNX: {one_line(error)}; use --format hf"
        ) from None


def _example(batch: int, tokens: int) -> tuple[Tensor, Tensor]:
    """Ids and a mask (B, T) whose last row is half padding."""
    ids = 3 + torch.arange(batch * tokens).view(batch, tokens) % 5
    mask = torch.ones_like(ids)
    mask[-1, (tokens + 1) // 2 :] = 0
    return ids, mask


def _check_other_shapes(model: nn.Module, path: Path) -> None:
    """A trace may keep the batch or the length of its example, and says nothing of it."""
    exported = OnnxClassifier(path)
    for shape in OTHERS:
        ids, mask = _example(*shape)
        with torch.inference_mode():
            want = model(input_ids=ids, attention_mask=mask).logits
        found = exported(ids, mask).logits
        if found.shape != want.shape or not torch.allclose(found, want, 1e-3, 1e-3):
            raise ValueError(f"the graph differs from the model for inputs of shape {shape}")


def write_int8(onnx: Path, path: Path) -> None:
    """Quantise an ONNX file: int8 weights; activations are quantised as they come, per batch.

    onnxruntime has integer forms of matrix products, convolutions, embeddings and LSTMs; all else,
    GRUs and the classifier among it, stays in float32. On `mr` (validation, n = 600, 3 students)
    the labels agree for 99.7 to 100 %; with embeddings left in float32 for 99.3 to 99.8 %, in files
    three times as large.
    """
    require("onnxruntime", "onnx")
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(dir=path.parent) as scratch, _silent():
        # Folds constants: weights that the graph still reorders would stay in float32.
        folded = Path(scratch) / "folded.onnx"
        quant_pre_process(str(onnx), str(folded), skip_symbolic_shape=True)
        quantize_dynamic(folded, path, weight_type=QuantType.QInt8)


@contextmanager
def _silent() -> Iterator[None]:
    """Without what the exporter and the quantiser tell of their own workings."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
