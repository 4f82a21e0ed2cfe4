"""4-bit weights: how far they are from the originals, and that every byte is counted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from rosearch.encodings.vocabulary import Vocabulary
from rosearch.errors import UserError
from rosearch.export.compress.int4 import storage, write_int4
from rosearch.export.onnx_model import write_int8, write_onnx
from rosearch.models.onnx import OnnxClassifier
from rosearch.models.onnx_folder import quantises_activations
from rosearch.space.genotype import Genotype, Node
from rosearch.space.ops import OPS
from rosearch.student.build import build_student

ROWS, DIM, OUT = 64, 64, 48
# Two tokens a row, so that a table of whole numbers is part of the graph.
TOKENS = 40
WORDS = Vocabulary(
    tuple(map(str, range(TOKENS))), tuple((i,) for i in range(TOKENS)), 0, np.arange(TOKENS) // 2
)


class Probe(nn.Module):
    """Logits of token i are row i of the table, or column i of the matrix behind it."""

    def __init__(self, linear: bool) -> None:
        super().__init__()
        self.table = nn.Embedding(ROWS, DIM)
        self.linear = nn.Linear(DIM, OUT, bias=False) if linear else nn.Identity()
        if linear:
            nn.init.eye_(self.table.weight)  # 4 bits have 0 and 1 exactly

    def forward(self, input_ids, attention_mask):
        rows = self.table(input_ids) * attention_mask[..., None]
        return SimpleNamespace(logits=self.linear(rows).sum(1))


def probed(linear: bool, folder: Path) -> tuple[np.ndarray, np.ndarray, Path]:
    """Weights (blocked dimension last) before and after, and the file."""
    torch.manual_seed(0)
    model = Probe(linear)
    write_onnx(model, folder / "float.onnx")
    write_int4(folder / "float.onnx", folder / "int4.onnx")
    ids = torch.arange(ROWS)[:, None]
    found = OnnxClassifier(folder / "int4.onnx")(ids, torch.ones_like(ids)).logits.numpy()
    before = model.linear.weight if linear else model.table.weight
    return before.detach().numpy(), found.T if linear else found, folder / "int4.onnx"


@pytest.mark.parametrize("linear", [False, True])
def test_weights_are_within_a_step_of_the_originals(linear: bool, tmp_path: Path):
    before, after, _ = probed(linear, tmp_path)
    blocks = before.reshape(len(before), -1, 32)
    least, most = np.minimum(blocks.min(-1), 0), np.maximum(blocks.max(-1), 0)
    step = np.repeat((most - least) / 15, 32, axis=1)
    errors = np.abs(after - before) / step
    assert errors.max() <= 1.001 and errors.mean() < 0.3
    assert errors.mean() > 0.1, "they have few bits"
    assert max(len(np.unique(row)) for row in after.reshape(-1, 32)) <= 16


def test_every_byte_is_counted(tmp_path: Path):
    _, _, table = probed(False, tmp_path)
    found = storage(table)
    scales = ROWS * DIM // 32
    assert found.codes == ROWS * DIM
    assert found.stored["4-bit"] == ROWS * DIM // 2 + scales // 2  # each block has a zero point
    assert found.stored["float32"] == 4 * scales
    _, _, both = probed(True, tmp_path)
    found = storage(both)
    scales = (ROWS + OUT) * DIM // 32
    assert found.codes == (ROWS + OUT) * DIM
    assert found.stored["4-bit"] == (ROWS + OUT) * DIM // 2 + scales // 2
    assert found.stored["float32"] == 4 * scales
    assert sum(found.stored.values()) < both.stat().st_size


@pytest.mark.parametrize("op", list({op.family: name for name, op in OPS.items()}.values()))
def test_one_op_of_every_family(op: str, tmp_path: Path):
    """Those that have no form with 4 bits stay in float32; the table of rows stays whole."""
    g = Genotype(32, 32, (Node((0,), op, norm="layer"),), pooling="max")
    model = build_student(g, WORDS, ("a", "b", "c"), seed=0).eval()
    write_onnx(model, tmp_path / "float.onnx")
    write_int4(tmp_path / "float.onnx", tmp_path / "int4.onnx")
    whole, few = (OnnxClassifier(tmp_path / f"{name}.onnx") for name in ("float", "int4"))
    ids = torch.arange(2, 38).view(2, 18)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    want, got = whole(ids, mask).logits, few(ids, mask).logits
    assert 0 < (got - want).abs().max() < 0.5
    alone = few(ids[1:, :5], mask[1:, :5]).logits[0]
    torch.testing.assert_close(alone, got[1], atol=1e-4, rtol=1e-4)  # whatever is beside it
    assert torch.equal(few(ids, mask).logits, few(ids ^ 1, mask).logits)  # tokens of one row
    assert not quantises_activations(tmp_path / "int4.onnx")
    codes = storage(tmp_path / "int4.onnx").codes
    ends = 32 * (TOKENS // 2 + 3)  # embedding and classifier
    assert codes > ends if op.startswith(("ff", "attention", "sepconv")) else codes == ends


def test_int8_quantises_activations_and_int4_is_smaller(tmp_path: Path):
    _, _, int4 = probed(True, tmp_path)
    write_int8(tmp_path / "float.onnx", tmp_path / "int8.onnx")
    assert quantises_activations(tmp_path / "int8.onnx")
    int8 = storage(tmp_path / "int8.onnx")
    assert int8.codes == storage(int4).codes
    assert 0.9 < sum(int8.stored.values()) / int8.codes < 1.1


def test_it_tells_nothing_and_leaves_logging_alone(tmp_path: Path):
    """The quantiser's module sets up logging when it is imported."""
    probed(False, tmp_path)
    code = f"""
import logging, pathlib
from rosearch.export.compress.int4 import write_int4
folder = pathlib.Path({str(tmp_path)!r})
write_int4(folder / "float.onnx", folder / "again.onnx")
assert not logging.getLogger().handlers and logging.getLogger().level == logging.WARNING
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {p.name for p in tmp_path.iterdir()} == {"float.onnx", "int4.onnx", "again.onnx"}


def test_a_graph_that_cannot_be_quantised_is_one_line(tmp_path: Path, monkeypatch):
    (tmp_path / "float.onnx").write_bytes(b"no graph")
    with pytest.raises(UserError, match=r"cannot be quantised to 4 bits: .*; use --bits 8") as e:
        write_int4(tmp_path / "float.onnx", tmp_path / "int4.onnx")
    assert "\n" not in str(e.value)
    monkeypatch.setitem(sys.modules, "onnx_ir", None)
    with pytest.raises(UserError, match=r'onnx_ir.* pip install "rosearch\[onnx\]"'):
        write_int4(tmp_path / "float.onnx", tmp_path / "int4.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["float.onnx"]
