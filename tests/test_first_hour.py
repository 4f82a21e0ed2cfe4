"""The commands of the page on the first hour run in its order, on small data and a tiny teacher."""

from __future__ import annotations

import csv
import json
import random
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from pages import ROOT

from rosearch.cli import main as cli

PAGE = (ROOT / "docs" / "first-hour.md").read_text("utf-8")
CHAPTERS = dict(re.findall(r"^## (\w+)[^\n]*\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
NOUNS = ("film", "story", "song", "meal", "book", "show", "play", "game", "road", "tree")
SETTINGS = """
[teacher]
name = "teacher"
epochs = 1
weak = "keep"
[encoding]
lexicons = ["wordnet"]
tolerances = [0.015]
[space]
min_compression = 0
defences = []
[search]
candidates = 2
population = 2
lag = 1
attacked = 5
attack = "wordnet"
[final]
seeds = 1
attacked = 5
held_out = ["characters"]
"""


def comments(rng: random.Random) -> Iterator[tuple[str, ...]]:
    """One in five is abusive: of one in ten, 300 would leave too few for the test split."""
    yield "comment", "verdict"
    for i in range(300):
        said = "you are a stupid" if i % 5 == 0 else "thank you for the good"
        yield (
            f"{said} {rng.choice(NOUNS)} and {rng.choice(NOUNS)} {i}",
            "fine" if i % 5 else "abusive",
        )


def tickets(rng: random.Random) -> Iterator[tuple[str, ...]]:
    """Twenty topics, each with a word of its own."""
    yield "body", "topic"
    for i in range(600):
        yield f"my {rng.choice(NOUNS)} has word{i % 20:02} and {i}", f"topic{i % 20:02}"


def claims(rng: random.Random) -> Iterator[tuple[str, ...]]:
    """Two texts that are about the same thing or not."""
    yield "evidence", "claim", "label"
    for i in range(300):
        one, other = rng.sample(NOUNS, 2)
        yield f"We saw a {one} {i}.", f"It was a {one if i % 2 else other}.", ("no", "yes")[i % 2]


DATA: dict[str, Callable[[random.Random], Iterator[tuple[str, ...]]]] = {
    "comments.csv": comments,
    "week.csv": comments,
    "tickets.csv": tickets,
    "claims.csv": claims,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory, bert_tokenizer) -> Path:
    """A folder with the files of the page, and a BERT of one layer and random weights."""
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("hour")
    for name, rows in DATA.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows(random.Random(name)))
    (folder / "tiny.toml").write_text(SETTINGS, "utf-8")
    config = BertConfig(
        vocab_size=len(bert_tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertForSequenceClassification(config).save_pretrained(folder / "teacher")
    bert_tokenizer.save_pretrained(folder / "teacher")
    return folder


def commands(chapter: str) -> list[list[str]]:
    """The words of each command of a chapter's blocks."""
    found = re.findall(r"^```\n(.*?)^```$", CHAPTERS[chapter], re.M | re.S)
    return [shlex.split(line) for block in found for line in block.splitlines()]


def smaller(words: list[str]) -> list[str]:
    """The same command with little to do."""
    words = [word.replace("final.attacked=600", "final.attacked=5") for word in words]
    if words[1] == "search":
        at = words.index("--minutes")
        return [*words[:2], "tiny.toml", *words[2:at], *words[at + 2 :], "--workers", "1"]
    if "--n" in words:
        words[words.index("--n") + 1] = "5"
    if words[1] == "export":
        words += ["--n", "5"]
    if "ID" in words[2]:
        summary = json.loads(Path(words[2]).parents[1].joinpath("summary.json").read_text())
        words[2] = words[2].replace("ID", summary["best"]["id"])
    return words


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_command_of_the_page_runs(chapter: str, place: Path, monkeypatch, capsys):
    monkeypatch.chdir(place)
    found = commands(chapter)
    assert {words[1] for words in found} >= {"search", "attack", "export", "predict"}
    for words in found:
        monkeypatch.setattr(sys, "argv", smaller(words))
        with pytest.raises(SystemExit) as stop:
            cli.main()
        told = capsys.readouterr()
        assert stop.value.code == 0, (shlex.join(words), told.err[-2000:])
        assert "Traceback" not in told.err
        if words[1] == "predict":
            assert any(label in told.out for label in ("fine", "topic07", "yes", "no")), told.out
