"""Load a folder that `rosearch export` or `rosearch quantize` wrote as an ONNX graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.errors import UserError, one_line, require
from rosearch.io.quiet import quiet_transformers
from rosearch.models.classifier import Classifier
from rosearch.models.heads import check_head
from rosearch.models.network import Tokenizer
from rosearch.models.onnx import PACKAGES, OnnxClassifier
from rosearch.models.padding import fit_tokenizer

if TYPE_CHECKING:
    from transformers import PretrainedConfig

FILE = "model.onnx"


def is_onnx(folder: Path) -> bool:
    """Whether the weights of a folder are an ONNX graph and nothing else."""
    return (folder / FILE).is_file() and not (folder / "model.safetensors").is_file()


def open_onnx(folder: Path, name: str, device: str = "cpu") -> Classifier:
    """The graph and the tokenizer of a folder.

    Raises:
        UserError: the folder is damaged, or another device than the CPU is wanted.
        MissingExtra: onnx or onnxruntime is not installed.
    """
    from transformers import AutoConfig, AutoTokenizer

    import rosearch  # noqa: F401  (makes configs of students known)

    if device not in ("auto", "cpu"):
        raise UserError(f"cannot use the device {device!r}: ONNX models run on the CPU; use cpu")
    for package in PACKAGES:
        require(package, "onnx")
    try:
        with quiet_transformers():
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        fit_tokenizer(config, tokenizer)
        found = graph_classifier(folder / FILE, tokenizer, config, name, folder)
    except Exception as error:  # a damaged file shows in errors of several libraries
        raise UserError(
            f"cannot load the ONNX model {str(folder)!r}: {one_line(error)}; write it anew with "
            "rosearch export"
        ) from None
    check_head(config, name)
    return found


def graph_classifier(
    path: Path,
    tokenizer: Tokenizer,
    config: PretrainedConfig | None = None,
    name: str = "",
    folder: Path | None = None,
) -> Classifier:
    """An ONNX file with its tokenizer, asked in batches where these cannot change an answer."""
    one_by_one = quantises_activations(path)
    return Classifier.of(OnnxClassifier(path, config=config), tokenizer, name, folder, one_by_one)


def quantises_activations(path: Path) -> bool:
    """Whether a graph quantises activations, which it does over the whole batch."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    return any(node.op_type.startswith("DynamicQuantize") for node in graph.node)
