"""int8 files answer alike on every processor, and tell where float is the better choice."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from rosearch.cli import main as cli
from rosearch.export import bundle
from rosearch.export.bundle import ParityError, check_products, export
from rosearch.export.int8 import LARGEST, saturating
from rosearch.export.onnx_model import folded, silent, write_int8, write_onnx
from rosearch.export.speed import speed_lines, speeds
from rosearch.models.timing import Latency


def write_full_range(floats: Path, path: Path) -> None:
    """What onnxruntime writes unasked: signed weights of 8 bits."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with silent(), folded(floats) as source:
        quantize_dynamic(source, path, weight_type=QuantType.QInt8)


@pytest.fixture(scope="module")
def files(students, tmp_path_factory) -> dict[str, Path]:
    """A trained student with attention as float, as int8, and with weights of the full range."""
    folder = tmp_path_factory.mktemp("int8")
    paths = {name: folder / f"{name}.onnx" for name in ("float", "int8", "full")}
    write_onnx(students[1].eval(), paths["float"])
    write_int8(paths["float"], paths["int8"])
    write_full_range(paths["float"], paths["full"])
    return paths


def products(path: Path) -> list[np.ndarray]:
    """Signed weights (inputs, outputs) of matrix products."""
    graph = onnx.load(path).graph
    weights = {t.name: t for t in graph.initializer if t.data_type == TensorProto.INT8}
    used = [n.input[1] for n in graph.node if n.op_type == "MatMulInteger"]
    return [numpy_helper.to_array(weights[name]).astype(int) for name in used if name in weights]


def cut(activations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """A product as AVX2 without VNNI does it: pairs are added in 16 bits (`vpmaddubsw`)."""
    pairs = activations[..., None].astype(int) * weights
    pairs = pairs.reshape(*pairs.shape[:-2], -1, 2, pairs.shape[-1]).sum(-2)
    return np.clip(pairs, -(2**15), 2**15 - 1).sum(-2)


def test_products_are_exact_where_pairs_are_added_in_16_bits(files):
    rng = np.random.default_rng(0)
    wrong = 0
    for name in ("int8", "full"):
        for weights in products(files[name]):
            many = rng.integers(0, 256, (20, len(weights)))
            worst = 255 * (weights.T > 0)  # all that is positive, of each column
            activations = np.concatenate([many, worst, 255 - worst])
            equal = np.array_equal(cut(activations, weights), activations @ weights)
            assert equal or name == "full"
            wrong += not equal
    assert wrong, "it matters"


def test_the_largest_weight_is_the_largest_that_is_exact():
    full = np.full((1, 2), 255)
    for weight, exact in ((LARGEST, True), (-LARGEST, True), (LARGEST + 1, False)):
        weights = np.full((2, 1), weight)
        assert np.array_equal(cut(full, weights), full @ weights) == exact


@pytest.mark.parametrize(("kind", "weight"), [(np.int8, LARGEST), (np.int8, -64), (np.uint8, 255)])
def test_the_worst_case_is_exact_on_this_processor(kind, weight, tmp_path: Path):
    import onnxruntime

    node = helper.make_node("MatMulInteger", ["a", "w"], ["y"])
    taken = helper.make_tensor_value_info("a", TensorProto.UINT8, [None, 64])
    given = helper.make_tensor_value_info("y", TensorProto.INT32, None)
    table = numpy_helper.from_array(np.full((64, 48), weight, kind), "w")
    graph = helper.make_graph([node], "worst", [taken], [given], [table])
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), tmp_path / "w.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "w.onnx", providers=["CPUExecutionProvider"])
    found = session.run(None, {"a": np.full((5, 64), 255, np.uint8)})[0]
    assert (found == 255 * 64 * weight).all()


def test_signed_weights_have_7_bits_and_the_last_layer_is_float(files):
    assert saturating(files["int8"]) == []
    check_products(files["int8"])
    graph = onnx.load(files["int8"]).graph
    kinds = {tensor.name: tensor for tensor in graph.initializer}
    signed = [t for t in kinds.values() if t.data_type == TensorProto.INT8 and len(t.dims) == 2]
    assert signed
    for tensor in signed:
        scale = kinds[tensor.name.replace("_quantized", "_scale")]
        assert list(scale.dims) == [tensor.dims[1]], "one scale for each column"
        assert np.abs(numpy_helper.to_array(tensor)).max() == LARGEST
    last = [t for t in kinds.values() if "classifier.weight" in t.name]
    assert last and all(t.data_type == TensorProto.FLOAT for t in last)


def test_a_file_of_the_full_range_fails_the_check(files):
    names = saturating(files["full"])
    assert len(names) == len(products(files["full"])) > 1
    with pytest.raises(ParityError, match=rf"{len(names)} signed .* beyond 64: .* without VNNI"):
        check_products(files["full"])


def test_the_check_sees_constants_and_branches(tmp_path: Path):
    def branch(value: int) -> onnx.GraphProto:
        table = numpy_helper.from_array(np.full(3, value, np.int8), f"of {value}")
        node = helper.make_node("Constant", [], [f"y{value}"], value=table)
        out = helper.make_tensor_value_info(f"y{value}", TensorProto.INT8, [3])
        return helper.make_graph([node], "branch", [], [out])

    node = helper.make_node("If", ["c"], ["y"], then_branch=branch(64), else_branch=branch(-128))
    taken = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    given = helper.make_tensor_value_info("y", TensorProto.INT8, [3])
    onnx.save(helper.make_model(helper.make_graph([node], "g", [taken], [given])), tmp_path / "m")
    assert saturating(tmp_path / "m") == ["of -128"]


def test_nothing_is_exported_that_depends_on_the_processor(student, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bundle, "write_int8", write_full_range)
    monkeypatch.setattr(bundle, "parity", pytest.fail)
    with pytest.raises(ParityError, match="nothing was written"):
        export(str(student), "int8", tmp_path / "out", n=2)
    forms = {8: ("int8", "int8", write_full_range)}
    monkeypatch.setattr("rosearch.export.compress.quantize.FORMS", forms)
    args = ["rosearch", "quantize", str(student), "--bits", "8", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", args)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    assert "without VNNI" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_speed_against_float_and_when_float_is_better():
    rows = [
        Latency("model", "int8", 1, 0.5), Latency("model", "onnx", 1, 1.0),
        Latency("model", "int8", 32, 20.0), Latency("model", "onnx", 32, 6.5),
        Latency("teacher", "int8", 1, 9.0), Latency("teacher", "onnx", 1, 1.0),
    ]  # fmt: skip
    found = speeds(rows, "int8")
    assert [(s.batch, s.ratio) for s in found] == [(1, 2.0), (32, 0.325)]
    ratios, advice = speed_lines(found)
    assert ratios.endswith("2.00x as fast at batch 1, 0.33x as fast at batch 32")
    assert advice.startswith("float is faster here at batch 32 (6.500 ms against 20.000);")
    assert "rosearch export --format onnx" in advice
    assert found[1].to_json() == {"batch": 32, "times_as_fast": 0.325, "float_is_faster": True}
    assert speed_lines(found[:1])[1:] == []


@pytest.mark.parametrize("form", ["hf", "onnx"])
def test_only_quantised_models_are_set_against_float(form):
    assert speed_lines(speeds([Latency("model", form, 1, 1.0)], form)) == []


def test_convolutions_have_unsigned_weights(students, tmp_path: Path):
    """Signed ones have no fast product."""
    write_onnx(students[0].eval(), tmp_path / "float.onnx")
    write_int8(tmp_path / "float.onnx", tmp_path / "int8.onnx")
    graph = onnx.load(tmp_path / "int8.onnx").graph
    kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
    used = [node.input[1] for node in graph.node if node.op_type == "ConvInteger"]
    assert [kinds[name] for name in used] == [TensorProto.UINT8]


def test_onnxruntime_reports_nothing_to_its_maker():
    assert os.environ["ORT_DISABLE_TELEMETRY"]
