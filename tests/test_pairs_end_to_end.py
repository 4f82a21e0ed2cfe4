"""Pairs of texts all the way: files, task, teacher, student, attack, and the command line."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from typer.testing import CliRunner

from rosearch.attacks.engine import attacked
from rosearch.attacks.result import AttackResult, robustness
from rosearch.cli.main import app
from rosearch.cli.predict import text_pairs
from rosearch.config import from_dict
from rosearch.distill.train import train_student
from rosearch.encodings.synonym import Synonym
from rosearch.errors import UserError
from rosearch.evaluation.context import Context
from rosearch.io import resources
from rosearch.models.classifier import Classifier
from rosearch.models.predict import predict
from rosearch.robustness.evaluate import attack
from rosearch.run.prepare import prepare
from rosearch.space.genotype import Genotype, Node
from rosearch.student.saving import save_student
from rosearch.tasks import Task
from rosearch.tasks.named import task_of
from rosearch.tasks.words import segment
from rosearch.types import Fidelity

GOOD = ("good", "great", "fine", "lovely")
BAD = ("bad", "awful", "poor", "terrible")
NOUNS = ("film", "story", "song", "meal", "book", "show")
WORDS = (*GOOD, *BAD, *NOUNS, "the", "was", "we", "found", "a", "it", "really", "movie", "big")


def made_rows(n: int) -> list[tuple[str, str, str]]:
    """Two sentences, and whether they agree. Whoever reads one of them only is right in 3 of 4."""
    rng = random.Random(0)
    rows = []
    for first, second in rng.choices([(GOOD, GOOD), (GOOD, BAD), (BAD, GOOD)], [2, 1, 1], k=n):
        a = f"The {rng.choice(NOUNS)} was {rng.choice(first)}."
        b = f"We found it a really {rng.choice(second)} {rng.choice(NOUNS)}!"
        rows.append((a, b, "agrees" if first is second else "differs"))
    return rows


def made_teacher(folder: Path) -> None:
    """A BERT of random weights whose vocabulary are the words above."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *letters, *(f"##{c}" for c in letters), ".", "!", ",", "'", *WORDS]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = BertTokenizerFast(vocab=vocab, model_max_length=64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(vocab), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=64, initializer_range=0.2,
        )  # fmt: skip
        BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with data and teacher; teachers and targets are cached in it, too."""
    folder = tmp_path_factory.mktemp("pairs")
    made_teacher(folder / "teacher")
    with (folder / "agree.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("premise", "hypothesis", "relation"), *made_rows(300)])
    cache = folder / "cache"
    cache.mkdir()
    wordnet = resources.fetch("wordnet")
    (cache / wordnet.name).symlink_to(wordnet)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROSEARCH_CACHE", str(cache))
        yield folder


COLUMNS = {
    "text_column": "premise",
    "text_pair_column": "hypothesis",
    "label_column": "relation",
}
TEACHER = {
    "epochs": 6,
    "learning_rate": 3e-3,
    "batch_size": 16,
    "max_length": 64,
    "precision": "float32",
}
TUNED = [f"teacher.{key}={value}" for key, value in TEACHER.items()]
TRANSFORMER = Genotype(
    32,
    32,
    (
        Node((0,), "attention2", norm="layer"),
        Node((0, 1), "ff2", norm="layer", activation="gelu"),
        Node((0, 1, 2), "identity"),
    ),
    repeat=2,
    position="learned",
)
FIDELITY = Fidelity(epochs=20, train_share=1.0, attacked=30, attacks=("wordnet",))


@pytest.fixture(scope="module")
def made(place: Path) -> tuple[Task, Context, Path]:
    """Task, context of a run, and the folder of the fine-tuned teacher."""
    config = from_dict(
        {
            "task": {"train": str(place / "agree.csv"), **COLUMNS},
            "teacher": {"name": str(place / "teacher"), **TEACHER},
            "encoding": {"tolerances": [0.015], "trim": True},
        }
    )
    task = task_of(config.task, 0)
    prepared = prepare(config, task)
    return task, prepared.context, prepared.teacher_folder


@pytest.fixture(scope="module")
def student(made, tmp_path_factory) -> Path:
    """A distilled student, saved."""
    _, context, _ = made
    model = train_student(TRANSFORMER, context.train, context.distill, FIDELITY, 0)
    folder = tmp_path_factory.mktemp("student") / "s"
    save_student(model, context.train.encoded["plain"].tokenizer(), folder)
    return folder


def plain_logits(folder: Path, pairs: list[tuple[str, str]]) -> np.ndarray:
    """Logits (n, C) as any user of transformers gets them."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    inputs = tokenizer(
        [a for a, _ in pairs], [b for _, b in pairs],
        truncation=True, max_length=64, padding=True, return_tensors="pt",
    )  # fmt: skip
    with torch.inference_mode():
        return model(**inputs).logits.numpy()


def softmax(logits: np.ndarray) -> np.ndarray:
    return torch.from_numpy(logits).softmax(-1).numpy()


def test_the_task_has_pairs(made):
    task, _, _ = made
    assert [len(s) for s in (task.train, task.validation, task.test)] == pytest.approx(
        [240, 30, 30], abs=12
    )
    rows = {(a, b): label for a, b, label in made_rows(300)}
    for split in (task.train, task.validation, task.test):
        for text, label in zip(split.texts, split.labels, strict=True):
            assert rows[text] == task.label_names[label]


def test_targets_are_what_the_teacher_says_of_pairs(made):
    task, context, teacher = made
    expected = plain_logits(teacher, list(task.train.texts))
    assert np.asarray(context.train.targets) == pytest.approx(expected, abs=0.02)  # kept as float16
    swapped = plain_logits(teacher, [(b, a) for a, b in task.train.texts])
    assert abs(swapped - expected).max() > 0.1


def test_the_teacher_reads_both_texts(made):
    _, context, _ = made
    assert context.teacher_accuracy > 0.9  # 0.75 is all that one of the texts can give


def test_training_reads_pairs_as_the_saved_tokenizer_gives_them(made, student):
    task, context, _ = made
    tokenizer = AutoTokenizer.from_pretrained(student)
    for (first, second), ids in zip(
        task.train.texts, context.train.encoded["plain"].texts, strict=True
    ):
        assert tokenizer(first, second)["input_ids"] == ids.tolist()
    assert set(tokenizer("a", "b")) == {"input_ids", "attention_mask"}


def test_words_of_both_texts_keep_their_rows_and_make_clusters(made):
    task, context, _ = made
    for key, data in context.train.encoded.items():
        ids = {i for ids in data.texts for i in ids.tolist()}
        tokens = {data.vocabulary.tokens[i] for i in ids}
        assert {"the", "was", "we", "found", "[SEP]"} <= tokens and "[UNK]" not in tokens
        assert data.vocabulary.n_rows <= len(data.vocabulary.tokens)
        assert len(data.texts) == len(task.train), key
    assert len(context.train.encoded) == 2


@pytest.mark.parametrize("key", ["plain", "synonym"])
def test_a_saved_student_gives_our_numbers_in_plain_transformers(made, key: str, tmp_path: Path):
    task, context, _ = made
    genotype = TRANSFORMER
    if key == "synonym":
        genotype = replace(TRANSFORMER, coding=Synonym())
    data = context.train.encoded[genotype.encoding_key]
    fidelity = Fidelity(1, 1.0, 0, ())
    model = train_student(genotype, context.train, context.distill, fidelity, 0)
    save_student(model, data.tokenizer(), tmp_path / "s")
    pairs = [*task.test.texts, ("", "good"), ("it " * 90, "was good"), ("we", "it " * 90)]
    ours = Classifier.of(model, data.tokenizer()).probabilities([segment(p) for p in pairs])
    assert softmax(plain_logits(tmp_path / "s", pairs)) == pytest.approx(ours, abs=1e-5)
    answers = list(predict(tmp_path / "s", pairs))
    for answer, (first, second), row in zip(answers, pairs, ours, strict=True):
        assert answer.text == (first, second)
        assert list(answer.probabilities.values()) == pytest.approx(row, abs=1e-5)


def test_only_second_texts_change(made, student):
    task, context, _ = made
    results = attacked(
        context.attacks("wordnet"),
        Classifier.of(
            AutoModelForSequenceClassification.from_pretrained(student),
            AutoTokenizer.from_pretrained(student),
        ),
        task.test.texts,
        task.test.labels,
    )
    counts = robustness("wordnet", results)
    assert counts.correct > counts.survived, "no text was flipped"
    flipped = [r for r in results if r.status == "flipped"]
    for r in results:
        assert (r.first, r.original) == task.test.texts[r.index]
    for r in flipped:
        assert r.perturbed != r.original
        assert plain_logits(student, [(r.first, r.perturbed)]).argmax() != r.label
    found = attack(student, task, n=len(task.test))

    def by_text(some: Sequence[AttackResult]) -> list[AttackResult]:
        """In an order of their own: those of a sample come in another one."""
        return sorted((replace(r, index=0) for r in some), key=lambda r: (r.asked[0], r.label))

    assert by_text(found.results["wordnet"]) == by_text(results)


def test_a_function_of_pairs_is_attacked(made):
    task, _, _ = made

    def says(pairs: list[tuple[str, str]]) -> list[list[float]]:
        same = [any(g in a for g in GOOD) == any(g in b for g in GOOD) for a, b in pairs]
        return [[0.9, 0.1] if s else [0.2, 0.8] for s in same]

    found = attack(says, task, n=20)
    assert found.counts["wordnet"].correct == 20
    assert found.counts["wordnet"].survived < 20
    assert {r.first for r in found.results["wordnet"]} <= {a for a, _ in task.test.texts}


def rosearch(*args: str, stdin: str = "") -> str:
    """What a command prints; in this process, which has torch loaded already."""
    done = CliRunner().invoke(app, list(args), input=stdin, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_line_takes_pairs(place: Path, made, tmp_path: Path):
    out, lines = tmp_path / "run", tmp_path / "a.jsonl"
    named = [f"--{key.replace('_', '-')}={value}" for key, value in COLUMNS.items()]
    data = ["--train", str(place / "agree.csv"), *named]
    settings = [
        "teacher.train_share=1.0", "space.min_compression=0.05", "search.population=2",
        "search.tournament=1", "search.lag=1", "search.attacked=10", "search.train_share=1.0",
        "final.train_share=1.0", "final.epochs=12", *TUNED,
    ]  # fmt: skip
    rosearch(
        "search", "--preset", "smoke", *data, "--teacher", str(place / "teacher"),
        "--candidates", "2", "--held-out", "characters", "--workers", "1", "--out", str(out),
        *(f"--set={setting}" for setting in settings),
    )  # fmt: skip
    assert 'text_pair_column = "hypothesis"' in (out / "config.toml").read_text()
    page = (out / "report.html").read_text(encoding="utf-8")
    firsts = {a for a, _, _ in made_rows(300)}
    assert sum(page.count(f'<p class="text soft" dir="auto">{a}</p>') for a in firsts) >= 4

    best = json.loads((out / "summary.json").read_text())["best"]["id"]
    model = str(out / "students" / best)
    shown = rosearch("attack", model, *data, "--jsonl", str(lines))
    attacked = [json.loads(line) for line in lines.read_text().splitlines()]
    assert {r["first"] for r in attacked} <= firsts
    flipped = [r for r in attacked if r["status"] == "flipped"]
    assert flipped and flipped[0]["first"] in shown

    first, second = made_rows(1)[0][:2]
    as_json = json.dumps({"text": first, "text_pair": second})
    answers = rosearch("predict", model, "--pairs", stdin=f"{first}\t{second}\n{as_json}\n")
    one, two = answers.splitlines()
    assert one == two and one.endswith(f"\t{first}\t{second}")


@pytest.mark.parametrize(
    "line", ["no tab", "a\tb\tc", '{"text": "x"}', '{"text": "x", "text_pair": 3}', "{", "",
             '{"text": "x", "text_pair": "\\ud800"}'],
)  # fmt: skip
def test_what_is_no_pair_is_named(line: str):
    with pytest.raises(UserError, match=r"text 2 is no pair: .*text_pair.*tab"):
        list(text_pairs(["a\tb", line]))


def test_a_pair_on_the_command_line():
    lines = ["a\tb", '{"text": "a", "text_pair": ""}', "{curly}\tb"]
    assert list(text_pairs(lines)) == [("a", "b"), ("a", ""), ("{curly}", "b")]
