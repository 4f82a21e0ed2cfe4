"""The teacher's outputs on disk: what they hold, when they are reused, what a failure leaves."""

from __future__ import annotations

import pickle
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rosearch.errors import UserError
from rosearch.io import resources
from rosearch.models.load import load_classifier
from rosearch.tasks import Split, Task
from rosearch.teacher import states, targets
from rosearch.teacher.outputs import TeacherOutputs, opened
from rosearch.teacher.targets import cache_outputs, cache_targets, load_targets

TEXTS = ("A gorgeous, witty film.", "dull", "", "slow and unputdownable; an endless, noisy mess")
MAX_LENGTH = 10  # cuts the last text


@pytest.fixture(scope="module")
def teacher(tmp_path_factory, tiny_body, bert_tokenizer) -> Path:
    """A classifier of random weights with one layer of two heads and width 32."""
    model, _ = load_classifier(tiny_body, 3)
    model.config.id2label = dict(enumerate("abc"))
    folder = tmp_path_factory.mktemp("teacher")
    model.save_pretrained(folder)
    bert_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def task() -> Task:
    split = Split(TEXTS, (0, 1, 2, 1))
    return Task("tiny", ("a", "b", "c"), split, Split(TEXTS[:2], (0, 1)), split)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("ROSEARCH_CACHE", str(tmp_path))
    return tmp_path / "targets"


def outputs_of(task: Task, teacher: Path, **more: object) -> TeacherOutputs:
    wanted = {"hidden": (0, 1), "attention": (1,), **more}
    return cache_outputs(task, teacher, "train", "float32", MAX_LENGTH, **wanted)  # type: ignore[arg-type]


def file_of(outputs: TeacherOutputs) -> Path:
    return outputs.hidden[1].values


def test_outputs_are_those_of_the_model(task, teacher):
    outputs = outputs_of(task, teacher)
    model, tokenizer = load_classifier(teacher)
    model.set_attn_implementation("eager")
    for i, text in enumerate(TEXTS):
        inputs = tokenizer(text, truncation=True, max_length=MAX_LENGTH, return_tensors="pt")
        with torch.inference_mode():
            alone = model(**inputs, output_hidden_states=True, output_attentions=True)
        assert outputs.ids[i].tolist() == inputs["input_ids"][0].tolist()
        near = {"rtol": 2e-3, "atol": 2e-3}  # float16
        np.testing.assert_allclose(outputs.logits[i], alone.logits[0], **near)
        for layer in (0, 1):
            np.testing.assert_allclose(
                outputs.hidden[layer][i], alone.hidden_states[layer][0], **near
            )
        np.testing.assert_allclose(outputs.attention[1][i], alone.attentions[0][0], **near)


def test_rows_are_padded_batches(task, teacher):
    outputs = outputs_of(task, teacher)
    hidden, maps = outputs.hidden[1], outputs.attention[1]
    assert (len(hidden), hidden.width, maps.width) == (4, 32, 2)
    rows, squares = hidden.rows([2, 0]), maps.rows(np.array([2, 0]))
    t = len(outputs.ids[0])
    assert rows.shape == (2, t, 32) and squares.shape == (2, 2, t, t)
    assert rows.dtype == squares.dtype == torch.float32
    assert len(outputs.ids[2]) == 2  # an empty text is [CLS] [SEP]
    assert torch.equal(rows[0, :2], torch.from_numpy(hidden[2].astype(np.float32)))
    assert not rows[0, 2:].any() and not squares[0, :, 2:].any() and not squares[0, :, :, 2:].any()
    assert torch.equal(squares[1], torch.from_numpy(maps[0].astype(np.float32)))
    assert torch.equal(hidden.first([2, 0]), rows[:, 0])
    assert torch.equal(maps.first([2, 0]), squares[:, :, 0])
    torch.testing.assert_close(squares[1].sum(-1), torch.ones(2, t), rtol=0, atol=2e-3)


def test_outputs_travel_to_workers_as_paths(task, teacher):
    outputs = outputs_of(task, teacher)
    assert outputs.hidden[1].rows([0]).shape[0] == 1  # opened before it is sent
    sent = pickle.dumps(outputs)
    assert len(sent) < 3000
    there = pickle.loads(sent)
    assert there == outputs and np.array_equal(there.attention[1][3], outputs.attention[1][3])


def test_layers_are_computed_once_and_shared(task, teacher, cache, monkeypatch, capsys):
    few = outputs_of(task, teacher, hidden=(1,), attention=())
    before = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert "hidden 1: 0.0 MB" in capsys.readouterr().err
    more = outputs_of(task, teacher)
    assert "attention 1, hidden 0: " in capsys.readouterr().err  # only what was missing
    assert file_of(few) == file_of(more)
    assert before[file_of(few)] == file_of(few).stat().st_mtime_ns
    monkeypatch.setattr(targets, "load_classifier", lambda *_: pytest.fail("computed again"))
    assert outputs_of(replace(task, name="tiny"), teacher) == more
    assert cache_targets(task, teacher, "train", "float32", MAX_LENGTH) == more.logits_file
    assert np.array_equal(load_targets(more.logits_file), more.logits)


def test_other_content_is_another_file(task, teacher, tmp_path):
    first = file_of(outputs_of(task, teacher))
    changed = replace(task, train=replace(task.train, texts=("other", *TEXTS[1:])))
    other = tmp_path / "other"
    shutil.copytree(teacher, other)
    model, _ = load_classifier(other)
    with torch.no_grad():
        model.classifier.bias.add_(1)
    model.save_pretrained(other)
    found = {
        first,
        file_of(outputs_of(changed, teacher)),
        file_of(outputs_of(task, other)),
        file_of(cache_outputs(task, teacher, "train", "float32", 8, hidden=(1,))),
        file_of(cache_outputs(task, teacher, "train", "bf16", MAX_LENGTH, hidden=(1,))),
        file_of(cache_outputs(task, teacher, "validation", "float32", MAX_LENGTH, hidden=(1,))),
    }
    assert len(found) == 6


@pytest.mark.parametrize("room", [0, 300, 1500])
def test_a_full_disk_is_one_line_and_leaves_other_files(task, teacher, cache, room, capsys):
    """The limit on the size of a file stands in for a full disk: writing fails half-way.

    `capsys` keeps what is printed out of files.
    """
    kept = outputs_of(replace(task, train=replace(task.train, texts=TEXTS[::-1])), teacher)
    before = {path: path.read_bytes() for path in cache.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(UserError, match=r"cannot write .*: File too") as e:
            outputs_of(task, teacher)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(e.value)
    after = {path: path.read_bytes() for path in cache.iterdir()}
    assert {path: after.get(path) for path in before} == before
    new = set(after) - set(before)
    assert not [p for p in new if p.name.startswith(".")]  # no scratch files
    assert not [p for p in new if "hidden1" in p.name]
    made = outputs_of(task, teacher)  # what was finished is used, the rest is made
    assert np.array_equal(made.hidden[1][0], kept.hidden[1][3])


def test_too_little_room_is_refused_before_writing(task, teacher, cache, monkeypatch):
    usage = shutil.disk_usage(cache.parent)._replace(free=1000)
    monkeypatch.setattr(states.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"take 0\.0 MB and .* has 0\.0 MB free; choose fewer"):
        outputs_of(task, teacher)
    assert not [p for p in cache.iterdir() if "hidden" in p.name or "attention" in p.name]


def test_a_file_cut_short_is_made_anew(task, teacher):
    outputs = outputs_of(task, teacher)
    whole = {path: path.read_bytes() for path in (file_of(outputs), outputs.logits_file)}
    for path, content in whole.items():
        path.write_bytes(content[:-1])
    opened.cache_clear()
    again = outputs_of(task, teacher)
    assert again == outputs
    assert {path: path.read_bytes() for path in whole} == whole


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"hidden": (2,)}, "the teacher has hidden states of layers 0 to 1, not of layer 2"),
        ({"hidden": (-1,)}, "the teacher has hidden states of layers 0 to 1, not of layer -1"),
        ({"attention": (0,)}, "the teacher has attention maps of layers 1 to 1, not of layer 0"),
    ],
)
def test_layers_that_are_not_there(task, teacher, cache, wanted, message):
    with pytest.raises(UserError, match=message):
        outputs_of(task, teacher, **wanted)
    assert not [p for p in cache.iterdir() if p.name.startswith(".")]


def test_a_model_without_layers(task, tmp_path, students, mr_train):
    from rosearch.student.saving import save_student

    save_student(students[0], mr_train.tokenizer(), tmp_path / "student")
    two = replace(task, label_names=("negative", "positive"))
    with pytest.raises(UserError, match=r"the teacher gives no (hidden states|attention maps)"):
        outputs_of(two, tmp_path / "student")


def test_values_beyond_float16_are_clipped(tmp_path):
    lengths = np.array([2, 1])
    with (tmp_path / "x.npy").open("wb") as stream:
        writer = states._Writer(stream, (3, 2), lengths)
        writer.put(1, np.array([[1e9, -1e9]], dtype=np.float32))
        writer.put(0, np.ones((5, 2), dtype=np.float32))  # padded
    assert np.load(tmp_path / "x.npy").tolist() == [[1, 1], [1, 1], [65504, -65504]]


def test_the_cache_is_a_folder_of_its_own(cache):
    assert resources.cache_dir() / "targets" == cache
