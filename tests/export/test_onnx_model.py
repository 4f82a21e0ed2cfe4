"""Every part of the space as an ONNX graph, at lengths and batches other than the traced ones."""

from __future__ import annotations

import subprocess
import sys
import warnings
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from google.protobuf.message import DecodeError

from rosearch.encodings.vocabulary import Vocabulary
from rosearch.errors import DiskError, UserError
from rosearch.export.onnx_model import write_int8, write_onnx
from rosearch.models.onnx import OnnxClassifier
from rosearch.space.genotype import Genotype, Node
from rosearch.space.ops import OPS
from rosearch.student.build import build_student
from rosearch.student.layers import ACTIVATIONS

TOKENS = 40
# Two tokens a row, so that the row map is part of every graph.
WORDS = Vocabulary(
    tuple(map(str, range(TOKENS))), tuple((i,) for i in range(TOKENS)), 0, np.arange(TOKENS) // 2
)
SHAPES = ((1, 1), (1, 2), (3, 1), (1, 12), (5, 31), (2, 130))
POOLINGS, POSITIONS = ("first", "mean", "max", "attention"), ("none", "sinusoidal", "learned")
ONE_OF_EACH_FAMILY = list({op.family: name for name, op in OPS.items()}.values())


def build(g: Genotype) -> torch.nn.Module:
    return build_student(g, WORDS, ("a", "b", "c"), seed=0).eval()


def queries(batch: int, tokens: int) -> dict[str, torch.Tensor]:
    """Random ids and a mask with padding on the right; the first row has none."""
    rng = np.random.default_rng(batch * 1000 + tokens)
    lengths = rng.integers(1, tokens + 1, batch)
    lengths[0] = tokens
    mask = np.arange(tokens) < lengths[:, None]
    ids = np.where(mask, rng.integers(1, TOKENS, (batch, tokens)), 0)
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(mask.astype(np.int64)),
    }


def check(g: Genotype, folder: Path) -> None:
    """Export and compare."""
    model, path = build(g), folder / "model.onnx"
    write_onnx(model, path)
    agrees(model, path)
    assert [p.name for p in folder.iterdir()] == [path.name], "no external data"


def agrees(model: torch.nn.Module, path: Path, tolerance: float = 1e-5) -> None:
    """The same logits at every shape."""
    exported = OnnxClassifier(path)
    for shape in SHAPES:
        asked = queries(*shape)
        with torch.inference_mode():
            want = model(**asked).logits
        got = exported(**asked).logits
        torch.testing.assert_close(got, want, atol=tolerance, rtol=tolerance)


@pytest.fixture(scope="module")
def all_families(tmp_path_factory) -> tuple[torch.nn.Module, Path]:
    """A student with one op of every family, each reading the input, and its graph."""
    assert len(ONE_OF_EACH_FAMILY) == 11
    nodes = tuple(Node((0,), op) for op in ONE_OF_EACH_FAMILY)
    model = build(Genotype(32, 64, nodes, pooling="max", position="sinusoidal"))
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    write_onnx(model, path)
    return model, path


def test_one_op_of_every_family(all_families):
    agrees(*all_families)


@pytest.mark.parametrize("shared", [False, True])
def test_combinations_activations_norms_and_repeats(shared, tmp_path: Path):
    nodes = (
        *(Node((0,), "conv3", activation=a, norm="layer") for a in ACTIVATIONS),
        Node((1, 2, 3), "identity", combine="concat"),
        Node((4, 5), "ff1", combine="multiply", activation="gelu"),
        Node((0, 6, 7), "identity", combine="add"),
    )
    check(Genotype(32, 64, nodes, repeat=2, shared=shared), tmp_path)


@pytest.mark.parametrize("op", OPS)
def test_every_op(op, tmp_path: Path):
    check(Genotype(32, 32, (Node((0,), op, activation="relu"),)), tmp_path)


@pytest.mark.parametrize(("pooling", "position"), list(product(POOLINGS, POSITIONS)))
def test_every_pooling_with_every_position(pooling, position, tmp_path: Path):
    nodes = (Node((0,), "lstm"), Node((1,), "maxpool3"))
    g = Genotype(32, 32, nodes, pooling=pooling, position=position)
    check(g, tmp_path)


def test_int8_keeps_the_row_map_and_shrinks_embeddings_and_lstms(all_families, tmp_path: Path):
    import onnx

    model, floats = all_families
    path = tmp_path / "int8.onnx"
    write_int8(floats, path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    graph = onnx.load(path).graph
    used = {node.op_type for node in graph.node}
    assert {"DynamicQuantizeLSTM", "ConvInteger", "MatMulInteger"} <= used
    assert "LSTM" not in used and "Conv" not in used
    kinds = {tuple(t.dims): t.data_type for t in graph.initializer}
    rows = WORDS.n_rows
    assert kinds[rows, 32] == onnx.TensorProto.UINT8, "the embedding"
    assert kinds[TOKENS,] == onnx.TensorProto.INT64, "the row map"
    agrees(model, path, tolerance=0.1)
    exported = OnnxClassifier(path)
    even = queries(1, 9)
    even["input_ids"] -= even["input_ids"] % 2
    odd = {**even, "input_ids": even["input_ids"] + 1}  # the other token of each row
    assert torch.equal(exported(**even).logits, exported(**odd).logits)


def test_writing_tells_nothing_of_its_own_workings(tmp_path: Path, capfd):
    """The exporter by tracing warns of its age, and of every shape that it makes a constant."""
    model = build(Genotype(32, 32, (Node((0,), "lstm"),)))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        write_onnx(model, tmp_path / "float.onnx")
        write_int8(tmp_path / "float.onnx", tmp_path / "int8.onnx")
    assert not told and capfd.readouterr() == ("", "")


def test_a_model_that_cannot_be_exported_is_one_line(tmp_path: Path):
    class Odd(torch.nn.Module):
        def forward(self, input_ids, attention_mask):
            raise RuntimeError("no\nsuch thing")

    with pytest.raises(UserError, match=r"Odd cannot be exported to ONNX: .*use --format hf") as e:
        write_onnx(Odd(), tmp_path / "model.onnx")
    assert "\n" not in str(e.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("free", "expected"), [(1e3, DiskError), (1e12, DecodeError)])
def test_a_disk_that_was_full_is_told_as_one(free, expected, tmp_path: Path, monkeypatch):
    cut = tmp_path / "model.onnx"  # as onnx leaves a file that there was no room for
    write_onnx(build(Genotype(32, 64, (Node((0,), "conv3"),))), cut)
    cut.write_bytes(cut.read_bytes()[:-1000])
    room = SimpleNamespace(free=free)
    monkeypatch.setattr("rosearch.export.onnx_model.shutil.disk_usage", lambda _: room)
    with pytest.raises(expected):
        write_int8(cut, tmp_path / "int8.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


def test_a_graph_that_keeps_the_traced_length_is_refused(tmp_path: Path):
    class Kept(torch.nn.Module):
        """A trace makes a constant of the length."""

        def forward(self, input_ids, attention_mask):
            total = (input_ids * attention_mask).sum(1, keepdim=True).float()
            return SimpleNamespace(logits=total * int(input_ids.shape[1]))

    with pytest.raises(UserError, match=r"Kept cannot be exported to ONNX: .* shape \(1, 1\)"):
        write_onnx(Kept(), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_export_needs_no_packages_but_those_of_its_extra(tmp_path: Path):
    """Others may be installed where the tests run."""
    code = f"""
import sys
sys.modules["onnxscript"] = None
import pathlib, types, torch
from rosearch.export.onnx_model import write_int8, write_onnx
class Sum(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(9, 4)
    def forward(self, input_ids, attention_mask):
        logits = (self.table(input_ids) * attention_mask[..., None]).sum(1)
        return types.SimpleNamespace(logits=logits)
folder = pathlib.Path({str(tmp_path)!r})
write_onnx(Sum(), folder / "float.onnx")
write_int8(folder / "float.onnx", folder / "int8.onnx")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {p.name for p in tmp_path.iterdir()} == {"float.onnx", "int8.onnx"}
