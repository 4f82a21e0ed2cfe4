"""Load a folder that `rosearch export` or `rosearch quantize` wrote as an ONNX graph."""

from __future__ import annotations

from pathlib import Path

from rosearch.errors import UserError, one_line, require
from rosearch.io.progress import quiet
from rosearch.models.loaded import Loaded
from rosearch.models.onnx import PACKAGES, OnnxClassifier
from rosearch.models.victim import Victim

FILE = "model.onnx"


def is_onnx(folder: Path) -> bool:
    """Whether the weights of a folder are an ONNX graph and nothing else."""
    return (folder / FILE).is_file() and not (folder / "model.safetensors").is_file()


def load_onnx(folder: Path) -> Loaded:
    """The graph, with its labels in `config`, and the tokenizer.

    Raises:
        UserError: the folder is damaged.
        MissingExtra: onnx or onnxruntime is not installed.
    """
    from transformers import AutoConfig, AutoTokenizer

    import rosearch  # noqa: F401  (makes configs of students known)

    for package in PACKAGES:
        require(package, "onnx")
    try:
        with quiet():
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        return Loaded(OnnxClassifier(folder / FILE, config=config), tokenizer)
    except Exception as error:  # a damaged file shows in errors of several libraries
        raise UserError(
            f"cannot load the ONNX model {str(folder)!r}: {one_line(error)}; write it anew with "
            "rosearch export"
        ) from None


def onnx_victim(folder: Path, loaded: Loaded, device: str = "auto") -> Victim:
    """The graph as a victim, in batches where these cannot change an answer.

    Raises:
        UserError: another device than the CPU.
    """
    if device not in ("auto", "cpu"):
        raise UserError(f"cannot use the device {device!r}: ONNX models run on the CPU; use cpu")
    return loaded.victim(one_by_one=quantises_activations(folder / FILE))


def quantises_activations(path: Path) -> bool:
    """Whether a graph quantises activations, which it does over the whole batch."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    return any(node.op_type.startswith("DynamicQuantize") for node in graph.node)
