"""`rosearch prune`: which weights become 0, that they stay 0, what sparse formats would take."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from rosearch.cli import main as cli
from rosearch.encodings.vocabulary import plain_vocabulary, student_tokenizer
from rosearch.errors import UserError
from rosearch.export.compress import prune as module
from rosearch.export.compress import pruned
from rosearch.export.compress.prune import prunable
from rosearch.models.load import load_classifier
from rosearch.space.genotype import Genotype, Node
from rosearch.student.build import build_student
from rosearch.student.saving import save_student


def weights(folder: Path) -> dict[str, torch.Tensor]:
    model, _ = load_classifier(folder)
    return {name: p.detach() for name, p in model.float().named_parameters()}


def zeros(tensors: list[torch.Tensor]) -> int:
    return sum(int((t == 0).sum()) for t in tensors)


def test_global_pruning_takes_the_least_weights_of_the_whole_model(student, few, tmp_path):
    found = pruned(student, 0.5, tmp_path / "out", few)
    before, after = weights(student), weights(tmp_path / "out")
    matrices = [name for name, p in before.items() if p.dim() > 1]
    size = sum(before[name].numel() for name in matrices)
    assert zeros([after[name] for name in matrices]) == round(0.5 * size)
    gone = torch.cat([before[n][after[n] == 0].abs() for n in matrices])
    kept = torch.cat([before[n][after[n] != 0].abs() for n in matrices])
    assert gone.max() <= kept.min()
    for name, values in after.items():
        same = values != 0 if name in matrices else torch.ones_like(values, dtype=torch.bool)
        assert torch.equal(values[same], before[name][same])
    shares = {float((after[n] == 0).float().mean()) for n in matrices}
    assert max(shares) - min(shares) > 0.05, "one threshold is no equal share of every matrix"
    assert found.nonzero == found.params - zeros(list(after.values()))
    assert found.label == "pruned 50 %" and found.form == "hf"
    assert found.disk == (student / "model.safetensors").stat().st_size
    assert {p.name for p in (tmp_path / "out").iterdir()} == {p.name for p in student.iterdir()} | {
        "README.md"
    }


def test_layer_pruning_takes_the_same_share_of_every_matrix(student, tmp_path):
    pruned(student, 0.3, tmp_path / "out", scope="layer")
    before, after = weights(student), weights(tmp_path / "out")
    for name, values in after.items():
        if values.dim() > 1:
            assert zeros([values]) == round(0.3 * values.numel())
            mask = values == 0
            assert before[name][mask].abs().max() <= before[name][~mask].abs().min()
        else:
            assert torch.equal(values, before[name])


@pytest.mark.parametrize("op", ["lstm", "gru", "conv3"])
def test_recurrent_weights_and_kernels_are_pruned_too(op, bert_tokenizer, tmp_path):
    vocabulary = plain_vocabulary(bert_tokenizer)
    g = Genotype(32, 32, (Node((0,), op),), pooling="max")
    model = build_student(g, vocabulary, ("negative", "positive"), seed=0)
    save_student(model, student_tokenizer(bert_tokenizer, vocabulary), tmp_path / "model")
    found = pruned(tmp_path / "model", 0.6, tmp_path / "out", scope="layer")
    after = weights(tmp_path / "out")
    inner = [p for name, p in after.items() if p.dim() > 1 and "embedding" not in name]
    assert zeros(inner) == pytest.approx(0.6 * sum(p.numel() for p in inner), abs=len(inner))
    assert found.checked is None


def test_sparse_formats_take_what_scipy_takes(student, tmp_path):
    found = pruned(student, 0.7, tmp_path / "out")
    csr = bitmap = 0
    for values in weights(tmp_path / "out").values():
        array = values.numpy()
        if array.ndim > 1:
            matrix = csr_matrix(array.reshape(len(array), -1))
            csr += matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
            bitmap += np.packbits(array != 0).nbytes + array[array != 0].nbytes
        else:
            csr, bitmap = csr + array.nbytes, bitmap + array.nbytes
    assert found.sparse == {"bitmap": bitmap, "csr": csr}
    assert found.effective == bitmap < csr < 4 * found.params
    assert found.compression == pytest.approx(4 * found.params / bitmap)
    little = pruned(student, 0.01, tmp_path / "little")
    assert little.effective == 4 * little.params, "dense is the smallest"


def test_training_keeps_the_zeros_and_is_reproducible(student, few, tmp_path):
    before = weights(student)
    found = pruned(student, 0.6, tmp_path / "a", few, epochs=2, seed=3)
    pruned(student, 0.6, tmp_path / "b", few, epochs=2, seed=3)
    pruned(student, 0.6, tmp_path / "plain", few)
    a, b, plain = (weights(tmp_path / name) for name in ("a", "b", "plain"))
    for name, values in a.items():
        assert torch.equal(values, b[name])
        if values.dim() > 1:
            assert torch.equal(values == 0, plain[name] == 0)
    assert any(not torch.equal(a[name], plain[name]) for name in a)
    assert all(torch.equal(before[n], v) for n, v in weights(student).items())
    assert found.sparse["bitmap"] < 4 * found.params
    assert (found.checked.compressed.n, found.checked.parity.n) == (100, 100)


def test_training_uses_the_labels_as_the_model_numbers_them(bert, few, tmp_path, monkeypatch):
    """The tiny BERT has them the other way round than the task."""
    trained = []
    monkeypatch.setattr(module, "train_classifier", lambda *args: trained.append(args))
    pruned(bert, 0.5, tmp_path / "out", few, epochs=3)
    ((_, _, task, config, _),) = trained
    assert task.train.labels == tuple(1 - label for label in few.train.labels)
    assert (config.epochs, config.train_share) == (3, 1.0)


def test_a_model_that_nothing_is_pruned_of_answers_alike(student, few, tmp_path):
    found = pruned(student, 1e-9, tmp_path / "out", few)
    assert found.nonzero == found.params - zeros(list(weights(student).values()))
    assert (found.checked.parity.agreement, found.checked.parity.difference) == (1.0, 0.0)


def test_matrices_are_found_once(student):
    model, _ = load_classifier(student)
    found = [getattr(*weight) for weight in prunable(model)]
    assert {id(p) for p in found} == {id(p) for p in model.parameters() if p.dim() > 1}
    assert len(found) == len({id(p) for p in found})


@pytest.mark.parametrize("sparsity", [0.0, 1.0, -0.5, 1.5, float("nan")])
def test_a_sparsity_out_of_range(sparsity, student, tmp_path):
    with pytest.raises(UserError, match=r"no --sparsity .*; give a share between 0 and 1"):
        pruned(student, sparsity, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_bad_arguments_leave_nothing(student, few, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(UserError, match="exists; choose another --out"):
        pruned(student, 0.5, tmp_path)
    with pytest.raises(UserError, match="no-such-model"):
        pruned(tmp_path / "no-such-model", 0.5, out)
    with pytest.raises(UserError, match="--epochs trains on a task; name one with --task"):
        pruned(student, 0.5, out, epochs=1)
    with pytest.raises(UserError, match="no --epochs -1"):
        pruned(student, 0.5, out, few, epochs=-1)
    with pytest.raises(UserError, match="no --scope 'all'; choose global or layer"):
        pruned(student, 0.5, out, scope="all")
    assert not list(tmp_path.iterdir())


def test_the_command(student, tmp_path, monkeypatch, capsys):
    def told(*args: str) -> str:
        monkeypatch.setattr(sys, "argv", ["rosearch", "prune", str(student), *args])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        assert not stopped.value.code
        return capsys.readouterr().out

    out = told("--sparsity", "0.5", "--out", str(tmp_path / "a"), "--task", "mr")
    for part in ("are not 0", "as bitmap", "as csr", "neither smaller nor faster", "parity on"):
        assert part in out
    written = json.loads(told("--sparsity", ".9", "--out", str(tmp_path / "b"), "--json"))
    assert written["label"] == "pruned 90 %" and written["nonzero_params"] < written["params"]
    assert written["effective_bytes"] == written["sparse_bytes"]["bitmap"] < written["bytes"]
    assert "Han et al. 2015" in (tmp_path / "a" / "README.md").read_text()
