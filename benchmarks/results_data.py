"""The data of the tasks that results.py measures: built in, or files that lie elsewhere."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rosearch.config import TaskConfig
from rosearch.tasks import Split
from rosearch.tasks.named import task_of


@dataclass(frozen=True)
class Files:
    """The files of a task, below the folder of `--data`; none of a built-in one.

    Attributes:
        test: empty to split it off `train`.
        columns: of the text and the label.
        header: whether the files name their columns.
        words: at which texts are cut; 0 for not at all. Of a built-in task, by `task.max_words`.
        rows: most texts of `train` and `test`, drawn at random; 0 for all.
        others: how many of the further ones of `train` students learn from without their labels.
        headlines: of a built-in task, whose texts begin with a headline: see `pairs`.
        protocol: for all models; `v2` of a rare label, which it finds at a rate of false alarms.
    """

    train: str = ""
    test: str = ""
    columns: tuple[str, str] = ("text", "label")
    header: bool = True
    words: int = 0
    rows: tuple[int, int] = (0, 0)
    others: int = 0
    headlines: str = ""
    protocol: str = "v1"

    @property
    def built_in(self) -> bool:
        """Whether the task is read as it is built in."""
        return not self.train and not self.headlines


TASKS = {
    "mr": Files(),
    "bbc_news": Files(words=64),
    "sms": Files("sms/sms.csv", columns=("message", "label"), protocol="v2"),
    "ag_news": Files(
        *("ag_news/train.tsv", "ag_news/test.tsv"),
        header=False,
        words=64,
        rows=(3000, 1000),
        others=7000,
    ),
    "headlines": Files(headlines="bbc_news"),
    "sst2": Files(
        *("sst2/train.tsv", "sst2/test.tsv"), ("sentence", "label"), rows=(8000, 0), others=16000
    ),
}


def cut_and_drawn(files: Files) -> list[str]:
    """What was done to the files of a task before `rosearch` read them, in words."""
    told = []
    if files.train and files.words:
        told.append(f"texts cut after {files.words} words: only these beginnings are read")
    for name, most in zip(("train", "test"), files.rows, strict=True):
        if most:
            told.append(f"of the {name} file, {most:,} texts drawn at random")
    if files.headlines:
        told.append(
            f"pairs made of {files.headlines}: the first paragraph of each text with its headline, "
            "and with that of another text of its label"
        )
    return told


def prepare(files: Files, name: str, most: int, data: Path, out: Path) -> Path:
    """`out`, made of a file without quotes if it is not there: cut and drawn as `files` says."""
    if out.exists():
        return out
    rows = rows_of(files, data / name)
    names = ("text", "label")
    return write_rows(out, [dict(zip(names, rows[i], strict=True)) for i in drawn(rows, most)])


def prepare_others(files: Files, data: Path, out: Path) -> Path:
    """`out` with texts of the train file that `prepare` leaves out, without their labels."""
    if out.exists():
        return out
    rows = rows_of(files, data / files.train)
    taken = set(drawn(rows, files.rows[0]))
    left = [text for i, (text, _) in enumerate(rows) if i not in taken]
    others = random.Random(0).sample(left, min(files.others, len(left)))
    return write_rows(out, [{"text": text} for text in others])


def drawn(rows: Sequence[object], most: int) -> Sequence[int]:
    """Which rows a task has: `most` at random, the same every time, or all."""
    every = range(len(rows))
    return random.Random(0).sample(every, most) if most and len(rows) > most else every


def rows_of(files: Files, path: Path) -> list[tuple[str, str]]:
    """Text, cut as `files` says, and label of all rows of a file."""
    delimiter = "\t" if path.suffix == ".tsv" else ","
    with path.open(encoding="utf-8", newline="") as stream:
        quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
        rows = list(csv.reader(stream, delimiter=delimiter, quoting=quoting))
    if files.header:
        at = [rows[0].index(column) for column in files.columns]
        rows = [[row[i] for i in at] for row in rows[1:]]
    cut = (" ".join(text.split()[: files.words]) if files.words else text for text, _ in rows)
    return list(zip(cut, (label for _, label in rows), strict=True))


def write_rows(out: Path, rows: Sequence[dict[str, str]]) -> Path:
    """`out`, a JSON object a line."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return out


def pairs(split: Split, seed: int) -> list[dict[str, str]]:
    """Headline and first paragraph of each text, and the headline of another one of its label with
    the same paragraph: whether they belong together. Texts without two paragraphs are left out.

    As whether a headline is related to a text (Fake News Challenge, stage 1; Hanselowski et al.
    2018), where unrelated ones are of any topic and so easier.
    """
    rng = np.random.default_rng(seed)
    parts = [[part.strip() for part in text.split("\n\n") if part.strip()] for text in split.texts]
    found = []
    for label in sorted(set(split.labels)):
        own = [p for p, y in zip(parts, split.labels, strict=True) if y == label and len(p) > 1]
        turn = int(rng.integers(1, len(own)))  # nobody keeps the own headline
        for i, part in enumerate(own):
            for name, title in (("related", part[0]), ("unrelated", own[(i + turn) % len(own)][0])):
                found.append({"headline": title, "text": part[1], "label": name})
    return found


def headline_flags(name: str, work: Path) -> list[str]:
    """What tells `rosearch` the pairs of a built-in task, written once."""
    task, flags = task_of(TaskConfig(name), 0, aloud=False), []
    for kind, splits in (("train", (task.train, task.validation)), ("test", (task.test,))):
        out = work / f"headlines{'-test' * (kind == 'test')}.jsonl"
        if not out.exists():
            lines = [line for k, split in enumerate(splits) for line in pairs(split, k)]
            write_rows(out, lines)
        flags += [f"--{kind}", str(out)]
    return [*flags, "--text-column", "headline", "--text-pair-column", "text"]


def task_flags(task: str, data: Path, work: Path) -> list[str]:
    """What tells `rosearch` the data of a task."""
    files = TASKS[task]
    if files.headlines:
        return headline_flags(files.headlines, work)
    if not files.train:
        return ["--task", task, *(["--max-words", str(files.words)] if files.words else [])]
    flags = []
    for split, most in zip(("train", "test"), files.rows, strict=True):
        if name := getattr(files, split):
            out = work / f"{task}{'-test' * (split == 'test')}.jsonl"  # the first names the run
            flags += [f"--{split}", str(prepare(files, name, most, data, out))]
    if files.others:
        others = prepare_others(files, data, work / f"{task}-others.jsonl")
        flags += ["--unlabelled", str(others)]
    return flags
