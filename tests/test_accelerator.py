"""An accelerator changes how long things take, and nothing that a model says. Most needs CUDA."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from rosearch.attacks.engine import attacked
from rosearch.attacks.methods import load_attacks, resources_for
from rosearch.config import DistillConfig, TeacherConfig
from rosearch.distill.data import TrainData
from rosearch.distill.train import train_student
from rosearch.encodings.reading import SWITCH, Reading
from rosearch.encodings.words import WORDS
from rosearch.errors import UserError
from rosearch.models.batches import model_inputs, tokenized
from rosearch.models.classifier import Classifier
from rosearch.models.device import to_device
from rosearch.models.open import open_classifier
from rosearch.space.genotype import Genotype, Node
from rosearch.space.mechanisms import MECHANISMS
from rosearch.space.ops import OPS
from rosearch.space.votes import FrameVotes, Votes
from rosearch.student.build import build_student
from rosearch.tasks import Split, Task
from rosearch.teacher.fit import fit_teacher
from rosearch.teacher.targets import cache_targets, load_targets
from rosearch.types import Fidelity

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "accelerator.py"
CNN = Genotype(32, 32, (Node((0,), "conv3", activation="relu"),), pooling="max")
LSTM = Genotype(32, 32, (Node((0,), "lstm"),))
gpu = pytest.mark.gpu


@pytest.fixture(scope="session")
def cuda() -> str:
    """The accelerator; a test that asks for it is skipped where there is none."""
    if not torch.cuda.is_available():
        pytest.skip("needs an accelerator with CUDA, and torch sees none")
    return "cuda"


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    sys.path.insert(0, str(BENCHMARK.parent))
    try:
        import accelerator

        yield accelerator
    finally:
        sys.path.remove(str(BENCHMARK.parent))


@pytest.fixture(scope="module")
def data(mr, mr_train) -> TrainData:
    labels = mr.train.labels[:2000]
    targets = np.where(np.arange(2) == np.array(labels)[:, None], 2.0, -2.0)
    return TrainData({"plain": mr_train}, labels, targets, mr.label_names, 10**7)


@gpu
@pytest.mark.parametrize("extra", [*OPS, "votes", "frame"])
def test_logits_are_those_of_the_cpu(cuda, extra, mr, mr_train):
    votes = {"votes": Votes(), "frame": FrameVotes()}.get(extra)
    op = "lstm" if votes else extra
    coding = {"coding": WORDS, "votes": votes} if votes else {}
    g = Genotype(32, 64, (Node((0,), op, norm="layer", activation="gelu"),), **coding)
    model = build_student(g, mr_train.vocabulary, mr.label_names, 0, mr_train.embedding).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    encoded = tokenized(mr_train.tokenizer(), mr.test.texts[:64], 128)
    inputs = model_inputs(encoded, mr_train.vocabulary.pad_id)
    with torch.inference_mode():
        here = model(**inputs).logits
        moved = to_device(copy.deepcopy(model), cuda)
        there = moved(**{name: x.to(cuda) for name, x in inputs.items()}).logits.cpu()
    assert here.std() > 1e-3
    torch.testing.assert_close(there, here, rtol=1e-4, atol=1e-4)


@gpu
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_student_learns_on_cuda_and_goes_on_from_a_checkpoint(
    cuda, precision, data, mr, mr_train, tmp_path
):
    config = DistillConfig(1e-2, precision=precision, device=cuda)
    for g in (CNN, LSTM):
        file = tmp_path / f"{g.hash}.safetensors"
        for portion in (0.5, 1.0):
            plan = Fidelity(4, 1.0, 0, (), portion=portion)
            model = train_student(g, data, config, plan, 0, checkpoint=file)
        assert model.device.type == "cuda"
        victim = Classifier.of(model, mr_train.tokenizer())
        assert victim.correct(mr.train.texts[:500], mr.train.labels[:500]).mean() > 0.75


@gpu
def test_attacks_on_cuda_find_what_those_on_the_cpu_find(cuda, train_quickly, mr, mr_train):
    split = mr.validation.sample(40)
    resources = resources_for(["wordnet", "pgd"], split.texts)
    for g in (CNN, LSTM):
        student = train_quickly(g, epochs=2).cpu()
        for name in ("wordnet", "pgd"):
            found = []
            for device in ("cpu", cuda):
                victim = Classifier.of(to_device(student, device), mr_train.tokenizer())
                attacks = load_attacks(name, resources)
                results = attacked(attacks, victim, split.texts, split.labels)
                found.append([(r.status, r.perturbed) for r in results])
            same = np.mean([a == b for a, b in zip(*found, strict=True)])
            assert same >= 0.95, (g.nodes[0].op, name)


@gpu
def test_a_teacher_is_fine_tuned_and_asked_on_cuda(cuda, mr, tiny_body, tmp_path, monkeypatch):
    few = Task("few", mr.label_names, mr.train.take(range(320)), mr.validation, mr.test)
    config = TeacherConfig(str(tiny_body), epochs=10, learning_rate=3e-3, precision="bf16")
    said, names = [], set()
    for device in ("cpu", cuda):
        monkeypatch.setenv("ROSEARCH_CACHE", str(tmp_path / device))
        folder = fit_teacher(few, replace(config, device=device))
        names.add(folder.name)
        for asked in ("cpu", cuda):
            monkeypatch.setenv("ROSEARCH_CACHE", str(tmp_path / f"{device}-{asked}"))
            file = cache_targets(few, folder, "train", "float32", 64, asked)
            said.append(np.array(load_targets(file), dtype=np.float32))
    assert len(names) == 1  # where it was trained does not tell teachers apart
    for here, there in (said[:2], said[2:]):
        np.testing.assert_allclose(there, here, atol=2e-3)  # float16 on disk
    labels = np.array(few.train.labels)
    right = [(logits.argmax(1) == labels).mean() for logits in said]
    assert min(right) > 0.57, right


@gpu
def test_a_search_runs_on_cuda_and_its_student_is_exported_as_ever(cuda, mr, tmp_path):
    from rosearch.export.bundle import export

    run, out = tmp_path / "run", tmp_path / "int8"
    settings = ["distill.device=cuda", "teacher.device=cuda", "search.candidates=2"]
    command = [sys.executable, "-m", "rosearch.cli.main", "search", "--preset", "smoke"]
    command += [part for setting in settings for part in ("--set", setting)]
    done = subprocess.run([*command, "--out", str(run)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["candidates"], summary["failed"]) == (2, 0)
    report = export(str(run), "int8", out, n=16)
    texts: Split = mr.test.sample(16)
    small = open_classifier(out).probabilities(texts.texts)
    whole = open_classifier(report.source.folder, cuda).probabilities(texts.texts)
    assert np.abs(small - whole).max() < 0.2
    with pytest.raises(UserError, match="ONNX models run on the CPU"):
        open_classifier(out, cuda)


def test_the_benchmark_has_students_of_every_kind(benchmark):
    kinds = [g for _, g in benchmark.kinds()]
    assert {node.op for g in kinds for node in g.nodes} >= set(OPS)
    assert {g.encoding for g in kinds} >= {"plain", "synonym", "words"}
    assert {type(g.defence) for g in kinds} - {type(None)} == set(MECHANISMS["defence"].values())
    assert {type(g.votes) for g in kinds if g.votes} == set(MECHANISMS["votes"].values())
    steps = [g.reading.steps for g in kinds if g.reading]
    assert {s[0] for s in steps if len(s) == 1} == set(Reading().steps)
    assert Reading().steps in steps and len(SWITCH) == 2


def test_a_device_that_says_something_else_is_noticed(benchmark):
    here = np.array([[0.5, -0.5], [3.0, 1.0]], dtype=np.float32)
    assert benchmark.apart(here, here) == 0
    assert benchmark.apart(here, here + 2e-4) <= benchmark.APART
    assert benchmark.apart(here, here + np.float32(1e-3)) > benchmark.APART
    assert not benchmark.apart(here, np.full_like(here, np.nan)) <= benchmark.APART


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA")
def test_the_benchmark_without_cuda_says_what_to_do(benchmark, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["accelerator.py"])
    with pytest.raises(SystemExit) as ended:
        benchmark.main()
    assert ended.value.code == 2
    assert "--device cpu" in capsys.readouterr().err


def test_a_step_that_fails_is_told(benchmark, capsys):
    def broken(bench: object) -> dict[str, object]:
        raise RuntimeError("no kernel image")

    assert benchmark.tried(broken, None) == {"wrong": "RuntimeError: no kernel image"}
    assert "no kernel image" in capsys.readouterr().err
    assert benchmark.tried(lambda bench: {"ratio": 2.0}, None) == {"ratio": 2.0}


@pytest.mark.slow
def test_the_benchmark_runs_the_tests_for_accelerators_where_there_is_one(benchmark, tmp_path):
    bench = benchmark.Bench("cpu", benchmark.QUICK, tmp_path, 0)
    assert bench.gpu_tests() == {"left_out": "no accelerator"}
    bench = benchmark.Bench("cuda", benchmark.QUICK, tmp_path, 0)
    found = bench.gpu_tests()
    told = "passed" if torch.cuda.is_available() else "skipped"
    assert told in found["told"][0] and "wrong" not in found, found


@pytest.mark.slow
def test_the_benchmark_runs_without_an_accelerator(tmp_path):
    file = tmp_path / "found.json"
    command = [sys.executable, str(BENCHMARK), "--device", "cpu", "--quick", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert found["student_logits"]["most_apart"] == 0 == found["teacher_logits"]["apart"]
    assert all(found["attack"][victim]["same"] == 1 for victim in ("textcnn", "teacher"))
    assert len(found["eight_students"]["device"]["clean"]) == 2
