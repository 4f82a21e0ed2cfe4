"""An ONNX graph with weights of 4 bits, and what the numbers of a graph take.

Weight-only: activations stay in float32, so an answer does not depend on the texts beside it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.errors import UserError, one_line, require, system_trouble
from rosearch.export.onnx_model import folded, silent
from rosearch.models.onnx import PACKAGES, OnnxClassifier

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

BITS = 4
BLOCK = 32  # weights that share a scale; the smallest width of a student
OPSET = 21  # the first one with types of 4 bits
OPS = ("MatMul", "Gather")


@dataclass(frozen=True)
class Storage:
    """What the numbers of a graph take.

    Attributes:
        stored: bytes by how they are stored: `4-bit`, `8-bit`, `float32`, `other`.
        codes: weights that have fewer bits than a float.
    """

    stored: Mapping[str, int]
    codes: int


def write_int4(onnx: Path, path: Path) -> None:
    """Quantise the weights of an ONNX file to 4 bits by rounding to the nearest, in blocks.

    onnxruntime stores matrices of products (`MatMulNBits`) and of embeddings
    (`GatherBlockQuantized`) as 4-bit codes with a scale and a zero point for each 32 of them.
    Convolutions, LSTMs and GRUs have no such form and stay in float32. Blocks of 32 with zero
    points: MiniLM on `mr` (test, n = 500) then takes 5.22 bits a weight and moves a probability by
    at most 0.21; 0.35 without zero points, 0.33 in blocks of 128 (4.38 bits).

    Raises:
        UserError: the graph cannot be quantised.
        MissingExtra: onnx, onnxruntime or onnx-ir is not installed.
    """
    for package in (*PACKAGES, "onnx_ir"):
        require(package, "onnx")
    try:
        with silent(), folded(onnx) as source, _root_logger_as_it_is():
            _quantise(source, path)
        OnnxClassifier(path)
    except Exception as error:  # the quantiser raises errors of several libraries
        path.unlink(missing_ok=True)
        if system_trouble(error):
            raise
        raise UserError(
            f"this model cannot be quantised to {BITS} bits: {one_line(error)}; use --bits 8"
        ) from None


def _quantise(source: Path, path: Path) -> None:
    import onnx
    from onnx.version_converter import convert_version
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
    from onnxruntime.quantization.onnx_model import ONNXModel

    graph = ONNXModel(convert_version(onnx.load(source), OPSET))
    graph.replace_gemm_with_matmul()  # the quantiser does not know Gemm
    quantiser = MatMulNBitsQuantizer(
        graph.model,
        bits=BITS,
        block_size=BLOCK,
        is_symmetric=False,
        nodes_to_exclude=_no_embeddings(graph.model.graph),
        op_types_to_quantize=OPS,
    )
    quantiser.process()
    quantiser.model.save_model_to_file(str(path))


def _no_embeddings(graph: GraphProto) -> list[str]:
    """Names of the nodes that gather something else than rows of a float matrix."""
    import onnx

    tables = {
        t.name
        for t in graph.initializer
        if len(t.dims) == 2 and t.data_type == onnx.TensorProto.FLOAT
    }
    return [
        node.name
        for node in graph.node
        if node.op_type == "Gather"
        and (node.input[0] not in tables or any(a.name == "axis" and a.i for a in node.attribute))
    ]


@contextmanager
def _root_logger_as_it_is() -> Iterator[None]:
    """The quantiser's module calls `logging.basicConfig`, which a root with a handler ignores."""
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def storage(path: Path) -> Storage:
    """What the numbers of an ONNX file take; scales, biases and tables of indices are counted."""
    import onnx

    graph = onnx.load(path).graph
    products = [node for node in graph.node if node.op_type == "MatMulNBits"]
    packed = {name for node in products for name in node.input}  # two codes in each byte
    matrices = {node.input[1]: _whole(node, "K") * _whole(node, "N") for node in products}
    kinds = onnx.TensorProto
    stored: Counter[str] = Counter()
    codes = 0
    for tensor in graph.initializer:
        numbers, kind = prod(tensor.dims), tensor.data_type
        size = numbers * onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize
        of_weights = "zero_point" not in tensor.name
        if tensor.name in packed and kind == kinds.UINT8:
            stored["4-bit"] += size
            codes += matrices.get(tensor.name, 0)
        elif kind in (kinds.INT4, kinds.UINT4):
            stored["4-bit"] += (numbers + 1) // 2
            codes += numbers * of_weights
        elif kind in (kinds.INT8, kinds.UINT8):
            stored["8-bit"] += size
            codes += numbers * of_weights
        else:
            stored["float32" if kind == kinds.FLOAT else "other"] += size
    return Storage(dict(stored), codes)


def _whole(node: NodeProto, name: str) -> int:
    return next(int(a.i) for a in node.attribute if a.name == name)
