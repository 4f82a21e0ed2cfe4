"""Data that gives numbers which mean something else: it is said, with counts, or left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rosearch.config import TaskConfig, from_dict, make_config, to_dict
from rosearch.errors import UserError
from rosearch.robustness.evaluate import labelled
from rosearch.tasks import load_task
from rosearch.tasks.named import from_anywhere, task_of
from rosearch.tasks.unlabelled import read_texts

Rows = list[tuple[str, object]]
ROWS: Rows = [(f"the film number {i} was fine", "pos" if i % 2 else "neg") for i in range(60)]
NEW: Rows = [(f"a book number {i} was fine", "pos" if i % 2 else "neg") for i in range(20)]


def write(path: Path, rows: Rows) -> Path:
    lines = (json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def as_csv(path: Path, rows: Rows) -> Path:
    path.write_text("text,label\n" + "".join(f"{t},{n}\n" for t, n in rows), encoding="utf-8")
    return path


# 07: labels that are numbers


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([0.0, 1.0], ("0", "1")),
        ([0, "1"], ("0", "1")),
        (["0.0", "1"], ("0", "1")),
        (["1.0", "2.0"], ("1", "2")),
        (["1.0", "beta"], ("1.0", "beta")),  # names of versions, not numbers
        ([True, False], ("False", "True")),
        (["-1.0", "1.0"], ("-1", "1")),
    ],
)
def test_a_whole_number_is_one_label_in_every_format(
    tmp_path: Path, labels: list[object], names: tuple[str, ...]
) -> None:
    rows: Rows = [(text, labels[i % 2]) for i, (text, _) in enumerate(ROWS)]
    jsonl = load_task(train=write(tmp_path / "t.jsonl", rows))
    csv = load_task(train=as_csv(tmp_path / "t.csv", rows))
    assert jsonl.label_names == csv.label_names == names
    assert jsonl.fingerprint == csv.fingerprint


def test_float_labels_of_one_file_meet_integers_of_another(tmp_path: Path) -> None:
    train = as_csv(tmp_path / "a.csv", [(text, i % 2) for i, (text, _) in enumerate(ROWS)])
    test = as_csv(tmp_path / "b.csv", [(text, f"{i % 2}.0") for i, (text, _) in enumerate(NEW)])
    assert load_task(train=train, test=test).test.labels == (0, 1) * 10


def test_a_missing_label_and_a_fraction_are_named(tmp_path: Path) -> None:
    for value, message in (
        (float("nan"), "row 61: the label is missing"),
        (0.5, "row 61: the label 0.5 is of type float; labels must be strings, whole numbers"),
        (["pos"], r"row 61: the label \['pos'\] is of type list"),
    ):
        with pytest.raises(UserError, match=message):
            load_task(train=write(tmp_path / "t.jsonl", [*ROWS, ("odd", value)]))


# 08: hidden labels


@pytest.mark.parametrize("hidden", [-1, "-1", -1.0, None, ""])
@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_split_with_hidden_labels_is_replaced_and_said(
    tmp_path: Path, hidden: object, split: str
) -> None:
    train = write(tmp_path / "train.jsonl", ROWS)
    other = write(tmp_path / "other.jsonl", [(text, hidden) for text, _ in NEW])
    task = load_task(train=train, **{split: other})
    assert task.hidden == (split,)
    assert set(getattr(task, split).texts) <= {text for text, _ in ROWS}
    assert any("the labels of its 20 texts are hidden" in note for note in task.notes)
    with pytest.raises(UserError, match=f"labels of the {split} texts are hidden"):
        labelled(task, split)


def test_a_test_file_without_a_label_column_has_hidden_labels(tmp_path: Path) -> None:
    train = as_csv(tmp_path / "train.csv", ROWS)
    test = tmp_path / "test.csv"
    test.write_text("id,text\n" + "".join(f"{i},{t}\n" for i, (t, _) in enumerate(NEW)))
    assert load_task(train=train, test=test).hidden == ("test",)


def test_rows_that_are_marked_minus_one_among_others_are_named(tmp_path: Path) -> None:
    rows: Rows = [(text, -1 if i % 3 == 0 else i % 2) for i, (text, _) in enumerate(ROWS)]
    task = load_task(train=write(tmp_path / "t.jsonl", rows))
    assert task.label_names == ("-1", "0", "1")
    assert any("the label -1 (20 texts) is a class of its own" in note for note in task.notes)
    two = write(tmp_path / "two.jsonl", [(t, 1 if i % 2 else -1) for i, (t, _) in enumerate(ROWS)])
    assert not load_task(train=two).notes
    train = write(tmp_path / "a.jsonl", [(t, i % 2) for i, (t, _) in enumerate(ROWS)])
    part = write(tmp_path / "b.jsonl", [(t, -1 if i == 3 else 1) for i, (t, _) in enumerate(NEW)])
    with pytest.raises(UserError, match=r"'-1' .leave these rows out if it marks"):
        load_task(train=train, test=part)


# 12: spellings


def test_labels_of_several_spellings_are_counted(tmp_path: Path) -> None:
    spelt = ["Spam", "spam", "SPAM ", "ham", "ham", "Ham"]
    rows: Rows = [(text, spelt[i % 6]) for i, (text, _) in enumerate(ROWS)]
    notes = load_task(train=write(tmp_path / "t.jsonl", rows)).notes
    assert any("the labels 'Spam' (10), 'spam' (10), 'SPAM' (10) differ only" in n for n in notes)
    assert any("the labels 'ham' (20), 'Ham' (10) differ only" in note for note in notes)


def test_an_unknown_label_is_told_its_other_spelling(tmp_path: Path) -> None:
    train = write(tmp_path / "a.jsonl", ROWS)
    test = write(tmp_path / "b.jsonl", [*NEW, ("more", "Pos")])
    with pytest.raises(UserError, match=r"lacks: 'Pos' \(there 'pos'; write them alike"):
        load_task(train=train, test=test)


# 13: repeated texts


def test_test_texts_of_the_train_split_are_left_out(tmp_path: Path) -> None:
    train = write(tmp_path / "a.jsonl", ROWS)
    again = [(f" {text.upper()}", label) for text, label in ROWS[:5]]  # in case and spaces only
    test = write(tmp_path / "b.jsonl", [*again, *ROWS[5:8], *NEW])
    task = load_task(train=train, test=test)
    assert task.test.texts == tuple(text for text, _ in NEW)
    assert any("8 of 28 texts are in the " in n and "left out" in n for n in task.notes)
    kept = load_task(train=train, test=test, repeated="keep")
    assert len(kept.test) == 28 and any("8 of 28" in note for note in kept.notes)


def test_test_texts_of_the_validation_split_are_left_out_too(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{name}.jsonl", rows) for name, rows in
             (("a", ROWS), ("b", [*ROWS[:2], *NEW[:10]]), ("c", NEW))]  # fmt: skip
    task = load_task(train=files[0], validation=files[1], test=files[2])
    assert len(task.validation) == 10 and len(task.test) == 10
    assert any("2 of 12 texts are in the train split" in note for note in task.notes)
    assert any("10 of 20 texts are in the validation split" in note for note in task.notes)


def test_a_test_file_of_train_texts_only_measures_nothing(tmp_path: Path) -> None:
    train = write(tmp_path / "a.jsonl", ROWS)
    test = write(tmp_path / "b.jsonl", ROWS[:9])
    with pytest.raises(UserError, match=r"all of its 9 texts are in the train.*--repeated keep"):
        load_task(train=train, test=test)
    assert len(load_task(train=train, test=test, repeated="keep").test) == 9


def test_texts_that_differ_in_case_only_are_never_in_two_splits(tmp_path: Path) -> None:
    rows = [(text.upper() if i % 2 else text, label) for text, label in ROWS for i in range(2)]
    task = load_task(train=write(tmp_path / "t.jsonl", rows))
    splits = [{t.casefold() for t in s.texts} for s in (task.train, task.validation, task.test)]
    assert len(set.union(*splits)) == sum(map(len, splits)) == 60


def test_equal_texts_with_different_labels_are_counted(tmp_path: Path) -> None:
    torn: Rows = [(text, "neg" if label == "pos" else "pos") for text, label in ROWS[:7]]
    notes = load_task(train=write(tmp_path / "t.jsonl", [*ROWS, *torn])).notes
    assert any(
        "7 texts have different labels where they are repeated (14 rows)" in n for n in notes
    )


# 14: label columns that are none


def test_texts_as_labels_are_suspected(tmp_path: Path) -> None:
    swapped: Rows = [(str(label), text) for text, label in ROWS]
    with pytest.raises(UserError, match=r"there are 60 labels: is it the right label column"):
        load_task(train=write(tmp_path / "t.jsonl", swapped))


# What commands say


def test_commands_say_what_they_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = write(tmp_path / "reviews.jsonl", [*ROWS, (" ", "pos"), ("odd\x1b[31m", "a\nb")])
    task = task_of(TaskConfig(train=str(train)), 0)
    out, said = capsys.readouterr()
    lines = said.splitlines()
    assert not out
    assert lines[0] == (
        "data: texts of reviews: train 49 (a b 1, neg 24, pos 24), "
        "validation 6 (neg 3, pos 3), test 6 (neg 3, pos 3)"
    )
    assert any("dropped 1 empty texts of 62" in line for line in lines)
    assert all(line.startswith("data: ") and line.isprintable() for line in lines)
    assert list(task.about) == [line.removeprefix("data: ") for line in lines]
    task_of(TaskConfig(train=str(train)), 0, aloud=False)
    assert capsys.readouterr().err == ""


def test_many_labels_are_summed_up(tmp_path: Path) -> None:
    rows: Rows = [(f"text {i}", f"c{i % 10}") for i in range(200)]
    assert (
        "train 160 (10 labels, 16 each)"
        in load_task(train=write(tmp_path / "t.jsonl", rows)).about[0]
    )


def test_built_in_tasks_have_nothing_to_hide() -> None:
    for name in ("mr", "bbc_news"):
        task = load_task(name)
        assert not task.notes and not task.hidden and len(task.about) == 1


# 34: from any folder


def test_paths_hold_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "train.jsonl", ROWS)
    (tmp_path / "set").mkdir()
    monkeypatch.chdir(tmp_path)
    found = from_anywhere(TaskConfig(train="train.jsonl"))
    assert found == TaskConfig(train=str(tmp_path.resolve() / "train.jsonl"))
    assert from_anywhere(TaskConfig(name="set")).name == str(tmp_path.resolve() / "set")
    assert from_anywhere(TaskConfig(name="mr")) == TaskConfig(name="mr")


def test_settings_without_the_new_ones_are_stored_as_before() -> None:
    plain = to_dict(make_config())
    assert not {"delimiter", "encoding", "repeated"} & set(plain["task"])  # type: ignore[call-overload]
    more = make_config(overrides={"task": {"encoding": "cp1252", "repeated": "keep"}})
    assert from_dict(to_dict(more)) == more


def test_texts_without_labels_can_be_read_to_be_labelled(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    path.write_text("id;Message;other\n1;one;a\n2;;b\n3;NA;c\n")
    assert read_texts(path, text_column="message") == ["one", "", "NA"]
    pairs = read_texts(path, text_column="Message", text_pair_column="other", delimiter=";")
    assert pairs == [("one", "a"), ("", "b"), ("NA", "c")]
    with pytest.raises(UserError, match="row 1: the text is of type int, not a string"):
        read_texts(write(tmp_path / "t.jsonl", [(7, 1)]))  # type: ignore[list-item]
