"""An estimate before there is a teacher: nothing but two candidates is trained, and it says so."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from rosearch.config import RunConfig, all_attacks, make_config
from rosearch.executors.local import InProcess
from rosearch.run.estimate import estimate_run, in_words
from rosearch.tasks import notes
from rosearch.tasks.named import task_of
from rosearch.teacher import fit, masked_lm
from rosearch.teacher.lean import lean


@pytest.fixture
def config(tmp_path: Path, tiny_body: Path, mr, monkeypatch) -> RunConfig:
    """A search on 120 real sentences whose teacher and masked language model are not fitted."""
    with (tmp_path / "data.csv").open("w", encoding="utf-8", newline="") as stream:
        labels = [mr.label_names[label] for label in mr.train.labels[:120]]
        rows = zip(mr.train.texts[:120], labels, strict=True)
        csv.writer(stream).writerows([("text", "label"), *rows])

    def trained(*_: object) -> None:
        raise AssertionError("a dry run trains no teacher")

    monkeypatch.setattr(fit, "_fine_tune", trained)
    monkeypatch.setattr(masked_lm, "_train", trained)
    settings = {
        "task": {"train": str(tmp_path / "data.csv")},
        "teacher": {"name": str(tiny_body)},
        "search": {"attack": "encoder+leet", "attacked": 4, "rungs": [1.0]},
        "space": {"ops": ["conv3"], "encodings": ["plain"], "defences": [], "min_compression": 0},
        "distill": {"substitution": 0, "lexicons": ["encoder"]},
        "encoding": {"lexicons": ["encoder"]},
        "final": {"held_out": ["bae", "characters"], "attacked": 4},
    }
    return make_config("smoke", None, settings)


def test_without_a_teacher_two_candidates_tell_the_time_and_nothing_else_is_trained(
    config, monkeypatch, capsys
):
    monkeypatch.setattr(notes, "LONG", 5)
    found = estimate_run(config, 1, InProcess)
    assert found.search_seconds > 0 and found.final_seconds > 0
    assert capsys.readouterr().err.count("note: texts are long (") == 1
    assert found.left_out == ("fine-tuning the teacher", "attacking it", "bae", "encoder")
    assert "left out:         fine-tuning the teacher, attacking it, bae, encoder: not in" in (
        in_words(found)
    )


def test_what_the_cache_has_is_not_left_out(config, monkeypatch, tmp_path: Path):
    task = task_of(config.task, config.seed)
    few = lean(config, task)
    assert not few.taught and all_attacks(few.config) == ("leet", "characters")
    assert few.config.encoding.lexicons == ("wordnet",) and few.config.distill.lexicons == ()
    monkeypatch.setattr("rosearch.teacher.lean.saved_teacher", lambda *_: tmp_path)
    taught = lean(config, task)
    assert taught.taught and taught.left_out == ("bae",)
    assert all_attacks(taught.config) == ("encoder+leet", "characters")
    monkeypatch.setattr("rosearch.teacher.lean.saved_masked_lm", lambda *_: tmp_path)
    assert lean(config, task) == type(few)(config, True, ())
