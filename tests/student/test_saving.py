"""Saved students: loaded with rosearch and, by their own code, without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rosearch.encodings.synonym import Synonym
from rosearch.encodings.vocabulary import (
    plain_vocabulary,
    student_tokenizer,
    synonym_vocabulary,
)
from rosearch.errors import UserError
from rosearch.io.plugins import load_plugins
from rosearch.models.load import load_classifier
from rosearch.space.defences import INFERENCE_DEFENCES, MaskedMean
from rosearch.space.genotype import Genotype, Node
from rosearch.student.build import build_student
from rosearch.student.saving import save_student

TEXTS = ["A gorgeous, witty film.", "dull and slow, an unputdownable mess"]
LABELS = ("bad", "good")
CODE = {"configuration.py", "defences.py", "layers.py", "model.py", "pairs.py", "votes.py"}
WITH_ROSEARCH = "import rosearch"
WITHOUT_ROSEARCH = """
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "rosearch":
            raise ModuleNotFoundError("No module named 'rosearch'", name="rosearch")

sys.meta_path.insert(0, Blocked())
try:
    import rosearch
    raise AssertionError("rosearch can be imported")
except ModuleNotFoundError:
    pass
"""
USE = """
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, pipeline
folder, texts = sys.argv[1], json.loads(sys.argv[2])
assert AutoConfig.from_pretrained(folder, **trust).model_type == "rosearch-student"
model = AutoModelForSequenceClassification.from_pretrained(folder, **trust).eval()
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)  # it needs no code
logits = model(**tokenizer(texts, return_tensors="pt", padding=True)).logits
classify = pipeline("text-classification", model=folder, **trust)
again = sys.argv[3]
model.save_pretrained(again)
tokenizer.save_pretrained(again)
print(json.dumps({
    "logits": logits.tolist(),
    "labels": [answer["label"] for answer in classify(texts)],
    "class": type(model).__module__,
    "parts": sorted(m for m in sys.modules if m.split(".")[0] == "rosearch"),
}))
"""


def used(folder: Path, again: Path, tmp_path: Path, local: bool, trust: bool) -> dict[str, object]:
    """What a new process finds that loads the folder, uses it, and saves it again."""
    start = WITH_ROSEARCH if local else WITHOUT_ROSEARCH
    trusted = "trust = {'trust_remote_code': True}\n" if trust else "trust = {}\n"
    out = subprocess.run(
        # -I: neither PYTHONPATH nor the current folder
        [sys.executable, *([] if local else ["-I"]), "-c",
         f"import json, sys\n{start}\n{trusted}{USE}", str(folder), json.dumps(TEXTS), str(again)],
        env={**os.environ, "HF_MODULES_CACHE": str(tmp_path / "modules"), "HF_HUB_OFFLINE": "1"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert out.returncode == 0, out.stderr
    return dict(json.loads(out.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def saved(bert_tokenizer, tmp_path_factory) -> tuple[Path, torch.Tensor]:
    """A saved student with the synonym encoding, and its logits of the texts."""
    clusters = dict.fromkeys(("gorgeous", "splendid", "unputdownable"), "gorgeous")
    vocabulary = synonym_vocabulary(bert_tokenizer, clusters)
    nodes = (
        Node((0,), "lstm"),
        Node((0, 1), "attention2", combine="concat", norm="layer", activation="gelu"),
    )
    g = Genotype(32, 32, nodes, coding=Synonym(), pooling="attention", repeat=2, shared=True)
    model = build_student(g, vocabulary, LABELS, seed=0).eval()
    tokenizer = student_tokenizer(bert_tokenizer, vocabulary)
    # The folder's name is no Python identifier, as that of a candidate may be.
    folder = tmp_path_factory.mktemp("models") / "0a-student.v1"
    save_student(model, tokenizer, folder)
    with torch.inference_mode():
        return folder, model(**tokenizer(TEXTS, return_tensors="pt", padding=True)).logits


@pytest.mark.parametrize(
    ("local", "trust"), [(True, False), (True, True), (False, True)],
    ids=["rosearch", "rosearch-trusting", "without-rosearch"],
)  # fmt: skip
def test_auto_classes_and_pipeline_in_a_new_process(saved, tmp_path: Path, local, trust):
    folder, logits = saved
    found = used(folder, tmp_path / "again", tmp_path, local, trust)
    assert torch.allclose(torch.tensor(found["logits"]), logits, atol=1e-6)
    assert found["labels"] == [LABELS[i] for i in logits.argmax(-1)]
    assert str(found["class"]).startswith("rosearch." if local else "transformers_modules.")
    assert bool(found["parts"]) == local
    assert (tmp_path / "modules").exists() == (not local), "the copied code was (not) run"
    names = {path.name for path in (tmp_path / "again").iterdir()}
    assert names == {path.name for path in folder.iterdir()}
    assert str(tmp_path) not in (tmp_path / "again" / "config.json").read_text()


def test_without_rosearch_and_trust_nothing_is_run(saved, tmp_path: Path):
    with pytest.raises(AssertionError, match="trust_remote_code=True"):
        used(saved[0], tmp_path / "again", tmp_path, local=False, trust=False)
    assert not (tmp_path / "modules").exists()


def test_the_folder_holds_safetensors_code_and_no_machine_detail(saved):
    folder, _ = saved
    assert {path.name for path in folder.iterdir()} == CODE | {
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    config = json.loads((folder / "config.json").read_text())
    assert config["auto_map"] == {
        "AutoConfig": "configuration.StudentConfig",
        "AutoModelForSequenceClassification": "model.StudentForSequenceClassification",
    }
    for name in ("config.json", "tokenizer_config.json"):
        text = (folder / name).read_text()
        assert not any(detail in text for detail in (str(folder.parent), str(Path.home()), "/"))


def test_the_local_class_wins_over_the_copied_code(saved, tmp_path: Path):
    """Neither asked for nor run, even if the copies are damaged."""
    import shutil

    folder = tmp_path / "student"
    shutil.copytree(saved[0], folder)
    for name in CODE:
        (folder / name).write_text("raise RuntimeError('the copied code was run')\n")
    model, tokenizer = load_classifier(folder)
    with torch.inference_mode():
        logits = model.eval()(**tokenizer(TEXTS, return_tensors="pt", padding=True)).logits
    assert torch.allclose(logits, saved[1], atol=1e-6)


def test_code_of_strangers_is_neither_run_nor_offered(saved, tmp_path: Path, monkeypatch):
    """A folder with a model type that nobody knows and code of its own."""
    import shutil

    folder, mark = tmp_path / "stranger", tmp_path / "mark"
    shutil.copytree(saved[0], folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "stranger"}))
    for name in CODE:
        (folder / name).write_text(f"open({str(mark)!r}, 'w')\n")

    def asked(*_: object) -> str:
        mark.touch()
        return "y"

    monkeypatch.setattr("builtins.input", asked)
    with pytest.raises(UserError, match="cannot load the model"):
        load_classifier(folder)
    assert not mark.exists()


def test_saving_again_replaces_the_folder_as_a_whole(bert_tokenizer, tmp_path: Path):
    folder = tmp_path / "deep" / "student"
    vocabulary = plain_vocabulary(bert_tokenizer)
    g = Genotype(32, 32, (Node((0,), "conv3"),))
    for seed in (0, 1):
        model = build_student(g, vocabulary, LABELS, seed=seed)
        save_student(model, student_tokenizer(bert_tokenizer, vocabulary), folder)
        (folder / "leftover").touch()
    (folder / "leftover").unlink()
    loaded, _ = load_classifier(folder)
    assert torch.equal(loaded.classifier.weight, model.classifier.weight)
    assert [path.name for path in folder.parent.iterdir()] == ["student"]


WAYS = pytest.mark.parametrize(
    ("local", "trust"), [(True, False), (True, True), (False, True)],
    ids=["rosearch", "rosearch-trusting", "without-rosearch"],
)  # fmt: skip
PLUGIN = """
from dataclasses import dataclass

from torch import Tensor, nn

from rosearch.encodings import gene
from rosearch.space.defences import INFERENCE_DEFENCES, InferenceDefence


@INFERENCE_DEFENCES.register
@dataclass(frozen=True)
class Clipped(InferenceDefence):
    name = "clipped"
    families = ()
    module = f"{__name__}:Clip"
    limit: float = gene([0.5])


class Clip(nn.Module):
    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, student, vectors: Tensor, mask: Tensor) -> Tensor:
        return student.logits(vectors.clamp(-self.limit, self.limit), mask)
"""


def defended(defence, bert_tokenizer, folder: Path) -> torch.Tensor:
    """Save a student with an inference-time defence; its logits of the texts."""
    vocabulary = synonym_vocabulary(bert_tokenizer, {"gorgeous": "a", "witty": "a"})
    g = Genotype(32, 32, (Node((0,), "lstm"),), coding=Synonym(), defence=defence)
    model = build_student(g, vocabulary, LABELS, seed=0).eval()
    tokenizer = student_tokenizer(bert_tokenizer, vocabulary)
    save_student(model, tokenizer, folder)
    asked = tokenizer(TEXTS, return_tensors="pt", padding=True)
    with torch.inference_mode():
        logits = model(**asked).logits
        mask = asked["attention_mask"].bool()
        bare = model.logits(model.input.embed(asked["input_ids"]), mask)
        assert not torch.allclose(logits, bare, atol=1e-3)
        return logits


@WAYS
def test_a_defence_is_saved_with_its_student(bert_tokenizer, tmp_path: Path, local, trust):
    folder = tmp_path / "student"
    logits = defended(MaskedMean(3), bert_tokenizer, folder)
    found = used(folder, tmp_path / "again", tmp_path, local, trust)
    assert torch.allclose(torch.tensor(found["logits"]), logits, atol=1e-6)
    assert (folder / "defences.py").read_text() == (tmp_path / "again/defences.py").read_text()


def test_a_plugins_defence_is_saved_with_its_student(
    bert_tokenizer, tmp_path: Path, scratch_registries
):
    (tmp_path / "own_clip.py").write_text(PLUGIN)
    load_plugins([str(tmp_path / "own_clip.py")])
    folder = tmp_path / "student"
    logits = defended(INFERENCE_DEFENCES["clipped"](), bert_tokenizer, folder)
    assert (folder / "defences.py").read_text().endswith("MODULES['clipped'] = Clip\n")
    # Where neither rosearch nor the plugin is, and saved again by those who have neither.
    for source, again in ((folder, "again"), (tmp_path / "again", "more")):
        found = used(source, tmp_path / again, tmp_path, local=False, trust=True)
        assert torch.allclose(torch.tensor(found["logits"]), logits, atol=1e-6)
    model, tokenizer = load_classifier(folder)
    with torch.inference_mode():
        mine = model.eval()(**tokenizer(TEXTS, return_tensors="pt", padding=True)).logits
    assert torch.allclose(mine, logits, atol=1e-6)
    # With rosearch, nothing of the folder is run: without the plugin there is no such defence.
    with pytest.raises(AssertionError, match="load the plugin that registers it"):
        used(folder, tmp_path / "last", tmp_path, local=True, trust=True)


def test_a_defence_without_a_source_cannot_be_saved(bert_tokenizer, tmp_path: Path):
    from torch import nn

    model = build_student(
        Genotype(32, 32, (Node((0,), "conv3"),), defence=MaskedMean()),
        plain_vocabulary(bert_tokenizer), LABELS, seed=0,
    )  # fmt: skip
    model.defence = type("Unknown", (nn.Module,), {"__module__": "nowhere.at_all"})()
    with pytest.raises(UserError, match="the source of Unknown is in no file; put it into a mod"):
        save_student(model, bert_tokenizer, tmp_path / "student")
    assert not (tmp_path / "student").exists()
