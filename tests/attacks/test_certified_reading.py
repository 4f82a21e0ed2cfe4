"""Certificates of students that read, against brute force: no text that is certain may break."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations, product

import pytest
import torch
from made_readers import PIECES
from made_readers import WORDS as SURE
from made_votes import random_votes

from rosearch.attacks.certificates import (
    AnyWords,
    Choices,
    _edits,
    certified,
    seen,
    votes_of,
)
from rosearch.attacks.certificates.any_words import one_word
from rosearch.encodings.confusables import LOOK_ALIKES
from rosearch.encodings.reader import STEPS, Reader
from rosearch.models.classifier import Classifier
from rosearch.space.genotype import Genotype, Node
from rosearch.space.votes import Votes
from rosearch.tasks.words import segment

# What may stand in the place of a word: parts of known words, letters, signs, marks, names, joints.
STRANGE = (
    "g", "go", "gor", "geous", "wit", "ty", "witt", "goodbad", "finebad", "filmgood", "dont", "od",
    "agood", "isbad", "badin", "ain", "aa", "isaa",
    "f", "i", "l", "m", "b", "s", "there", "re", "ness", "esse", "goood", "g00d", "b4d", "flim",
    "q", "qqqq", "gOOd", "Filmm", "GrEat", "Xyz", "Flim", "GOD", "caf\u00e9", "cafe",
    "g\u043e\u043ed", "\u0440\u0438\u0432",
    "\u0431\u0430\u0434", "\uff47ood", "1994", "80s", "fin", "fo", "rm", "bou", "nd", "ag", "o",
)  # fmt: skip
WORDS = ("the", "a", "is", "film", "good", "bad", "great", "god", "fine", "it", "in", "gor", "Od",
         "witty", "ad", "Flim", "don't", "it's", "o", "well-bad", "flm", "caf\u00e9")  # fmt: skip
GAPS = (" ",) * 12 + (", ", ". ", "-", ".", "! ", " (")
SPLIT = (
    "!t",
    "goOd",
    "f!lm!",
    "b@",
    "fi lm",
    "g-ood",
    "g o o d",
    "ba.d",
    "gr@t",
    "f1ne",
    "wit ty",
    "$ee",
    "th e",
)


class Student:
    """A student of random votes that reads, and what it says of texts."""

    def __init__(self, read, seed: int, steps=STEPS, scale: float = 1.0) -> None:
        vocabulary, tokenizer = read
        g = Genotype(32, 32, (Node((0,), "ff1"),), votes=Votes(0.5))
        self.model = random_votes(g, vocabulary, 2, seed, scale=scale)
        self.tokenizer = tokenizer
        self.victim = Classifier.of(self.model, tokenizer)
        self.reader = Reader(SURE, PIECES, (), LOOK_ALIKES, steps)
        self.victim.answers.encoder.read = self.reader
        self.votes = votes_of(self.victim)

    def margin(self, texts: list[str], label: int) -> float:
        """The least margin of the label."""
        tokens = self.tokenizer([self.reader(t) for t in texts], return_tensors="pt", padding=True)
        with torch.inference_mode():
            logits = self.model(**tokens).logits
        return float((logits[:, label] - logits[:, 1 - label]).min())

    def bias(self, margin: float) -> None:
        """Move the bias, so that label 0 leads by more."""
        with torch.no_grad():
            self.model.votes.bias.copy_(torch.tensor([margin, 0.0]))
        self.votes.bias = self.model.votes.bias.detach().double().numpy()


def sentence(rng: random.Random, longest: int = 4) -> str:
    words = [rng.choice(WORDS) for _ in range(rng.randint(1, longest))]
    return "".join(w + rng.choice(GAPS) for w in words).rstrip(" (") + rng.choice(("", ".", "!"))


def written(words, text) -> str:
    return replace(text, words=tuple(words)).text


def threshold(student: Student, is_sure) -> float:
    """The least bias, in steps, with which a text is certain; above, it is more so."""
    low, high = -4.0, 12.0
    for _ in range(12):
        middle = (low + high) / 2
        student.bias(middle)
        low, high = (low, middle) if is_sure() else (middle, high)
    student.bias(high)
    return high


def sure(student: Student, choices: Choices, text, n: int | None = None):
    return lambda: choices.outlasted(seen(text, student.votes), 0, n)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_any_choice_from_a_lexicon_is_no_worse_than_the_worst(read, seed: int):
    rng, student = random.Random(seed), Student(read, seed)
    exact = told = 0
    for _ in range(40):
        text = segment(sentence(rng))
        pool = STRANGE + (SPLIT if rng.random() < 0.3 else ())
        table = {w: tuple(rng.sample(pool, 3)) for w in set(text.words)}
        choices = Choices(student.votes, lambda w, t=table: t[w])
        every = [written(c, text) for c in product(*((w, *table[w]) for w in text.words))]
        student.bias(0.0)
        worst = student.margin(every, 0)
        least = threshold(student, sure(student, choices, text))
        if least < 11:
            told += 1
            exact += abs(worst + least) < 0.02
            assert worst + least > -1e-3, (text.text, table)
        if threshold(student, sure(student, choices, text, 1)) < 11:
            own = [text.with_word(i, s).text for i, w in enumerate(text.words) for s in table[w]]
            assert student.margin([text.text, *own], 0) > -1e-3, (text.text, table)
    assert told > 20 and exact > told / 2


@pytest.mark.parametrize("seed", [0, 1])
def test_misspelt_words_are_no_worse_than_the_worst(read, seed: int):
    rng, student = random.Random(seed), Student(read, seed)
    choices = Choices(student.votes, _edits)
    exact = told = 0
    for _ in range(8):
        text = segment(sentence(rng, 3))
        every = [text.with_word(i, e).text for i, w in enumerate(text.words) for e in _edits(w)]
        if threshold(student, sure(student, choices, text, 1)) < 11:
            told += 1
            worst = student.margin(every, 0)
            exact += worst < 0.02
            assert worst > -1e-3, text.text
            threshold(student, sure(student, choices, text))
            drawn = ([rng.choice(_edits(w)) for w in text.words] for _ in range(500))
            several = [written(words, text) for words in drawn]
            assert student.margin(several, 0) > -1e-3, text.text
    assert told > 3 and exact


@pytest.mark.parametrize("steps", [STEPS, ("unicode", "repeats", "dictionary")])
def test_no_word_does_more_than_any_word_may(read, steps):
    rng, student = random.Random(7), Student(read, 3, steps, scale=3.0)
    told, near = 0, []
    for _ in range(15):
        text = segment(sentence(rng))
        any_words = AnyWords(student.votes)
        new = [s for s in (*STRANGE, *SURE, *PIECES) if one_word(s)]
        for n in (1, 2):
            places = list(combinations(range(len(text.words)), min(n, len(text.words))))
            tried = {
                "replaced": [
                    written([rng.choice(new) if i in at else w for i, w in enumerate(text.words)],
                            text)
                    for at in places for _ in range(250 if n == 2 else 120)
                ],
                "inserted": [_inserted(text, n, new, rng) for _ in range(250)],
                "deleted": [_deleted(text, at) for at in places],
            }  # fmt: skip
            for change, texts in tried.items():
                do = getattr(any_words, change)
                least = threshold(
                    student, lambda do=do, n=n, t=text: do(seen(t, student.votes), 0, n)
                )
                if least < 11:
                    told += 1
                    worst = student.margin(texts, 0)
                    near.append(worst)
                    assert worst > -1e-3, (text.text, change, n)
    assert told > 30 and sum(margin < 0.02 for margin in near) > told / 4, "many are exact"


def _inserted(text, n: int, new: list[str], rng: random.Random) -> str:
    words = [[w] for w in text.words]
    for _ in range(n):
        own = rng.choice(words)
        own.insert(rng.randint(0, len(own)), rng.choice(new))
    return written(map(" ".join, words), text)


def _deleted(text, at) -> str:
    for i in sorted(at, reverse=True):
        text = text.deleted(i)
    return text.text


def test_every_kind_of_change_is_counted_of_students_that_read(read):
    rng, student = random.Random(0), Student(read, 0)
    texts = [sentence(rng, 6) for _ in range(20)]
    labels = student.victim.probabilities(texts).argmax(1).tolist()
    table = {w.lower(): ("flim", "gor") for t in texts for w in segment(t).words}
    found = certified(student.victim, texts, labels, {"mine": table, "characters": table}, True)
    for change in ("replaced", "inserted", "deleted", "misspelt"):
        several = [found[f"{n} word{'s' * (n > 1)} {change}"] for n in (1, 2, 3)]
        assert several == sorted(several, reverse=True)
        assert several[0] < 20
    assert 0 < found["any mine"] == found["any characters"] < 20
    assert found["3 words misspelt"] >= found["any words misspelt"]
    few = certified(student.victim, texts, labels, {"mine": table, "characters": table})
    assert set(found) - set(few) == {what for what in found if "misspelt" in what or "char" in what}
