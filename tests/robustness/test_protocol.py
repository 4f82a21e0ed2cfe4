"""A model by a protocol: what is known of it, temperatures, limits, replays, going on, the card."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rosearch.attacks.engine import attacked
from rosearch.attacks.limits import Limits, capped
from rosearch.attacks.methods import ATTACKS, load_attacks, resources_for
from rosearch.cli.main import app, code_of
from rosearch.config import make_config
from rosearch.errors import UserError
from rosearch.evaluation.held_out import Knowledge, knowledge, standing
from rosearch.export.robustness_section import update_card
from rosearch.models.calibration import (
    at_temperature,
    best_temperature,
    calibration_error,
    tempered,
)
from rosearch.models.open import open_classifier
from rosearch.robustness.alarms import rare_label
from rosearch.robustness.assess import AssessSettings, assess
from rosearch.robustness.assessment import FILE, read_assessment
from rosearch.robustness.origin import Origin, origin_of
from rosearch.robustness.pooled import pooled
from rosearch.robustness.protocol import PROTOCOLS, V1, V2, V3, Row
from rosearch.robustness.rows import split_rows
from rosearch.tasks import Split
from rosearch.types import Stratum

SMALL = replace(
    V1,
    name="small",
    rows=(
        Row("characters", "characters", "edits"),
        Row("wordnet", "wordnet", "words"),
        Row("wordnet-capped", "wordnet", "words", V1.row("wordnet-capped").limits),
        V1.row("neighbours"),
        V1.row("worst-edit"),
    ),
    transfer=("wordnet",),
)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(PROTOCOLS, SMALL.name, SMALL)
    return AssessSettings(SMALL.name, n=12, device="cpu")


@pytest.fixture(scope="module")
def task(mr):
    """Fewer texts: clean results are not what is tested here."""
    return replace(mr, validation=mr.validation.take(range(60)), test=mr.test.take(range(80)))


NEW = {"joins", "disguises"}  # rows of v3


def test_every_row_is_an_attack_of_its_own_name():
    names = [row.name for row in V1.rows]
    assert len(set(names)) == len(names)
    assert all(row.attack.partition(":")[0] in ATTACKS for row in V1.rows)
    assert set(V1.transfer) < set(V2.transfer) <= set(names) and V1.rows == V2.rows
    assert {row.name for row in V3.rows} - set(names) == NEW == {*V3.transfer} - {*V2.transfer}
    for row in V1.rows:
        assert (row.limits is not None) == row.name.endswith("-capped")


def test_an_attack_is_known_held_out_or_unknown():
    config = make_config("quick", None, {"search": {"attack": ["wordnet"]}})
    known = [seen for seen in knowledge(config) if seen.setting.startswith("search.attack")]
    known = [Knowledge.from_json(json.loads(json.dumps(seen.to_json()))) for seen in known]
    assert standing("beam", known, True) == ("known", "wordnet by search.attack = 'wordnet'")
    assert standing("thesaurus", known, True) == ("held out", "")
    assert standing("thesaurus+beam", known, True)[0] == "known"
    assert standing("thesaurus", known, False) == ("unknown", "unknown origin")
    silent = Knowledge("distill.defences = ['mine']", None, training=True)
    assert standing("thesaurus", [*known, silent], True)[0] == "unknown"
    assert standing("wordnet", [silent, *known], True)[0] == "known"


def test_a_student_tells_what_it_knows_of_attacks(folders, tmp_path):
    assert not origin_of(folders[0]).complete
    shutil.copytree(folders[0], tmp_path / "s")
    config = json.loads((tmp_path / "s/config.json").read_text())
    told = Knowledge("distill.characters = 0.3", frozenset({"inner-letters"}), True)
    config["known_attacks"] = [told.to_json()]
    (tmp_path / "s/config.json").write_text(json.dumps(config))
    found = origin_of(tmp_path / "s")
    assert found.complete and found.settings == (told.setting,)
    assert standing("characters", found.known, found.complete)[0] == "known"
    assert open_classifier(tmp_path / "s").module.config.known_attacks == [told.to_json()]
    config["known_attacks"] = [{"setting": "half"}]
    (tmp_path / "s/config.json").write_text(json.dumps(config))
    assert not origin_of(tmp_path / "s").complete


def test_rows_that_cannot_be_carried_out_say_why(monkeypatch):
    monkeypatch.setattr("rosearch.attacks.attack_resources.find_spec", lambda name: None)
    rows, skipped = split_rows(V1, Origin(mechanisms=frozenset({"votes"})), None)
    assert {"characters", "thesaurus-capped"} <= {row.name for row in rows}
    assert "--neighbours FILE" in skipped["neighbours-capped"]
    assert "--teacher" in skipped["encoder"] and "--teacher" in skipped["worst-vote"]
    assert skipped["worst-edit"].endswith("reading")
    there, _ = split_rows(V1, Origin(others={"teacher": Path()}), None)
    assert "encoder-capped" in {row.name for row in there}


def test_calibration_error_is_the_gap_of_confidence_and_accuracy():
    sure = np.array([[0.9, 0.1]] * 10, dtype=np.float32)
    assert calibration_error(sure, [0] * 9 + [1]) == pytest.approx(0.0, abs=1e-6)
    assert calibration_error(sure, [0] * 5 + [1] * 5) == pytest.approx(0.4, abs=1e-6)
    two = np.array([[0.9, 0.1], [0.4, 0.6]], dtype=np.float32)  # gaps 0.1 and 0.6 in two bins
    assert calibration_error(two, [0, 0]) == pytest.approx(0.35, abs=1e-6)


def test_the_temperature_of_sharpened_logits_is_found():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = [int(rng.choice(3, p=p)) for p in true]
    assert best_temperature(at_temperature(true, 1 / 4), labels) == pytest.approx(4, rel=0.15)
    sharp = at_temperature(true, 0.25)
    assert np.allclose(at_temperature(sharp, 4), true, atol=1e-5)
    assert (sharp.argmax(1) == true.argmax(1)).all()


def test_limits_hold_and_a_capped_attack_does_no_better(folders, task):
    split = task.test.take(range(30))
    victim = open_classifier(folders[0]).in_order(task.label_names)
    attack = load_attacks("wordnet", resources_for(["wordnet"], split.texts))[0]
    limits = Limits(changed=0.2, candidates=2, queries_per_word=3)
    found = attacked(capped(attack, limits), victim, split.texts, split.labels)
    whole = attacked(attack, victim, split.texts, split.labels)
    for result in found:
        words = len(result.original.split())
        assert len(result.changed) <= max(1, 0.2 * (words + 5))
        assert result.queries <= 3 * (words + 5)
    assert capped(attack, None) is attack
    flips = [sum(r.status == "flipped" for r in results) for results in (found, whole)]
    assert 0 < flips[0] < flips[1]


def sharpened(folder: Path, by: float) -> Path:
    """The same student, its logits times a number: every decision stays."""
    for name in ("classifier.weight", "classifier.bias"):
        tensors = load_file(folder / "model.safetensors")
        tensors[name] = tensors[name] * by
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_a_model_that_hides_behind_its_confidence_is_found_out(folders, task, tmp_path, small):
    copy = shutil.copytree(folders[0], tmp_path / "s")
    hidden = assess(sharpened(copy, 60.0), task, tmp_path / "sharp", small)
    plain = assess(folders[0], task, tmp_path / "plain", small)
    assert hidden.clean.accuracy == plain.clean.accuracy
    assert hidden.clean.calibration_error > plain.clean.calibration_error
    assert hidden.clean.temperature == pytest.approx(60 * plain.clean.temperature, rel=0.2) or (
        hidden.clean.temperature > 19
    )
    for row, same in zip(hidden.rows, plain.rows, strict=True):
        shipped, *_, lowest = row.by_temperature.values()
        assert lowest == row.outcome.after_attack <= shipped
        assert lowest <= same.outcome.after_attack + 0.1
    masked = next(row for row in hidden.rows if row.name == "wordnet")
    assert masked.by_temperature["as shipped"] > masked.outcome.after_attack
    assert list(masked.by_temperature) == ["as shipped", "calibrated", "0.1", "10"]


def test_a_temperature_shares_answers_and_decisions(folders, task):
    victim = open_classifier(folders[0])
    said = victim.probabilities(task.test.texts)
    passed = victim.network.passes
    hot = tempered(victim, 10.0)
    assert (hot.probabilities(task.test.texts).argmax(1) == said.argmax(1)).all()
    assert hot.probabilities(task.test.texts).max() < said.max()
    assert victim.network.passes == passed == len(set(task.test.texts))
    assert tempered(victim, 1.0) is victim


def test_an_evaluation_goes_on_and_is_read_again(folders, task, tmp_path, small, monkeypatch):
    whole = assess(folders[0], task, tmp_path / "whole", small, teacher=folders[1])
    with monkeypatch.context() as patch:
        patch.setattr("rosearch.attacks.engine.iterate_suite", stopping_after(20))
        with pytest.raises(KeyboardInterrupt):
            assess(folders[0], task, tmp_path / "a", small, teacher=folders[1])
    assert not (tmp_path / "a" / FILE).exists()
    found = assess(folders[0], task, tmp_path / "a", small, teacher=folders[1])
    assert timeless(found.to_json()) == timeless(whole.to_json())
    with monkeypatch.context() as patch:  # all is there: nothing is attacked, times are as before
        patch.setattr("rosearch.attacks.engine.iterate_suite", stopping_after(0))
        assert assess(folders[0], task, tmp_path / "a", small, teacher=folders[1]) == found
    assert read_assessment(tmp_path / "a" / FILE) == found
    assert found.worst["all"].after_attack <= min(r.outcome.after_attack for r in found.rows)
    assert {r.standing for r in found.rows} == {"unknown"} and not found.complete
    (transfer,) = found.transfer
    direct = next(r for r in found.rows if r.name == "wordnet")
    assert (transfer.source, transfer.outcome.n) == ("teacher", 12)
    assert transfer.direct == direct.outcome.after_attack
    assert transfer.masked == (transfer.outcome.after_attack < transfer.direct)
    assert transfer.found > 0 and transfer.spent.queries > 0
    lines = [json.loads(x) for x in (tmp_path / "a/adversarial.jsonl").read_text().splitlines()]
    victim = open_classifier(folders[0]).in_order(task.label_names)
    for line in lines:
        said = victim.probabilities([line["perturbed"]]).argmax()
        assert task.label_names[said] == line["said"] != line["label"]


def rare(split: Split, n: int, few: int) -> Split:
    """`n` texts of the first label and `few` of the second."""
    rows = [[i for i, y in enumerate(split.labels) if y == label] for label in (0, 1)]
    return split.take([*rows[0][:n], *rows[1][:few]])


def test_a_rare_label_is_told_at_few_false_alarms(folders, mr, tmp_path, small, monkeypatch):
    rows = (SMALL.row("characters"), V1.row("splits"))
    rates = (0.001, 0.1)
    monkeypatch.setitem(PROTOCOLS, "rare", replace(V1, name="rare", rows=rows, false_alarms=rates))
    uneven = replace(mr, validation=rare(mr.validation, 150, 40), test=rare(mr.test, 150, 40))
    chosen = replace(small, protocol="rare", n=60)
    found = assess(folders[0], uneven, tmp_path / "a", chosen)
    strict, loose = found.alarms
    victim = open_classifier(folders[0])
    logits = np.log(victim.probabilities(uneven.validation.texts))
    calm = (logits[:, 1] - logits[:, 0])[:150]
    for one, allowed in ((strict, 0), (loose, 15)):
        assert (one.label, one.calm) == ("positive", 150)
        assert (calm > one.thresholds[0]).sum() == allowed  # ties of 150 sums are unlikely
        said = np.log(victim.probabilities(uneven.test.texts))
        alarmed = said[:, 1] - said[:, 0] > one.thresholds[0]
        assert one.false_alarms.share == pytest.approx(alarmed[:150].mean(), abs=1e-4)
        assert one.recall.share == pytest.approx(alarmed[150:].mean(), abs=1e-4)
        assert one.after["characters"].share <= one.recall.share
        assert one.after["all"].share <= min(entry.share for entry in one.after.values())
        assert one.after["characters"].n == 30
    assert strict.recall.share < loose.recall.share
    # What counts is the threshold: every alarm that an attack silenced is below it.
    lines = (tmp_path / "a/journal/0.1/characters.jsonl").read_text().splitlines()
    flipped = [x for x in map(json.loads, lines) if x["status"] == "flipped"]
    scores = np.log(victim.probabilities([x["perturbed"] for x in flipped]))
    before = np.log(victim.probabilities([x["original"] for x in flipped]))
    assert len(flipped) > 3
    assert (scores[:, 1] - scores[:, 0] <= loose.thresholds[0] + 1e-4).all()
    assert (before[:, 1] - before[:, 0] > loose.thresholds[0] - 1e-4).all()
    update_card(tmp_path / "card.md", found)
    card = (tmp_path / "card.md").read_text()
    assert "0.1% false alarms (no text)" in card and "after splits" in card
    assert read_assessment(tmp_path / "a" / FILE) == found


def test_several_seeds_are_one_model(folders, task, tmp_path, small, monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "one", replace(SMALL, name="one", rows=SMALL.rows[1:2]))
    other = shutil.copytree(folders[0], tmp_path / "ID-2")
    tensors = load_file(other / "model.safetensors")
    tensors["classifier.bias"] += torch.tensor([0.5, -0.5])
    save_file(tensors, other / "model.safetensors", {"format": "pt"})
    chosen = replace(small, protocol="one")
    single = [
        assess(folder, task, tmp_path / str(i), chosen, teacher=folders[1])
        for i, folder in enumerate((folders[0], other))
    ]
    both = assess(folders[0], task, tmp_path / "both", chosen, "s", folders[1], [other])
    (row,), (first,), (second,) = both.rows, *(one.rows for one in single)
    shares = tuple(one.outcome.after_attack for one in (first, second))
    assert row.by_seed == shares and len(set(shares)) == 2
    assert row.outcome.after_attack == pytest.approx(sum(shares) / 2, abs=1e-4)
    assert row.spent.queries == round((first.spent.queries + second.spent.queries) / 2)
    accuracies = [one.clean.accuracy for one in single]
    assert both.clean.accuracy == pytest.approx(sum(accuracies) / 2, abs=1e-4)
    assert (both.training_seeds, both.transfer[0].found) == (2, single[0].transfer[0].found)
    assert (tmp_path / "both/journal/seeds/ID-2/wordnet.jsonl").is_file()


def test_intervals_are_over_texts_and_seeds():
    def width(*right: int) -> float:
        low, high = pooled([[Stratum(count, 100)] for count in right])
        return high - low

    assert width(50) == width(50, 50) == pytest.approx(0.19, abs=0.01)
    assert width(50) < width(45, 55) < width(30, 70) < 1
    assert width(0, 0) < width(50)


def test_no_threshold_without_a_rare_label(mr):
    assert rare_label(mr, None) is None
    assert rare_label(mr, "positive") == 1
    assert rare_label(replace(mr, validation=rare(mr.validation, 20, 60)), None) == 0
    hidden = replace(mr, validation=mr.validation.take([]))
    assert rare_label(hidden, None) is None
    for task, name in ((mr, "spam"), (hidden, "positive")):
        with pytest.raises(UserError, match=r"no label 'spam'|no such validation texts"):
            rare_label(task, name)


def stopping_after(n: int):
    from rosearch.attacks.engine import iterate_suite

    left = n

    def iterate(attacks, victim, examples, window):
        nonlocal left
        for result in iterate_suite(attacks, victim, list(examples), window):
            if not left:
                raise KeyboardInterrupt
            left -= 1
            yield result

    return iterate


def timeless(found: dict) -> dict:
    """Without times, and without passes: those of texts that were under way are made twice."""
    for row in (*found["rows"], *found["transfer"]):
        del row["spent"]
    return {**found, "seconds": 0}


def test_damaged_results_are_told(tmp_path):
    for text, said in (
        ("{", "is no robustness.json"),
        ('{"version": 99}', "of version 99, this program reads 1"),
        ('{"version": 1}', "damaged: protocol"),
    ):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(UserError, match=said):
            read_assessment(tmp_path / FILE)


def hugging_face(folder: Path, tokenizer) -> Path:
    """A classifier of random weights that is no student."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=16, id2label={0: "negative", 1: "positive"},
        label2id={"negative": 0, "positive": 1},
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_strangers_model_is_evaluated_on_a_test_file(
    tmp_path, bert_tokenizer, task, small, capsys
):
    model = hugging_face(tmp_path / "bert", bert_tokenizer)
    (model / "README.md").write_text("---\ntags: [mine]\n---\n# Mine\n\nWords.\n")
    rows = [{"text": t, "label": task.label_names[y]} for t, y in pairs(task.test)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    args = ["evaluate", str(model), "--test", str(tmp_path / "t.jsonl"), "--n", "6"]
    assert code_of(lambda: app([*args, "--protocol", "small"])) == 0
    out = capsys.readouterr().out
    assert "unknown origin" in out and "worst case" in out
    found = read_assessment(model / "robustness" / FILE)
    assert (found.task, found.n, found.clean.temperature) == ("t", 6, None)
    assert "as shipped" in found.rows[0].by_temperature
    card = (model / "README.md").read_text()
    assert card.startswith("---\ntags: [mine]") and "Words." in card
    assert "Unknown origin" in card
    update_card(model / "README.md", replace(found, n=5))
    assert (model / "README.md").read_text().count("## Robustness") == 1


def pairs(split: Split):
    return list(zip(split.texts, split.labels, strict=True))[:40]


@pytest.mark.parametrize(
    ("more", "part"),
    [
        (["--n", "0"], "--n"),
        (["--protocol", "v9"], "no protocol 'v9'; there is v1, v2"),
        (["--test", "{}/empty.csv"], "empty"),
        (["--test", "{}/others.csv"], "--label-map"),
        (["--test", "{}/t.csv", "--neighbours", "{}/none"], "no such file"),
        (["--test", "{}/t.csv", "--out", "{}/t.csv/x"], "--out"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(more, part, folders, tmp_path, capsys):
    (tmp_path / "empty.csv").write_text("text,label\n")
    for name, labels in (("others", "good bad"), ("t", "positive negative")):
        rows = [f"film number {i},{labels.split()[i % 2]}" for i in range(20)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,label", *rows]))
    before = sorted(tmp_path.rglob("*"))
    args = ["evaluate", str(folders[0]), "--out", str(tmp_path / "out")]
    assert code_of(lambda: app([*args, *(a.format(tmp_path) for a in more)])) == 2
    assert part in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_is_no_model_is_told(tmp_path, task):
    with pytest.raises(UserError, match="no model in the folder"):
        assess(tmp_path, task, tmp_path / "out")
    with pytest.raises(UserError, match="0 texts to attack; it takes at least 1"):
        assess(tmp_path, task, tmp_path / "out", AssessSettings(n=0))
    assert not list(tmp_path.iterdir())
