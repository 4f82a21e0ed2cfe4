"""`load_task`: the built-in tasks, files, the hub, and every kind of bad input."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosearch.errors import UserError
from rosearch.io.resources import RESOURCES
from rosearch.tasks import TASKS, Split, Task, load_task, task_resources
from rosearch.tasks.splitting import drop_duplicates, split_off

ROWS = [(f'text {i}, with a "quote" and é', i % 2) for i in range(40)]


def write_csv(path: Path, rows: list[tuple[str, object]], sep: str = ",") -> Path:
    quoted = (f'"{text.replace(chr(34), chr(34) * 2)}"{sep}{label}\n' for text, label in rows)
    path.write_text(f"text{sep}label\n" + "".join(quoted), encoding="utf-8")
    return path


def write_jsonl(path: Path, rows: list[tuple[object, object]]) -> Path:
    lines = (json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def write_parquet(path: Path, rows: list[tuple[object, object]]) -> Path:
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame(rows, columns=["text", "label"]).to_parquet(path)
    return path


def texts_of(task: Task) -> list[set[str]]:
    return [set(split.texts) for split in (task.train, task.validation, task.test)]


def disjoint(task: Task) -> bool:
    train, validation, test = texts_of(task)
    return not (train & validation or train & test or validation & test)


# Built-in tasks


def test_mr() -> None:
    task = load_task("mr")
    assert [len(s) for s in (task.train, task.validation, task.test)] == [8441, 600, 1000]
    assert task.label_names == ("negative", "positive")
    assert task.classes == 2
    assert sum(task.test.labels) == 505
    assert disjoint(task)
    assert all(text == text.strip() != "" for text in task.train.texts)
    labels = {
        text: label
        for split in (task.train, task.validation, task.test)
        for text, label in zip(split.texts, split.labels, strict=True)
    }
    assert labels["Offers that rare combination of entertainment and education."] == 1
    assert labels["Effective but too tepid biopic"] == 0


def test_mr_never_changes() -> None:
    pinned = "25d4186eaafc1220aaf7365712b82b32e49de7427a02463c5d5844da35f2ed54"
    assert load_task().fingerprint == load_task("mr", seed=5).fingerprint == pinned


def test_bbc_news() -> None:
    task = load_task("bbc_news")
    assert task.label_names == ("business", "entertainment", "politics", "sports", "tech")
    assert [len(s) for s in (task.train, task.validation, task.test)] == [1701, 213, 213]
    assert disjoint(task)
    shares = [
        [count / len(split) for _, count in sorted(Counter(split.labels).items())]
        for split in (task.train, task.validation, task.test)
    ]
    assert shares[1] == pytest.approx(shares[0], abs=0.01)
    assert shares[2] == pytest.approx(shares[0], abs=0.01)
    assert task.fingerprint == load_task("bbc_news").fingerprint


def test_task_resources_are_known() -> None:
    assert task_resources("mr") == ("mr",)
    assert task_resources("data.csv") == ()
    assert all(r in RESOURCES for name in TASKS for r in task_resources(name))


# Values


def test_fingerprint_sees_content_and_order_but_not_the_name() -> None:
    a, b = Split(("x", "y"), (0, 1)), Split(("z",), (0,))
    task = Task("t", ("n", "p"), a, b, b)
    assert task.fingerprint == Task("other", ("n", "p"), a, b, b).fingerprint
    others = [
        Task("t", ("n", "q"), a, b, b),
        Task("t", ("n", "p"), Split(("y", "x"), (1, 0)), b, b),
        Task("t", ("n", "p"), Split(("x", "y"), (1, 1)), b, b),
        Task("t", ("n", "p"), a, b, a),
    ]
    assert len({task.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_a_split_needs_one_label_per_text_and_shows_no_text() -> None:
    with pytest.raises(ValueError, match="2 texts but 1 labels"):
        Split(("a", "b"), (0,))
    assert repr(Split(("a", "b"), (0, 1))) == "Split(2 texts)"


def test_drop_duplicates() -> None:
    split = drop_duplicates(["a", "b", "a", "c", "b"], [0, 1, 0, 1, 0])
    assert split == Split(("a", "c"), (0, 1))


def test_split_off_is_stratified_and_keeps_equal_texts_together() -> None:
    texts = tuple(f"t{i % 150}" for i in range(300))  # each text twice
    labels = tuple(int(i % 150 < 15) for i in range(300))  # 10 % ones
    rest, first, second = split_off(Split(texts, labels), 2, seed=3)
    assert [len(s) for s in (rest, first, second)] == [240, 30, 30]
    assert not set(rest.texts) & set(first.texts) and not set(first.texts) & set(second.texts)
    assert sum(first.labels) in (2, 4) and sum(second.labels) in (2, 4)
    assert split_off(Split(texts, labels), 2, seed=3)[1] == first
    assert split_off(Split(texts, labels), 2, seed=4)[1] != first


# Files


def test_all_formats_give_equal_tasks(tmp_path: Path) -> None:
    tasks = [
        load_task(train=write_csv(tmp_path / "t.csv", ROWS)),
        load_task(train=write_csv(tmp_path / "t.tsv", ROWS, sep="\t")),
        load_task(train=write_jsonl(tmp_path / "t.jsonl", ROWS)),
        load_task(train=str(write_parquet(tmp_path / "t.parquet", ROWS))),
    ]
    assert all(task == tasks[0] for task in tasks)
    assert tasks[0].name == "t"
    assert tasks[0].label_names == ("0", "1")
    assert [len(s) for s in (tasks[0].train, tasks[0].validation, tasks[0].test)] == [32, 4, 4]
    assert disjoint(tasks[0])
    known = dict(ROWS)
    assert all(known[x] == y for x, y in zip(*vars(tasks[0].test).values(), strict=True))


def test_given_splits_are_kept_in_their_order(tmp_path: Path) -> None:
    train, validation, test = (
        write_csv(tmp_path / f"{name}.csv", rows)
        for name, rows in (("a", ROWS[:20]), ("b", ROWS[20:30]), ("c", ROWS[30:]))
    )
    task = load_task(None, train=train, validation=validation, test=test)
    assert task.train.texts == tuple(text for text, _ in ROWS[:20])
    assert task.validation.texts == tuple(text for text, _ in ROWS[20:30])
    assert task.test.labels == tuple(label for _, label in ROWS[30:])
    half = load_task(train=train, test=test)
    assert half.test == task.test
    assert [len(half.train), len(half.validation)] == [18, 2]


def test_the_seed_decides_what_is_split_off(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ROWS)
    assert load_task(train=path, seed=1) == load_task(train=path, seed=1)
    assert load_task(train=path, seed=1).test != load_task(train=path, seed=2).test


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([10, 9, 2], ("2", "9", "10")),
        (["10", "9", "b"], ("10", "9", "b")),
        ([True, False], ("False", "True")),
        (["pos ", "neg"], ("neg", "pos")),
    ],
)
def test_label_names(tmp_path: Path, labels: list[object], names: tuple[str, ...]) -> None:
    rows = [(f"text {i}", labels[i % len(labels)]) for i in range(30)]
    task = load_task(train=write_jsonl(tmp_path / "t.jsonl", rows))
    assert task.label_names == names
    expected = {text: str(label).strip() for text, label in rows}
    pairs = zip(task.train.texts, task.train.labels, strict=True)
    assert all(task.label_names[label] == expected[text] for text, label in pairs)


def test_words_that_mean_missing_to_pandas_are_texts(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", [*ROWS, ("NA", 0), ("null", 1), ("123", 0)])
    assert {"NA", "null", "123"} <= set.union(*texts_of(load_task(train=path)))


def test_other_columns_and_odd_file_names_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "odd [1]*.csv"
    lines = (f"{'x' if i % 3 else i},t{i},{i % 2},{i}\n" for i in range(30))
    path.write_text("\ufeff,sentence,class,class\n" + "".join(lines), encoding="utf-8")
    task = load_task(train=path, text_column="sentence", label_column="class")
    assert len(set.union(*texts_of(task))) == 30


def test_empty_texts_are_dropped_with_a_warning(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "t.jsonl", [*ROWS, ("  ", 0), (None, 1)])
    with pytest.warns(UserWarning, match="dropped 2 empty texts of 42"):
        task = load_task(train=path)
    assert sum(map(len, texts_of(task))) == 40


def test_loading_is_silent_and_restores_what_it_silenced(tmp_path: Path, capfd) -> None:
    import datasets

    datasets.enable_progress_bars()
    before = datasets.logging.get_verbosity()
    load_task(train=write_csv(tmp_path / "t.csv", ROWS))
    broken = tmp_path / "b.jsonl"
    broken.write_text("{oops\n")
    with pytest.raises(UserError):
        load_task(train=broken)
    assert capfd.readouterr() == ("", "")
    assert datasets.logging.get_verbosity() == before
    assert not datasets.are_progress_bars_disabled()


# Bad files

HEADER = "text,label\n"
MANY = "".join(f"t{i},{i % 2}\n" for i in range(20))

BAD: dict[str, tuple[str, str | bytes, str]] = {
    "extension": ("t.txt", "x", r"extension '\.txt'; allowed are \.csv, \.tsv, \.jsonl, \.parquet"),
    "column": ("t.csv", "text,y\na,1\n", r"has no column 'label'; its columns are 'text', 'y'"),
    "json column": ("t.jsonl", '{"text": "a", "y": 1}\n', r"no column 'label'.*'text', 'y'"),
    "no bytes": ("t.csv", "", "is empty"),
    "no lines": ("t.jsonl", "\n\n", "is empty"),
    "only header": ("t.csv", HEADER, "is empty below its header"),
    "one class": ("t.csv", HEADER + "a,1\nb,1\n", "has only the label '1'.*at least two classes"),
    "too few": ("t.csv", HEADER + "a,1\nb,0\n", "too few texts to split test and validation off"),
    "encoding": ("t.csv", b"text,label\ncaf\xe9,1\n", "not UTF-8: byte 0xe9 at offset 14"),
    "json encoding": ("t.jsonl", b'{"text": "\xff"}', "not UTF-8: byte 0xff at offset 10"),
    "no label": ("t.csv", HEADER + MANY + "x,\n", "row 21: the label is missing"),
    "short row": ("t.csv", HEADER + MANY + "x\n", "row 21: the label is missing"),
    "null label": ("t.jsonl", '{"text": "a", "label": null}\n', "row 1: the label is missing"),
    "float label": ("t.jsonl", '{"text": "a", "label": 0.5}\n', "row 1: .*0.5 is of type float"),
    "list label": ("t.jsonl", '{"text": "a", "label": [1]}\n', r"row 1: .*\[1\] is of type list"),
    "number text": ("t.jsonl", '{"text": 7, "label": 1}\n', "row 1: the text is of type int"),
    "empty texts": ("t.csv", HEADER + MANY + ",0\n" * 3, "3 of 23 texts are empty, more than 10%"),
    "long row": ("t.csv", HEADER + MANY + "x,y,1\n", "cannot read.*line 22.*double quotes"),
    "long rows": ("t.csv", HEADER + "x,y,1\n" * 9, "cannot read.*double quotes"),
    "open quote": ("t.csv", HEADER + MANY + '"x,1\n', "cannot read.*EOF inside string"),
    "bad json": (
        "t.jsonl",
        '{"text": "a", "label": 1}\n{oops\n',
        "line 2 is no JSON: .*one JSON object",
    ),
    "no objects": ("t.jsonl", "null", "line 1 is no JSON object but 'null'"),
    "half surrogate": (
        "t.jsonl",
        '{"text": "\\ud800", "label": 1}\n',
        "row 1: the text is not valid Unicode",
    ),
    "no parquet": ("t.parquet", "PAR1", "cannot read.*as PARQUET"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # pandas, when parsing fails
def test_bad_files(tmp_path: Path, case: str) -> None:
    name, content, message = BAD[case]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message) as caught:
        load_task(train=path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [path]


def test_empty_parquet(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"t\.parquet is empty"):
        load_task(train=write_parquet(tmp_path / "t.parquet", []))


def test_label_unseen_in_train(tmp_path: Path) -> None:
    train = write_csv(tmp_path / "train.csv", ROWS)
    test = write_csv(tmp_path / "test.csv", [("a", 1), ("b", 7)])
    with pytest.raises(UserError, match=r"test\.csv has labels that the train split lacks: '7'"):
        load_task(train=train, test=test)


def test_unsound_calls(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ROWS)
    with pytest.raises(UserError, match="there is no file"):
        load_task(train=tmp_path / "absent.csv")
    with pytest.raises(UserError, match="without a train file"):
        load_task(test=path)
    with pytest.raises(UserError, match="both the task 'bbc_news' and a train file"):
        load_task("bbc_news", train=path)
    with pytest.raises(UserError, match="no task was given"):
        load_task(None)
    with pytest.raises(UserError, match="as text and as label column"):
        load_task(train=path, label_column="text")


lines = st.lists(
    st.sampled_from(
        [
            b"a,0\n",
            b"b,1\n",
            b"c,0\n",
            b"d,1\n",
            b"e,x\n",
            b'"',
            b",",
            b"\r",
            b"\x00",
            b"\xff",
            b"{",
        ]
        + [b'{"text": "%d", "label": %d}\n' % (i, i % 2) for i in range(6)]
        + [b"null", b"[", b"]", b'{"text": [1]}\n', b"\xef\xbb\xbf"]
    ),
    max_size=25,
).map(b"".join)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("suffix", "start"), [(".csv", b"text,label\n"), (".jsonl", b"")])
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.one_of(st.binary(max_size=80), lines), headed=st.booleans())
def test_any_bytes_give_a_task_or_one_clear_error(
    tmp_path: Path, suffix: str, start: bytes, body: bytes, headed: bool
) -> None:
    path = tmp_path / f"fuzz{suffix}"
    path.write_bytes(start * headed + body)
    try:
        task = load_task(train=path)
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert min(map(len, texts_of(task))) >= 1
        assert set(task.train.labels) == set(range(task.classes))
        assert disjoint(task)


# The hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[str, str | None]]]:
    """A hub that answers every id with the given splits and notes what was asked."""

    def serve(**splits: object) -> list[tuple[str, str | None]]:
        import datasets
        import huggingface_hub

        asked: list[tuple[str, str | None]] = []

        def load_dataset(data_id: str, config: str | None) -> object:
            asked.append((data_id, config))
            return datasets.DatasetDict(splits)

        monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *args, **kwargs: None)
        monkeypatch.setattr(datasets, "load_dataset", load_dataset)
        return asked

    return serve


def dataset(labels: list[int], names: list[str] | None = None, prefix: str = "t") -> object:
    import datasets

    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=names) if names else datasets.Value("int64"),
        }
    )
    texts = [f"{prefix}{i}" for i in range(len(labels))]
    return datasets.Dataset.from_dict({"text": texts, "label": labels}, features=features)


def test_hub_class_labels_keep_their_names_and_order(hub) -> None:
    names = ["zebra", "ape"]
    asked = hub(
        train=dataset([0, 1] * 10, names),
        validation=dataset([1, 1], names, "v"),
        test=dataset([0, 1, 1], names, "x"),
    )
    task = load_task("glue:sst2")
    assert asked == [("glue", "sst2")]
    assert task.label_names == ("zebra", "ape")
    assert task.validation == Split(("v0", "v1"), (1, 1))
    assert task.test.labels == (0, 1, 1)
    assert len(task.train) == 20


@pytest.mark.parametrize("names", [["n", "p"], None])
def test_a_hidden_test_split_counts_as_missing(hub, names: list[str] | None) -> None:
    hub(
        train=dataset([0, 1] * 10, names),
        validation=dataset([1, 0], names, "v"),
        test=dataset([-1, -1], names, "x"),
    )
    task = load_task("some/set")
    assert [len(task.train), len(task.validation), len(task.test)] == [18, 2, 2]
    assert set(task.test.texts) <= {f"t{i}" for i in range(20)}


def test_a_hub_set_without_train_split_or_column(hub) -> None:
    hub(test=dataset([0, 1]))
    with pytest.raises(UserError, match="has no split 'train'; its splits are test"):
        load_task("some/set")
    hub(train=dataset([0, 1]))
    with pytest.raises(UserError, match="no column 'sentence'; its columns are 'text', 'label'"):
        load_task("some/set", text_column="sentence")


def test_a_name_that_the_hub_lacks(monkeypatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import RepositoryNotFoundError

    def refuse(*args: object, **kwargs: object) -> None:
        raise RepositoryNotFoundError("404: no such data set", response=Mock())

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", refuse)
    with pytest.raises(UserError, match=r"'some/typo'.*no such data set.*mr, bbc_news") as caught:
        load_task("some/typo")
    assert "\n" not in str(caught.value)


def test_a_name_that_no_hub_could_have() -> None:
    with pytest.raises(UserError, match=r"cannot load 'a//b': Repo id must be"):
        load_task("a//b")


def test_without_network_an_unknown_name_is_one_line(monkeypatch) -> None:
    import datasets.config

    monkeypatch.setenv("ROSEARCH_OFFLINE", "1")
    before = datasets.config.HF_HUB_OFFLINE
    with pytest.raises(UserError, match=r"'mmr': it is not cached and ROSEARCH_OFFLINE.*mr, bbc"):
        load_task("mmr")
    assert before == datasets.config.HF_HUB_OFFLINE


def test_a_local_folder_in_the_layout_of_the_hub(tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    write_jsonl(folder / "train.jsonl", ROWS[:30])
    write_jsonl(folder / "test.jsonl", ROWS[30:])
    monkeypatch.setenv("ROSEARCH_OFFLINE", "1")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        task = load_task(str(folder))
    assert task.test.texts == tuple(text for text, _ in ROWS[30:])
    assert [len(task.train), len(task.validation)] == [27, 3]
