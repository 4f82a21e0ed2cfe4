"""`rosearch export`: whole folders, what is measured of them, and that failures leave nothing."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from card_code import printed_logits, snippet
from made_summaries import made_summary
from typer.testing import CliRunner

from rosearch.attacks.attack import Attack
from rosearch.attacks.engine import attacked
from rosearch.attacks.lexicon import table_lexicon
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.sources import WordSource
from rosearch.cli import main as cli
from rosearch.config import make_config, to_dict
from rosearch.errors import UserError
from rosearch.export import bundle
from rosearch.export.bundle import ParityError, check_parity, export
from rosearch.export.card import _origins, code, plain
from rosearch.export.int8 import FORM
from rosearch.export.measure import parity
from rosearch.export.source import find_source, model_folder
from rosearch.export.speed import speed_lines
from rosearch.models.classifier import Classifier
from rosearch.models.load import load_classifier
from rosearch.models.onnx_folder import graph_classifier
from rosearch.models.open import open_classifier
from rosearch.models.timing import interleaved_ms, rows_of_tokens
from rosearch.results.store import Store
from rosearch.space.genotype import Genotype, Node
from rosearch.student.saving import save_student
from rosearch.tasks.words import segment
from rosearch.types import Final, Robustness

ONNX_FILES = {"README.md", "config.json", "model.onnx", "tokenizer.json", "tokenizer_config.json"}
SYNONYM_PAIR = ("a gorgeous film", "a splendid film")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def card(folder: Path) -> Any:
    from huggingface_hub import ModelCard

    return ModelCard.load(folder / "README.md")


@pytest.fixture(scope="session")
def int8(student, bert, tmp_path_factory) -> bundle.ExportReport:
    """A student as int8 beside a teacher; the tests of this file share it."""
    out = tmp_path_factory.mktemp("exports") / "deep" / "int8"
    return export(str(student), "int8", out, teacher=str(bert), n=8)


def test_hf_is_exact_and_its_snippet_runs(student, bert, mr, tmp_path, monkeypatch, capsys):
    out = tmp_path / "hf"
    report = export(str(student), "hf", out, teacher=str(bert), n=8)
    assert names(out) == names(student) | {"README.md"}
    assert (report.parity.difference, report.parity.agreement) == (0.0, 1.0)
    assert report.parity.n == len(mr.test)
    assert [(row.who, row.form, row.batch) for row in report.latency] == [
        ("model", "hf", 1), ("teacher", "hf", 1), ("model", "hf", 32), ("teacher", "hf", 32),
    ]  # fmt: skip
    answers = open_classifier(student).probabilities(mr.test.texts)
    assert report.qualities[0].clean == (answers.argmax(1) == np.array(mr.test.labels)).mean()
    monkeypatch.chdir(out)
    exec(snippet(out), {})
    assert re.match(r"\[{'label': '(negative|positive)'", capsys.readouterr().out)


def test_onnx_equals_the_original_and_attacks_alike(onnx, bert, mr):
    out = onnx.out
    assert names(out) == ONNX_FILES
    assert onnx.parity.difference <= 1e-4 and onnx.parity.agreement == 1.0
    assert [row.who for row in onnx.latency] == ["model", "model"]
    assert "--teacher" in onnx.source.notes[0]
    config = json.loads((out / "config.json").read_text())
    assert config["id2label"] == {"0": "negative", "1": "positive"}
    for name in ("config.json", "tokenizer_config.json", "README.md"):
        assert str(bert.parent) not in (out / name).read_text()
    original, exported = open_classifier(bert), open_classifier(out)
    table = {"film": ("movie", "picture"), "good": ("nice",)}
    attack = Attack("test", WordSource(table_lexicon(table)), Greedy())
    texts = [t for t in mr.test.texts if "film" in t][:10]
    for one_by_one in (False, True):
        both = [
            Classifier.of(c.model, c.tokenizer, one_by_one=one_by_one) for c in (original, exported)
        ]
        mine, theirs = (attacked(attack, classifier, texts, [0] * 10) for classifier in both)
        for a, b in zip(mine, theirs, strict=True):
            assert (a.status, a.perturbed, a.queries) == (b.status, b.perturbed, b.queries)
            assert a.after == pytest.approx(b.after, abs=1e-5)


def test_int8_is_measured_beside_the_float_model(int8):
    assert names(int8.out) == ONNX_FILES
    assert int8.size < int8.original_size / 2
    assert [q.name for q in int8.qualities] == ["int8", "float"]
    assert {(row.who, row.form) for row in int8.latency} == {
        ("model", "int8"), ("model", "onnx"), ("teacher", "int8"), ("teacher", "onnx"),
    }  # fmt: skip
    written = int8.to_json()
    assert 0.9 < written["parity"]["agreement"] <= 1.0
    assert 0 < written["parity"]["difference"] < 0.2
    for entry in written["quality"]:
        assert entry["attacks"]["wordnet"]["n"] == 8
        low, high = entry["attacks"]["wordnet"]["interval"]
        assert low <= entry["attacks"]["wordnet"]["after_attack"] <= high
    assert written["weights"] == FORM
    assert [entry["batch"] for entry in written["against_float"]] == [1, 32]
    json.dumps(written, allow_nan=False)


def test_the_table_tells_the_form_and_its_speed(int8, capsys):
    from rosearch.cli.export import print_export

    print_export(int8, as_json=False)
    told = capsys.readouterr().out
    assert f"int8: {FORM}" in told
    for line in speed_lines(int8.speed):
        assert line in told


def test_synonyms_stay_one_row_in_int8(int8):
    tokenizer = load_classifier(int8.source.folder)[1]
    victim = graph_classifier(int8.out / "model.onnx", tokenizer)
    one, other = victim.probabilities([segment(text) for text in SYNONYM_PAIR])
    assert np.array_equal(one, other)
    assert len(tokenizer(SYNONYM_PAIR[1])["input_ids"]) == 5  # "splendid" is one token


def test_an_int8_answer_does_not_depend_on_the_texts_beside_it(int8, mr):
    together = open_classifier(int8.out).probabilities(mr.test.texts[:20])
    for text, answer in zip(mr.test.texts[:20], together, strict=True):
        assert np.array_equal(open_classifier(int8.out).probabilities([text])[0], answer)


@pytest.mark.parametrize("form", ["int8", "onnx"])
def test_the_onnx_snippet_runs_without_rosearch_and_torch(form, request):
    report = request.getfixturevalue(form)
    model, tokenizer = load_classifier(report.source.folder)
    texts = ["A gorgeous, witty film.", "Dull and slow."]
    for printed, text in zip(printed_logits(report), texts, strict=True):
        with torch.inference_mode():
            logits = model(**tokenizer(text, return_tensors="pt")).logits[0]
        assert printed == pytest.approx(logits.tolist(), abs=0.3 if form == "int8" else 1e-4)


def test_the_card_says_what_was_measured(int8):
    found = card(int8.out)
    data = found.data.to_dict()
    assert data["pipeline_tag"] == "text-classification"
    metrics = [m for r in data["model-index"][0]["results"] for m in r["metrics"]]
    best = int8.qualities[0]
    assert [m["value"] for m in metrics] == [
        round(best.clean, 4), best.by_class["balanced_clean"], best.by_class["macro_f1"],
        round(best.attacks["wordnet"].after_attack, 4),
    ]  # fmt: skip
    assert "| label | n | recall | precision | recall after wordnet |" in found.text
    for part in ("negative, positive", f"n = {best.n}", "n = 8", "## Limits", "## How to load",
                 "WordNet", f"{int8.parity.agreement:.1%}", "Wilson", FORM,
                 *speed_lines(int8.speed)):  # fmt: skip
        assert part in found.text
    assert "The run it comes from" not in found.text


def test_the_card_says_that_texts_were_cut(int8):
    source = int8.source
    cut = replace(source, task=replace(source.task, max_words=64))
    said = "Texts were cut after 64 words: this model was measured on the beginnings of texts."
    assert said in _origins(cut) and "were cut" not in _origins(source)


def test_text_of_users_does_not_act_in_a_card():
    assert plain("<script>a</script> | *b*\n# c") == (
        r"&lt;script&gt;a&lt;/script&gt; \| \*b\* \# c"
    )
    assert code("a`b|c\nd") == "`a b c d`"


# Failures


def test_a_failed_parity_check_is_exit_code_1_and_leaves_nothing(
    student, tmp_path, monkeypatch, capsys
):
    def write_another(original: Classifier, folder: Path, _: object) -> Classifier:
        save_student(original.module, original.tokenizer, folder)
        found = open_classifier(folder)
        with torch.no_grad():
            found.module.classifier.bias[0] += 0.01
        return found

    monkeypatch.setitem(bundle.WRITERS, "hf", write_another)
    args = ["rosearch", "export", str(student), "--format", "hf", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", args)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    told = capsys.readouterr()
    assert re.search(r"error: the hf model differs .* by up to 0\.00", told.err)
    assert not told.out and not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, UserError])
def test_an_interrupted_export_leaves_nothing(error, student, tmp_path, monkeypatch):
    def stop(*_: object) -> None:
        assert list(tmp_path.rglob("model.safetensors")), "the model is written by now"
        raise error("stop")

    monkeypatch.setattr(bundle, "_latency", stop)
    with pytest.raises(error):
        export(str(student), "hf", tmp_path / "deep" / "out", n=2)
    assert not list(tmp_path.iterdir())


def test_parity_of_what_is_no_number_fails():
    even = np.full((3, 2), 0.5, dtype=np.float32)
    broken = even.copy()
    broken[1] = np.nan
    found = parity(even, broken)
    assert found.difference == np.inf
    for form in bundle.LIMITS:
        check_parity(parity(even, even), form)
        with pytest.raises(ParityError, match="nothing was written"):
            check_parity(found, form)
    with pytest.raises(ParityError, match="onnx"):
        check_parity(parity(even, even + np.float32(2e-4)), "onnx")


def test_bad_arguments_are_told_before_any_work(student, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "find_source", pytest.fail)
    with pytest.raises(UserError, match="no format 'tflite'; the formats are hf, onnx, int8"):
        export(str(student), "tflite", tmp_path / "out")
    with pytest.raises(UserError, match="exists; choose another --out"):
        export(str(student), "hf", tmp_path)
    with pytest.raises(UserError, match="no attack 'x'"):
        export(str(student), "hf", tmp_path / "out", attacks=["x"])
    with pytest.raises(UserError, match=r"'wordnet\+pgd' needs the gradients .* or --format hf"):
        export(str(student), "onnx", tmp_path / "out", attacks=["wordnet+pgd"])
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r'pip install "rosearch\[onnx\]"'):
        export(str(student), "onnx", tmp_path / "out")


def test_a_model_with_other_labels_is_refused(student, tmp_path):
    data = tmp_path / "data.csv"
    rows = [f"some text number {i} of {i * i},{'abc'[i % 3]}\n" for i in range(90)]
    data.write_text("text,label\n" + "".join(rows))
    with pytest.raises(UserError, match=r"2 labels .* the task has 3"):
        export(str(student), "hf", tmp_path / "out", {"task": {"train": str(data)}})
    assert names(tmp_path) == {"data.csv"}


# Runs


@pytest.fixture
def run(student, bert, mr, tmp_path) -> Path:
    """The folder of a finished run with two students, and its teacher in no cache."""
    import shutil

    folder = tmp_path / "run"
    for name in ("0123456789abcdef", "fedcba9876543210", ".01234-7"):
        shutil.copytree(student, folder / "students" / name)
    store = Store(folder / "run.db", create=True)
    asked = {
        "teacher": {"name": str(bert), "fine_tune": False},
        "search": {"attack": "wordnet"},
        "final": {"held_out": ["encoder", "characters"]},
    }
    config = make_config("quick", None, asked)
    store.set_meta(
        config=to_dict(config), fingerprint=mr.fingerprint,
        summary=made_summary("0123456789abcdef").to_json(),
    )  # fmt: skip
    genotype = Genotype(32, 32, (Node((0,), "conv3"),)).to_json()
    attacks = {a: Robustness(a, 200, 150, 70, 999) for a in ("wordnet", "encoder", "characters")}
    teacher = Final("teacher", 0, None, 1000, 80, 100, attacks, 9.0, 1.0)
    store.add_final(teacher)
    for seed in (1, 2):
        model = replace(teacher, model="0123456789abcdef", seed=seed, genotype=genotype)
        store.add_final(replace(model, params=100, fitness=2.0, correct=70 + 2 * seed))
    return folder


def test_a_run_means_its_best_student_with_the_numbers_of_the_store(run, bert, tmp_path):
    source = find_source(str(run), {})
    assert (source.folder, source.teacher) == (run / "students" / "0123456789abcdef", bert)
    assert source.run is not None and source.run.student.clean == 0.73
    assert source.run.held_out == ("encoder", "characters")
    assert find_source(f"{run}:fed", {}).folder.name == "fedcba9876543210"
    assert find_source(f"{run}:fed", {}).run is None, "never evaluated"
    report = export(str(run), "hf", tmp_path / "out", n=2)
    text = card(report.out).text
    assert "| this student | 100 | 0.730 [0.636, 0.807] | 0.350 [0.287, 0.418] |" in text
    assert "held out: `encoder`" in text and "Means over 2 training seeds" in text


def test_predict_takes_a_run_as_other_commands_do(run, student):
    asked = ("A gorgeous film.", "--json")
    told = [
        CliRunner().invoke(cli.app, ["predict", str(what), *asked])
        for what in (student, run, f"{run}:fed", run / "students" / "fedcba9876543210")
    ]
    assert {done.exit_code for done in told} == {0}
    assert len({done.stdout for done in told}) == 1 and '"label"' in told[0].stdout
    with pytest.raises(UserError, match="0 saved students whose id starts with 'zz'"):
        model_folder(f"{run}:zz")
    assert model_folder("some/hub-id") == "some/hub-id"


def test_a_run_that_cannot_be_exported_says_why(run):
    Store(run / "run.db").set_meta(summary=None)
    assert find_source(str(run), {}).folder.name == "0123456789abcdef"  # of an extended run
    (run / "students" / "0123456789abcdef").rename(run / "students" / "0123")
    with pytest.raises(UserError, match="no best student yet; finish it: rosearch resume"):
        find_source(str(run), {})
    with pytest.raises(UserError, match="0 saved students whose id starts with 'zz'; it has 0123"):
        find_source(f"{run}:zz", {})
    with pytest.raises(UserError, match="of the task options it takes new places"):
        find_source(f"{run}:01", {"task": {"text_column": "text"}})
    Store(run / "run.db").set_meta(fingerprint="another")
    with pytest.raises(UserError, match="data of 'mr' changed"):
        find_source(f"{run}:01", {})


def test_a_run_whose_teacher_is_not_in_the_cache_says_so(run, tmp_path, monkeypatch):
    from rosearch.io import resources

    monkeypatch.setattr(resources, "cache_dir", lambda: tmp_path / "cache")
    store = Store(run / "run.db")
    config = dict(store.meta().config)
    config["teacher"]["fine_tune"] = True
    store.set_meta(config=config)
    from rosearch.tasks import load_task

    task = load_task("mr")
    monkeypatch.setattr("rosearch.tasks.named.task_of", lambda *_: task)
    source = find_source(str(run), {})
    assert source.teacher is None
    assert source.notes == (
        "no latency of the teacher: it is not in the cache; name its folder with --teacher",
    )


# Latency


def test_calls_take_turns_and_each_turn_starts_with_an_untimed_call():
    asked = []
    found = interleaved_ms({"a": lambda: asked.append("a"), "b": lambda: asked.append("b")}, 2)
    turns = re.findall(r"a+|b+", "".join(asked))
    assert [turn[0] for turn in turns] == ["a", "b", "a", "b"]
    assert all(len(turn) >= 2 for turn in turns)
    assert set(found) == {"a", "b"} and all(ms >= 0 for ms in found.values())


def test_timed_tokens_are_those_of_the_texts(bert_tokenizer):
    texts = ["good film", "bad"]
    flow = bert_tokenizer("good film bad", add_special_tokens=False)["input_ids"]
    ids = rows_of_tokens(bert_tokenizer, texts, 2)
    assert ids.shape == (2, 32)
    assert ids.flatten().tolist() == [flow[i % 3] for i in range(64)]


def test_the_command_prints_json(student, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    args = ["rosearch", "export", str(student), "--format", "hf", "--out", str(out), "--n", "2"]
    monkeypatch.setattr(sys, "argv", [*args, "--json"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code
    told = json.loads(capsys.readouterr().out)
    assert told["parity"]["n"] >= 200 and told["quality"][0]["attacks"]["wordnet"]["n"] == 2


def test_the_terminal_shows_parity_quality_and_latency(int8, capsys):
    from rosearch.cli.export import print_export

    print_export(int8, as_json=False)
    told = capsys.readouterr().out
    for part in ("parity on", "after wordnet", "(n = 8)", "latency, one thread", "teacher", "MB"):
        assert part in told
