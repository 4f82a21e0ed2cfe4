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
# Batch and tokens of the traced example: not 0 or 1, which torch.export fixes, and short, because
# it unrolls recurrent networks while it traces.
TRACED = (2, 3)


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


def write_onnx(model: nn.Module, path: Path, max_tokens: int = 512) -> None:
    """Write a classifier as one ONNX file.

    By torch.export: the older exporter by tracing is twenty times as fast and gives graphs of the
    same speed, but is deprecated.

    Args:
        max_tokens: longest text that the model takes.

    Raises:
        UserError: the model cannot be exported.
        MissingExtra: onnx or onnxscript is not installed.
    """
    require("onnx", "onnx"), require("onnxscript", "onnx")
    ids = torch.ones(TRACED, dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, TRACED[1] // 2 :] = 0
    shape = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens", max=max_tokens)}
    try:
        with _silent():
            torch.onnx.export(
                _Logits(model).eval(),
                (ids, mask),
                path,
                input_names=list(INPUTS),
                output_names=["logits"],
                dynamic_shapes=dict.fromkeys(INPUTS, shape),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
            _run_other_shapes(path)
    except Exception as error:  # the exporter raises errors of several libraries
        path.unlink(missing_ok=True)
        raise UserError(
            f"{type(model).__name__} cannot be exported to ONNX: {one_line(error)}; use --format hf"
        ) from None


def _run_other_shapes(path: Path) -> None:
    """The exporter may keep the batch or the length of its example, and then says nothing of it."""
    exported = OnnxClassifier(path)
    for shape in ((1, 1), (TRACED[0] + 1, TRACED[1] + 2)):
        ids = torch.ones(shape, dtype=torch.int64)
        found = tuple(exported(ids, ids).logits.shape)
        if found[0] != shape[0]:
            raise ValueError(f"the graph gives logits {found} for inputs {shape}")


def write_int8(onnx: Path, path: Path) -> None:
    """Quantise an ONNX file: int8 weights; activations are quantised as they come, per batch.

    onnxruntime has integer forms of matrix products, convolutions, embeddings (also those of
    positions) and LSTMs; all else, GRUs and the classifier among it, stays in float32.
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
