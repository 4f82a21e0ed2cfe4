"""`rosearch quantize`: a folder that can be attacked, and honest numbers."""

from __future__ import annotations

import json
import re
import sys

import pytest

from rosearch.cli import main as cli
from rosearch.errors import UserError
from rosearch.export.compress import quantized
from rosearch.export.compress.result import Compressed
from rosearch.export.int8 import FORM
from rosearch.export.speed import speed_lines
from rosearch.models.load import load_classifier
from rosearch.models.open import open_classifier
from rosearch.robustness import evaluate as assess

FILES = {"README.md", "config.json", "model.onnx", "tokenizer.json", "tokenizer_config.json"}


@pytest.fixture(scope="session")
def both(student, mr, tmp_path_factory) -> dict[int, Compressed]:
    """A trained student in 8 and in 4 bits; the tests of this file share them."""
    folder = tmp_path_factory.mktemp("deep") / "not" / "yet"
    return {bits: quantized(student, bits, folder / f"bits{bits}", mr) for bits in (8, 4)}


@pytest.mark.parametrize("bits", [8, 4])
def test_what_it_takes_is_what_is_on_the_disk(both, student, bits):
    found = both[bits]
    model, _ = load_classifier(student)
    assert {p.name for p in found.folder.iterdir()} == FILES
    size = (found.folder / "model.onnx").stat().st_size
    assert found.params == found.nonzero == sum(p.numel() for p in model.parameters())
    assert found.disk == found.effective == size and found.megabytes == size / 1e6
    assert found.bits_per_weight == pytest.approx(8 * size / found.params)
    assert bits < found.bits_per_weight < bits + 1.7
    assert found.compression == pytest.approx(32 / found.bits_per_weight)
    assert found.quantized > 0.95
    assert 0.85 * size < sum(found.stored.values()) < size
    assert [row.form for row in found.latency] == [f"int{bits}", "onnx"] * 2


@pytest.mark.parametrize("bits", [8, 4])
def test_accuracy_is_that_of_the_folder_as_attacks_load_it(both, student, mr, bits):
    checked = both[bits].checked
    assert checked is not None
    for quality, folder in ((checked.compressed, both[bits].folder), (checked.original, student)):
        split = mr.test.sample(quality.n, least_per_class=0)
        classifier = open_classifier(folder).in_order(mr.label_names)
        assert quality.correct == classifier.correct(split.texts, split.labels).sum()
    assert checked.original.clean > 0.6, "it learnt something"
    assert 0.9 < checked.parity.agreement <= 1.0
    assert 0 < checked.parity.difference < 0.5


def test_more_bits_are_closer_to_the_original(both):
    assert both[8].checked.parity.difference < both[4].checked.parity.difference
    assert both[8].disk > 1.4 * both[4].disk


@pytest.mark.parametrize("bits", [8, 4])
def test_the_folder_can_be_attacked(both, student, mr, bits, tmp_path):
    journal = tmp_path / "out.jsonl"
    more = {"attacks": ("characters",), "n": 12, "similarity": False}
    report = assess.attack(both[bits].folder, mr, journal=journal, **more)
    original = assess.attack(student, mr, **more)
    counts, theirs = report.counts["characters"], original.counts["characters"]
    assert counts.n == 12 and abs(counts.correct - theirs.correct) <= 2
    assert any(r.status == "flipped" for r in report.results["characters"])
    again = assess.attack(both[bits].folder, mr, journal=journal, **more)
    assert again.results == report.results
    with pytest.raises(UserError, match="on another model, other texts"):
        assess.attack(both[12 - bits].folder, mr, journal=journal, **more)


def test_what_an_onnx_folder_cannot_do_is_told(both, mr):
    folder = both[4].folder
    with pytest.raises(UserError, match=r"needs the victim's gradients: .* not a OnnxClassifier"):
        assess.attack(folder, mr, attacks=("fgsm",), n=2)
    with pytest.raises(UserError, match="ONNX models run on the CPU; use cpu"):
        assess.attack(folder, mr, n=2, device="cuda")


def test_a_damaged_onnx_folder_is_one_line(both, mr, tmp_path):
    for name in FILES:
        (tmp_path / name).write_bytes((both[4].folder / name).read_bytes())
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(UserError, match="cannot load the ONNX model") as error:
        open_classifier(tmp_path)
    assert "\n" not in str(error.value)


def test_without_a_task_and_from_half_precision(bert, tmp_path):
    found = quantized(str(bert), 4, tmp_path / "out")
    assert found.checked is None and found.original == "tiny-bert"
    assert found.compression == pytest.approx(4 * found.params / found.disk)
    written = found.to_json()
    assert written["checked"] is None and written["label"] == "4-bit"
    assert "onnx" in {row["form"] for row in written["latency"]}
    json.dumps(written, allow_nan=False)
    assert "test split" not in (found.folder / "README.md").read_text()
    assert str(bert.parent) not in (found.folder / "README.md").read_text()


def test_labels_of_another_order(bert, few, tmp_path):
    """The tiny BERT has them the other way round."""
    found = quantized(bert, 8, tmp_path / "out", few)
    right = found.checked.original.correct
    model, tokenizer = load_classifier(bert)
    model.float()
    names = []
    for text in few.test.texts:
        logits = model(**tokenizer(text, return_tensors="pt")).logits[0]
        names.append(model.config.id2label[int(logits.argmax())])
    assert right == sum(
        n == few.label_names[i] for n, i in zip(names, few.test.labels, strict=True)
    )


@pytest.mark.parametrize("bits", [8, 4])
def test_the_snippet_of_the_card_runs(both, bits, monkeypatch, capsys):
    card = (both[bits].folder / "README.md").read_text()
    assert ("over the whole batch" in card) == (FORM in card) == (bits == 8)
    assert f"{both[bits].speed[0].ratio:.2f}x" in card
    assert f"{both[bits].checked.parity.agreement:.1%}" in card
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)[1]
    monkeypatch.chdir(both[bits].folder)
    exec(code, {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(re.match(r"(negative|positive) \[", line) for line in lines)


def test_bad_arguments_leave_nothing(bert, mr, few, tmp_path, monkeypatch):
    from dataclasses import replace

    with pytest.raises(UserError, match=r"no --bits 3; choose 8 \(int8\) or 4"):
        quantized(bert, 3, tmp_path / "out")
    with pytest.raises(UserError, match="exists; choose another --out"):
        quantized(bert, 8, tmp_path)
    with pytest.raises(UserError, match="no-such-model"):
        quantized(tmp_path / "no-such-model", 8, tmp_path / "out")
    three = replace(few, label_names=("a", "b", "c"))
    with pytest.raises(UserError, match=r"2 labels .* the task has 3"):
        quantized(bert, 8, tmp_path / "out", three)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r'pip install "rosearch\[onnx\]"'):
        quantized(bert, 8, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_an_interrupted_command_leaves_nothing(bert, tmp_path, monkeypatch, capsys):
    def stop(*_: object) -> None:
        assert list(tmp_path.rglob("model.onnx")), "the model is written by now"
        raise KeyboardInterrupt

    monkeypatch.setattr("rosearch.export.compress.quantize.latencies", stop)
    args = ["rosearch", "quantize", str(bert), "--bits", "4", "--out", str(tmp_path / "a" / "b")]
    monkeypatch.setattr(sys, "argv", args)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 130
    assert "nothing was written" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_command_prints_the_numbers(both, bert, tmp_path, monkeypatch, capsys):
    from rosearch.cli.compress import print_compressed

    print_compressed(both[4], as_json=False)
    told = capsys.readouterr().out
    for part in ("4-bit", "bits for each parameter", "parity on", "clean accuracy", "batch 32",
                 f"{both[4].compression:.1f}x smaller", *speed_lines(both[4].speed)):  # fmt: skip
        assert part in told
    assert FORM not in told
    print_compressed(both[8], as_json=False)
    told = capsys.readouterr().out
    assert f"int8: {FORM}" in told and speed_lines(both[8].speed)[0] in told
    args = ["rosearch", "quantize", str(bert), "--out", str(tmp_path / "out"), "--json"]
    monkeypatch.setattr(sys, "argv", args)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert not stopped.value.code
    written = json.loads(capsys.readouterr().out)
    assert written["label"] == "int8" and written["folder"] == str(tmp_path / "out")
