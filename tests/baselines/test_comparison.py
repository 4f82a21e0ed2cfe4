"""Comparisons with the recipes of the literature: what is trained, stored, refused and told."""

from __future__ import annotations

import csv
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from made_summaries import made_summary

from rosearch.baselines import compare as comparing
from rosearch.baselines.compare import (
    Facts,
    Row,
    _by_texts,
    _plains,
    _store,
    _table,
    compare,
    recipe_jobs,
)
from rosearch.baselines.of_run import check_run
from rosearch.baselines.recipes import (
    RECIPES,
    find_recipe,
    left_aside,
    plain_recipe,
    trained_by,
)
from rosearch.config import DistillConfig, RunConfig, from_dict, make_config, to_dict
from rosearch.distill.match_schemes import SCHEMES
from rosearch.errors import UserError
from rosearch.evaluation.held_out import check
from rosearch.results.comparison import Comparison
from rosearch.results.decode import decode
from rosearch.results.folder import RunFolder
from rosearch.results.store import Store
from rosearch.space.presets import preset
from rosearch.tasks.named import task_of
from rosearch.types import Final, Robustness

LAYERS = 6  # of a teacher


def final(model: str, seed: int, correct: int, survived: int, params: int = 1_000_000) -> Final:
    attacks = {
        name: Robustness(name, 20, 16, left, 100)
        for name, left in (("wordnet", survived), ("encoder", survived // 2), ("characters", 1))
    }
    return Final(model, seed, None, params, correct, 100, attacks, 1.5, 9.0, None)


@pytest.fixture(scope="module")
def settings(tmp_path_factory, bert_tokenizer, mr) -> RunConfig:
    """160 real sentences, and a BERT of two layers and random weights as the teacher."""
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("tiny")
    with (folder / "data.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("text", "label"))
        names = [mr.label_names[label] for label in mr.train.labels[:160]]
        rows.writerows(zip(mr.train.texts[:160], names, strict=True))
    size = {"hidden_size": 32, "intermediate_size": 64, "max_position_embeddings": 128}
    depth = {"num_hidden_layers": 2, "num_attention_heads": 2}
    labels = dict(enumerate(mr.label_names))
    config = BertConfig(vocab_size=len(bert_tokenizer), id2label=labels, **size, **depth)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertForSequenceClassification(config).save_pretrained(folder / "teacher")
    bert_tokenizer.save_pretrained(folder / "teacher")
    overrides = {
        "task": {"train": str(folder / "data.csv")},
        "teacher": {"name": str(folder / "teacher"), "fine_tune": False, "weak": "keep"},
        "search": {"attack": "wordnet", "attacked": 5},
        "space": {"defences": []},
        "final": {"epochs": 1, "seeds": 1, "attacked": 5, "held_out": ["characters"]},
    }
    return make_config("quick", None, overrides)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_recipe_is_a_training_that_works(recipe):
    g = preset(recipe.preset)
    config = trained_by(recipe, g, make_config("quick"))
    check(config)
    assert from_dict(to_dict(config)) == config  # types and ranges
    assert config.distill == recipe.distill()
    assert g.embedding_dim in config.space.embedding_dims
    if config.distill.matching != "none":
        assert SCHEMES[config.distill.matching](g, LAYERS)
    assert recipe.source
    assert recipe.what
    assert not (config.distill.substitution or config.distill.characters)


def test_a_recipe_keeps_the_device_and_refuses_another_training():
    recipe = find_recipe("hinton")
    g = preset(recipe.preset)
    config = make_config("quick", None, {"distill": {"device": "cpu", "precision": "float32"}})
    trained = trained_by(recipe, g, config).distill
    assert (trained.device, trained.precision, trained.temperature) == ("cpu", "float32", 4.0)
    for name, value in (("temperature", 8.0), ("characters", 0.1)):
        config = make_config("quick", None, {"distill": {name: value}})
        with pytest.raises(UserError, match=r"hinton says how .* device and precision"):
            trained_by(recipe, g, config)


def test_under_a_preset_recipes_leave_its_training_aside_and_say_so():
    config = make_config("standard", None, {"distill": {"device": "cpu"}})
    for recipe in RECIPES.values():
        trained = trained_by(recipe, preset(recipe.preset), config)
        assert trained.distill == replace(recipe.distill(), device="cpu")
    told = left_aside(config.distill)
    assert told.startswith("note: recipes train as their papers do, without distill.")
    assert "distill.substitution = 0.6, " in told and "distill.device" not in told
    assert not left_aside(replace(DistillConfig(), phrases=2, device="cpu"))


def test_a_recipe_that_knows_what_is_held_out_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"^recipe tinybert: the attack 'bert-attack' cannot be"):
        compare(make_config("standard"), tmp_path / "out", ["hinton", "tinybert"])


def test_a_plain_student_differs_from_its_recipe_in_the_training_only():
    plains = _plains(RECIPES.values())
    assert len(plains) == len({recipe.preset for recipe in RECIPES.values()})
    recipe = find_recipe("tinybert")
    plain = plain_recipe(recipe)
    assert plain.plain
    assert plain.preset == recipe.preset
    assert plain.distill().learning_rate == recipe.distill().learning_rate
    assert (plain.distill().matching, plain.distill().augment) == ("none", "none")


def test_students_of_the_same_texts_and_layers_are_prepared_together():
    groups = _by_texts(RECIPES.values())
    assert sorted(r.name for group in groups for r in group) == sorted(RECIPES)
    of = {recipe.name: i for i, group in enumerate(groups) for recipe in group}
    assert of["hinton"] == of["ard"]
    assert len({of["hinton"], of["pkd"], of["bilstm"], of["tinybert"]}) == 4
    for group in groups:
        alike = {(r.distill().augment, r.distill().augment_copies) for r in group}
        assert len(alike) == 1


def test_more_texts_are_passed_over_less_often(tmp_path: Path):
    config = make_config("quick", None, {"final": {"epochs": 10, "seeds": 2}, "seed": 5})
    jobs = {
        name: recipe_jobs(find_recipe(name), preset(find_recipe(name).preset), config, tmp_path)
        for name in ("hinton", "tinybert", "bilstm")
    }
    assert {name: found[0].plan.training.epochs for name, found in jobs.items()} == {
        "hinton": 10, "tinybert": 5, "bilstm": 2,
    }  # fmt: skip
    assert [job.seed for job in jobs["hinton"]] == [6, 7]
    assert len({job.folder for found in jobs.values() for job in found}) == 6
    short = replace(config, final=replace(config.final, epochs=1))
    (job, _) = recipe_jobs(find_recipe("bilstm"), preset("bilstm"), short, tmp_path)
    assert job.plan.training.epochs == 1


def test_the_table_holds_means_and_sorts_by_kind_and_size(tmp_path: Path, mr):
    held_out = {"held_out": ["encoder", "characters"]}
    config = make_config("quick", None, {"search": {"attack": "wordnet"}, "final": held_out})
    rows = [
        Row("plain", "plain textcnn"),
        Row("recipe", "hinton", replace(find_recipe("hinton"), what="soft")),
        Row("search", "best of the run", model="abc"),
        Row("compressed", "teacher int8", compressed=Facts("int8", 10_000_000, 9, 23.0, 3.9)),
        Row("teacher", "teacher"),
    ]
    with closing(Store(tmp_path / "comparison.db", create=True)) as store:
        store.add_final(final("teacher", 0, 90, 4, 10_000_000))
        store.add_final(final("teacher int8", 0, 88, 4, 0))  # a graph has no parameters
        store.add_final(final("abc", 0, 80, 10))
        for seed, correct in ((1, 70), (2, 80)):
            store.add_final(final("hinton", seed, correct, 2 * seed))
        store.add_final(final("plain textcnn", 1, 75, 0))
        table = _table(rows, config, mr, store)
    assert [row.name for row in table.rows] == [
        "teacher", "teacher int8", "best of the run", "hinton", "plain textcnn",
    ]  # fmt: skip
    teacher, int8, best, hinton, _ = table.rows
    assert (teacher.megabytes, teacher.compression) == (40.0, 1.0)
    assert (int8.params, int8.megabytes, int8.compression) == (10_000_000, 23.0, 3.9)
    assert (best.id, best.after_attack, best.compression) == ("abc", 0.5, 10.0)
    assert (hinton.clean, hinton.after_attack) == (0.75, 0.15)
    assert (hinton.seeds, hinton.loss) == ((1, 2), "soft")
    assert set(hinton.held_out) == set(table.held_out) == {"encoder", "characters"}
    kept = table.to_json()
    assert decode(Comparison, json.loads(json.dumps(kept)), "it") == table
    first, second, *_ = kept["rows"]
    assert set(second) - set(first) == {"label", "nonzero_params"}
    assert not {"genotype", "validation_fitness", "preset"} & set(first)


def test_a_store_of_other_settings_is_refused_and_stays(tmp_path: Path, settings):
    task = task_of(settings.task, settings.seed)
    out = tmp_path / "comparison"
    _store(settings, out, task).close()
    _store(settings, out, task).close()
    other = replace(settings, final=replace(settings.final, epochs=2))
    before = (out / "comparison.db").read_bytes()
    with pytest.raises(UserError, match="other settings"):
        _store(other, out, task)
    assert (out / "comparison.db").read_bytes() == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(UserError, match="is no comparison"):
        _store(settings, tmp_path / "mine", task)


def test_only_a_finished_run_on_the_same_data_has_a_best_student(tmp_path: Path, settings):
    with pytest.raises(UserError, match="no run store"):
        RunFolder(tmp_path).best_student()
    task = task_of(settings.task, settings.seed)
    with closing(Store(tmp_path / "run.db", create=True)) as store:
        store.set_meta(config=to_dict(settings), fingerprint=task.fingerprint)
        with pytest.raises(UserError, match="rosearch resume"):
            RunFolder(tmp_path).best_student()
        store.set_meta(summary=made_summary("abc").to_json())
        with pytest.raises(UserError, match="rosearch resume"):  # its folder is gone
            RunFolder(tmp_path).best_student()
        (tmp_path / "students" / "abc").mkdir(parents=True)
        assert RunFolder(tmp_path).best_student().name == "abc"
        check_run(tmp_path, settings, task)
        learned = replace(settings, distill=replace(settings.distill, characters=0.1))
        store.set_meta(config=to_dict(replace(learned, final=make_config().final)))
        with pytest.raises(UserError, match="'characters' cannot be held out"):
            check_run(tmp_path, settings, task)
        other = replace(settings, teacher=replace(settings.teacher, name="minilm"))
        store.set_meta(config=to_dict(other))
        with pytest.raises(UserError, match="give --teacher minilm"):
            check_run(tmp_path, settings, task)
        store.set_meta(fingerprint="of something else")
        with pytest.raises(UserError, match="on other data"):
            check_run(tmp_path, settings, task)


def test_an_unknown_recipe_is_one_line(tmp_path: Path, monkeypatch, capsys):
    from rosearch.cli.main import main

    out = tmp_path / "out"
    monkeypatch.setattr("sys.argv", ["rosearch", "compare", "--recipe", "nope", "--out", str(out)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: no recipe 'nope'; the recipes are hinton")
    assert not out.exists()


@pytest.mark.parametrize(
    "recipes",
    [["hinton"], pytest.param(["pkd", "hinton"], marks=pytest.mark.slow)],
    ids=lambda names: "+".join(names),
)
def test_compare_from_data_to_table_and_again_without_training(
    tmp_path: Path, settings, monkeypatch, recipes: list[str]
):
    out = tmp_path / "comparison"
    table = compare(settings, out, [*recipes, "hinton"], None, False, 1)
    assert [(row.kind, row.name) for row in table.rows] == [
        ("teacher", "teacher"),
        *(("recipe", name) for name in recipes),
        *(("plain", f"plain {RECIPES[name].preset}") for name in recipes),
    ]
    assert all(row.n == 5 and row.held_out["characters"].n == 5 for row in table.rows)
    assert table.rows[len(recipes)].source == RECIPES["hinton"].source
    assert json.loads((out / "comparison.json").read_text("utf-8")) == table.to_json()
    assert (out / "students" / f"{recipes[0]}-1" / "config.json").is_file()

    def refuse(*_: object) -> None:
        raise AssertionError("nothing is to be done again")

    monkeypatch.setattr(comparing, "prepare", refuse)
    monkeypatch.setattr(comparing, "evaluate_in_pool", refuse)
    assert compare(settings, out, recipes, None, False, 1) == table
