"""Files as practitioners bring them, after bug reports of neighbouring tools."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosearch.errors import UserError
from rosearch.tasks import Task, load_task
from rosearch.tasks.delimited import Malformed, delimiter_named, read_rows

ROWS = [(f"the film number {i} was {'good' if i % 2 else 'bad'}", "pos" if i % 2 else "neg")
        for i in range(60)]  # fmt: skip


def texts(task: Task) -> dict[str, str]:
    """Label by text, of all splits."""
    splits = (task.train, task.validation, task.test)
    return {
        text: task.label_names[label]
        for split in splits
        for text, label in zip(split.texts, split.labels, strict=True)
    }


def as_csv(rows: Sequence[Sequence[object]], delimiter: str = ",", end: str = "\n") -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator=end).writerows(rows)
    return stream.getvalue()


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# 02: lone quotes


def with_lone_quotes(every: int) -> str:
    lines = [
        f"{chr(34) if i % every == 3 else ''}{text}\t{label}\n"
        for i, (text, label) in enumerate(ROWS)
    ]
    return "text\tlabel\n" + "".join(lines)


@pytest.mark.parametrize("every", [4, 7, 50])  # an even, an odd number of quotes, and one
def test_a_lone_quote_in_a_tsv_is_a_letter(tmp_path: Path, every: int) -> None:
    task = load_task(train=write(tmp_path / "t.tsv", with_lone_quotes(every)))
    assert Counter(texts(task).values()) == {"pos": 30, "neg": 30}
    assert f'"{ROWS[3][0]}' in texts(task)


def test_quotes_that_pair_over_two_rows_of_a_tsv_are_letters(tmp_path: Path) -> None:
    rows = [*ROWS, ('"she said', "pos"), ('and left"', "neg")]  # well-formed, if read as quotes
    body = "".join(f"{text}\t{label}\n" for text, label in rows)
    assert len(texts(load_task(train=write(tmp_path / "t.tsv", "text\tlabel\n" + body)))) == 62


def test_a_tsv_with_quoted_texts_is_read_as_such(tmp_path: Path) -> None:
    rows = [("text", "label"), *ROWS, ('a "quoted"\nline and a\ttab', "pos")]
    task = load_task(train=write(tmp_path / "t.tsv", as_csv(rows, "\t")))
    assert texts(task)['a "quoted"\nline and a\ttab'] == "pos"
    assert any("61 rows in 62 lines" in note for note in task.notes)


def test_a_quote_that_swallows_rows_of_a_csv_is_an_error(tmp_path: Path) -> None:
    pair = 'text,label\n"she said,pos\nand left",neg\n' + "".join(f"{t},{n}\n" for t, n in ROWS)
    with pytest.raises(UserError, match=r"1 rows hold lines that look like rows.*first in line 2"):
        load_task(train=write(tmp_path / "pair.csv", pair))
    with pytest.raises(UserError, match=r"EOF inside string.*double quotes"):
        load_task(
            train=write(tmp_path / "open.csv", as_csv([("text", "label"), *ROWS]) + '"x,pos\n')
        )
    middle = as_csv([("text", "label"), *ROWS[:9]]) + '"x,pos\n' + 'y,"neg"\n' + "z,pos\n"
    with pytest.raises(UserError, match=r"line 11 joins it with the lines below"):
        load_task(train=write(tmp_path / "middle.csv", middle))


def test_texts_with_line_breaks_are_no_hidden_rows(tmp_path: Path) -> None:
    rows = [("text", "label"), *ROWS, ("one, two\nthree, four\n\nfive", "pos")]
    task = load_task(train=write(tmp_path / "t.csv", as_csv(rows)))
    assert texts(task)["one, two\nthree, four\n\nfive"] == "pos"
    assert len(texts(task)) == 61


FIELD = st.text(alphabet="ab\" ,;\t|\n\r'é", max_size=8)


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.tuples(FIELD, st.sampled_from(["neg", "pos"])), min_size=1, max_size=12),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
)
def test_what_is_written_with_quotes_is_read_again(
    rows: list[tuple[str, str]], delimiter: str
) -> None:
    written = as_csv([("text", "label"), *rows], delimiter, end="\r\n")
    found = read_rows(written, delimiter, letters=False)
    assert [tuple(row) for row in found.rows] == rows
    assert found.header == ("text", "label")


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.text(alphabet='ab" ,', max_size=6), st.sampled_from(["neg", "pos"])),
        min_size=1,
        max_size=12,
    )
)
def test_no_row_of_a_plain_tsv_vanishes(rows: list[tuple[str, str]]) -> None:
    written = "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows)
    found = read_rows(written, "\t", letters=True)
    assert [row[1] for row in found.rows] == [label for _, label in rows]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='ab",\n\r\t;', max_size=40), st.booleans())
def test_any_text_gives_rows_of_one_length_or_says_why_not(text: str, letters: bool) -> None:
    try:
        found = read_rows(text, ",", letters=letters)
    except Malformed:
        return
    assert all(len(row) == len(found.header) for row in found.rows)


# 03, 04, 05, 06: long fields, categories, separators, formats


@pytest.mark.parametrize("at", [0, 30])
def test_a_text_may_be_a_whole_book(tmp_path: Path, at: int) -> None:
    book = "word " * 40_000
    rows = [("text", "label"), *ROWS[:at], (book, "pos"), *ROWS[at:]]
    task = load_task(train=write(tmp_path / "t.csv", as_csv(rows)))
    assert texts(task)[book] == "pos"
    assert len(texts(task)) == 61


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_separator_of_a_csv_is_found_and_said(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path / "t.csv", as_csv([("text", "label"), *ROWS], delimiter))
    task = load_task(train=path)
    assert texts(task) == dict(ROWS)
    assert any("fields are separated by" in note for note in task.notes)
    named = load_task(train=path, delimiter="tab" if delimiter == "\t" else delimiter)
    assert named == task and not named.notes


def test_a_separator_inside_texts_is_none(tmp_path: Path) -> None:
    rows = [("text", "label"), *((f"{text}; so; what | else", label) for text, label in ROWS)]
    task = load_task(train=write(tmp_path / "t.csv", as_csv(rows)))
    assert len(texts(task)) == 60 and not task.notes
    excel = write(tmp_path / "e.csv", "sep=;\r\n" + as_csv([("text", "label"), *ROWS], ";"))
    assert texts(load_task(train=excel)) == dict(ROWS)


@pytest.mark.parametrize("name", ["", ";;", '"', "\n", "comma"])
def test_what_separates_nothing_is_refused(name: str) -> None:
    with pytest.raises(Malformed, match=r"give one character"):
        delimiter_named(name)


OBJECTS = [{"text": text, "label": label} for text, label in ROWS]
LINES = "\n".join(map(json.dumps, OBJECTS))
FORMATS = {
    "t.csv.gz": gzip.compress(as_csv([("text", "label"), *ROWS]).encode()),
    "t.tsv.gz": gzip.compress(as_csv([("text", "label"), *ROWS], "\t").encode()),
    "t.jsonl.gz": gzip.compress(LINES.encode()),
    "t.ndjson": LINES.encode(),
    "t.json": json.dumps(OBJECTS, indent=1).encode(),
    "lines.json": LINES.encode(),
    "T.CSV": as_csv([("text", "label"), *ROWS]).encode(),
}


@pytest.mark.parametrize("name", FORMATS)
def test_other_text_formats(tmp_path: Path, name: str) -> None:
    task = load_task(train=write(tmp_path / name, FORMATS[name]))
    assert texts(task) == dict(ROWS)
    assert task.name == name.partition(".")[0] and not task.notes


@pytest.mark.parametrize("name", ["t.arrow", "stream.arrow", "t.feather"])
def test_arrow_files(tmp_path: Path, name: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.Table.from_pylist(OBJECTS)
    new = pyarrow.ipc.new_stream if name.startswith("stream") else pyarrow.ipc.new_file
    with new(str(tmp_path / name), table.schema) as writer:
        writer.write_table(table)
    assert texts(load_task(train=tmp_path / name)) == dict(ROWS)


def test_excel_sheets(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [("id", "text", "label"), (0, 2012, 1.0), *((i, t, int(n == "pos")) for i, (t, n) in
                enumerate(ROWS))]:  # fmt: skip
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    found = texts(load_task(train=tmp_path / "t.xlsx"))
    assert found == {"2012": "1", **{text: str(int(name == "pos")) for text, name in ROWS}}


def test_excel_without_its_package_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(UserError, match=r'pip install "rosearch\[excel\]"'):
        load_task(train=write(tmp_path / "t.xlsx", b"PK"))


@pytest.mark.parametrize("kind", ["category", "large_string", "float"])
def test_parquet_columns_of_any_type(tmp_path: Path, kind: str) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(OBJECTS)
    frame["source"] = pandas.Series(["web", "app"] * 30).astype("category")
    if kind == "category":
        frame["label"] = frame["label"].astype("category")
    elif kind == "float":
        frame["label"] = (frame["label"] == "pos").astype(float)
    else:
        frame = frame.astype({"text": "large_string[pyarrow]", "label": "large_string[pyarrow]"})
    frame.to_parquet(tmp_path / "t.parquet")
    names = {"pos": "1", "neg": "0"} if kind == "float" else {"pos": "pos", "neg": "neg"}
    assert texts(load_task(train=tmp_path / "t.parquet")) == {t: names[n] for t, n in ROWS}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv.gz", b"no gzip", "cannot unpack.*pack it again"),
        ("t.csv.gz", gzip.compress(b"text,label\n" * 9, mtime=0)[:-9], "cannot unpack"),
        ("t.json", b"[1, 2]", "record 1 is no JSON object but '1'"),
        ("t.json", b"[]", "is empty"),
        ("t.json", b'[{"text": "a"', "cannot read.*as JSON.*array of objects"),
        ("t.arrow", b"PK", "cannot read.*as ARROW"),
        ("t.gz", b"", r"extension '\(none\)'; allowed are .csv"),
        ("t.parquet.gz", b"", r"extension '.parquet'; allowed are .csv.*packed .csv.gz"),
    ],
)
def test_files_that_are_not_what_they_say(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_task(train=write(tmp_path / name, content))
    assert "\n" not in str(caught.value)


# 10: encodings

CAFE = [("text", "label"), *((f"café {text}", label) for text, label in ROWS)]


@pytest.mark.parametrize(
    ("saved", "proposed"),
    [("latin-1", "cp1252"), ("cp1252", "cp1252"), ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"),
     ("utf-16-be", "utf-16-be"), ("utf-32", "utf-32")],
)  # fmt: skip
def test_the_error_proposes_an_encoding_and_it_helps(
    tmp_path: Path, saved: str, proposed: str
) -> None:
    path = write(tmp_path / "t.csv", as_csv(CAFE).encode(saved))
    with pytest.raises(UserError, match=f"is not UTF-8: .* --encoding {proposed}, or save it as"):
        load_task(train=path)
    assert texts(load_task(train=path, encoding=proposed)) == dict(CAFE[1:])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_marks_and_line_ends_change_nothing(tmp_path: Path, end: str, mark: bytes) -> None:
    path = write(tmp_path / "t.csv", mark + as_csv(CAFE, end=end).encode())
    assert texts(load_task(train=path)) == dict(CAFE[1:])


def test_encodings_that_nobody_knows_or_that_do_not_fit(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", as_csv(CAFE))
    for name in ("klingon", "rot13", "", "a\0b"):
        if name:
            with pytest.raises(UserError, match=r"there is no encoding"):
                load_task(train=path, encoding=name)
    with pytest.raises(UserError, match=r"is not in the encoding ascii: byte 0xc3 at offset"):
        load_task(train=path, encoding="ascii")


# 11, 05: names of columns


def test_names_of_columns_may_differ_in_case_and_spaces(tmp_path: Path) -> None:
    for header in ("text, label", "Text,LABEL", " text ,label"):
        path = write(tmp_path / "t.csv", f"{header}\n" + as_csv(ROWS))
        task = load_task(train=path)
        assert texts(task) == dict(ROWS)
        assert any("took the column" in note for note in task.notes)
    both = write(tmp_path / "both.csv", "Text,TEXT,label\n" + as_csv([(1, *r) for r in ROWS]))
    with pytest.raises(UserError, match=r"has no column 'text'; its columns are 'Text', 'TEXT'"):
        load_task(train=both)


def test_a_near_miss_is_proposed(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", as_csv([("tweet_text", "label"), *ROWS]))
    with pytest.raises(UserError, match=r"did you mean --text-column 'tweet_text'"):
        load_task(train=path, text_column="tweet text")
    other = write(tmp_path / "o.csv", as_csv([("Message", "Category"), *ROWS], ";"))
    with pytest.raises(UserError, match=r"separated by ';'.*--text-column, perhaps 'Message'"):
        load_task(train=other)


def test_the_only_column_that_could_be_the_label_is_taken_aloud(tmp_path: Path) -> None:
    rows = [("id", "text", "Category"), *((i, *row) for i, row in enumerate(ROWS))]
    task = load_task(train=write(tmp_path / "t.csv", as_csv(rows)))
    assert texts(task) == dict(ROWS)
    assert any("no column 'label'; took 'Category'" in note for note in task.notes)
    two = [(*rows[0], "source"), *((*row, ("web", "app")[row[0] % 2]) for row in rows[1:])]
    with pytest.raises(UserError, match=r"--label-column; it could be 'Category' or 'source'"):
        load_task(train=write(tmp_path / "two.csv", as_csv(two)))


def test_a_file_without_a_header_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"its first line looks like a row"):
        load_task(train=write(tmp_path / "t.csv", as_csv(ROWS)))


def test_the_other_files_are_read_as_the_train_file_was(tmp_path: Path) -> None:
    train = write(tmp_path / "a.csv", as_csv([("text", "Category"), *ROWS[:40]]))
    test = write(tmp_path / "b.csv", as_csv([("text", "category"), *ROWS[40:]], ";"))
    assert load_task(train=train, test=test).test.texts == tuple(text for text, _ in ROWS[40:])


# 18: names


def test_long_names_of_files_fit_into_names_of_folders(tmp_path: Path) -> None:
    for name in ("x" * 240, "é" * 120):
        task = load_task(train=write(tmp_path / f"{name}.csv", as_csv([("text", "label"), *ROWS])))
        assert 40 < len(task.name.encode()) <= 100 and name.startswith(task.name)
