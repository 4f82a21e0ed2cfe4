"""An ONNX graph that is called as a Hugging Face classifier is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rosearch.errors import require

if TYPE_CHECKING:
    from transformers import PretrainedConfig

TYPES = "token_type_ids"
PACKAGES = ("onnx", "onnxruntime")

# onnxruntime >= 1.29 reports the graphs it loads to its maker, and warns where it cannot: a tool
# that runs on other people's models tells nobody of them, unless they say so.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


class Logits(NamedTuple):
    """What a graph answers a batch: logits (B, C)."""

    logits: Tensor


class OnnxClassifier:
    """An ONNX file that is called as a Hugging Face classifier is, so that attacks take it.

    Args:
        threads: of one forward pass.
        config: Hugging Face config of the classifier, for those who ask for its labels.

    Attributes:
        input_names: what the graph takes.
    """

    device = torch.device("cpu")

    def __init__(
        self, path: Path, threads: int = 1, config: PretrainedConfig | None = None
    ) -> None:
        self.config = config
        runtime = require("onnxruntime", "onnx")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4  # errors are raised, not printed as well
        self.session = runtime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self.input_names = tuple(taken.name for taken in self.session.get_inputs())

    def eval(self) -> OnnxClassifier:
        """Itself: a graph has no training mode."""
        return self

    def __call__(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> Logits:
        """Token types that are not given are 0, as in BERT."""
        feed = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
        if token_type_ids is not None:
            feed[TYPES] = token_type_ids.numpy()
        elif TYPES in self.input_names:
            feed[TYPES] = np.zeros_like(feed["input_ids"])
        return Logits(torch.from_numpy(self.session.run(["logits"], feed)[0]))
