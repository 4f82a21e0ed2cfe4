"""int8 weights whose products are the same on every processor.

Dynamic quantisation multiplies activations of unsigned 8 bits by integer weights. Processors with
AVX2 and no VNNI add two such products in 16 bits, and what does not fit is cut: weights of signed
8 bits give other answers there. Nothing is cut where signed weights have 7 bits, or where weights
are unsigned, as those are multiplied in 32 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto, TensorProto

FORM = (
    "weights of 7 bits, with a scale for each column, in matrix products and LSTMs, of 8 bits in "
    "convolutions and embeddings; activations of 8 bits; same answers on every processor"
)
# Two products of an activation and a weight: 2 * 255 * 64 fits into 16 bits, 2 * 255 * 65 does not.
LARGEST = 64


def quantise(source: Path, path: Path) -> None:
    """Quantise a graph with folded constants.

    Why this form, by the labels that agree with float (`mr` test, n = 1,000; MiniLM and seven
    small students; a processor with VNNI; milliseconds of MiniLM at batch 1, float 5.4):

    - 8 bits everywhere, as onnxruntime does unasked: MiniLM 96.1 %, students 97.5 to 100 %, 1.9 ms,
      but other answers without VNNI.
    - 7 bits with one scale a matrix: MiniLM 91.2 %, students 96.8 to 99.9 %, 1.9 ms.
    - 7 bits with a scale for each column: MiniLM 97.7 %, students 96.8 to 100 %, 2.1 ms.
    - unsigned 8 bits: MiniLM 97.0 %, students 97.7 to 100 %, 3.1 ms.

    onnxruntime has no fast product for signed weights of convolutions; unsigned ones of 8 bits take
    0.14 ms where those take 0.31 (a student with one convolution, batch 32).
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(source, load_external_data=False).graph
    unsigned = {"quant_type": QuantType.QUInt8, "reduce_range": False}
    quantize_dynamic(
        source,
        path,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        nodes_to_exclude=_last_layer(graph),
        extra_options={
            "TensorQuantOverrides": {name: [dict(unsigned)] for name in _convolved(graph)}
        },
    )


def _last_layer(graph: GraphProto) -> list[str]:
    """Names of the nodes that give the logits: few weights, and each bit of them counts.

    The quantiser makes a product with another name of a `Gemm`.
    """
    ends = {output.name for output in graph.output}
    nodes = [node for node in graph.node if ends & set(node.output)]
    return [name for node in nodes for name in (node.name, f"{node.name}_MatMul")]


def _convolved(graph: GraphProto) -> list[str]:
    """Names of the weights of convolutions."""
    weights = {tensor.name for tensor in graph.initializer}
    found = {node.input[1] for node in graph.node if node.op_type == "Conv"}
    return sorted(found & weights)


def saturating(path: Path) -> list[str]:
    """Names of the signed weights of a file whose products can be cut on some processor.

    The worst case, whatever the activations are and whichever processor this is.
    """
    import onnx

    graph = onnx.load(path).graph
    return [
        tensor.name
        for tensor in _tensors(graph)
        if tensor.data_type == onnx.TensorProto.INT8
        and np.abs(onnx.numpy_helper.to_array(tensor).astype(int)).max(initial=0) > LARGEST
    ]


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Initialisers and constants, those of branches and loops too."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("g"):
                yield from _tensors(attribute.g)
