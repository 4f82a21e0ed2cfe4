"""Certificates against brute force, and against attacks, which may never break a certified text."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
import torch
from made_votes import random_votes

from rosearch.attacks.attack import Attack
from rosearch.attacks.certificates import certified
from rosearch.attacks.certificates.any_words import one_word
from rosearch.attacks.certificates.seen import TOLERANCE
from rosearch.attacks.engine import attacked
from rosearch.attacks.lexicon import table_lexicon
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.sources import WordSource
from rosearch.models.classifier import Classifier
from rosearch.space.defences import MaskedMean
from rosearch.space.genotype import Genotype, Node
from rosearch.space.votes import Votes
from rosearch.student.build import build_student
from rosearch.tasks.words import segment

CELL = Genotype(32, 32, (Node((0,), "conv3", activation="relu"),), pooling="max")
TABLE = {
    "good": ("fine", "awful", "co-operative"),
    "film": ("movie", "blorptastic"),
    "bad": ("poor", "mean"),
    "the": ("dreadful",),  # a stop word: it stays
    "90s": ("1990s",),
}
TEXTS = ("Good film!", "the bad film of the 90s", "a fine, mean-spirited film", "bad", "!", "")


def victim(read, votes: Votes, classes: int = 3, seed: int = 0, **more) -> Classifier:
    vocabulary, tokenizer = read
    g = replace(CELL, votes=votes, **more)
    return Classifier.of(random_votes(g, vocabulary, classes, seed, bias=0.3), tokenizer)


def right(asked: Classifier, texts: list[str], label: int) -> bool:
    """Whether the votes of all texts say the label, by no less than rounding."""
    tokens = asked.tokenizer(texts, return_tensors="pt", padding=True)
    with torch.inference_mode():
        logits = asked.model(**tokens).logits
    others = logits.clone()
    others[:, label] = -torch.inf
    return bool((logits[:, label] - others.amax(1) > TOLERANCE).all())


def written(words: list[str], text: str) -> str:
    return replace(segment(text), words=tuple(words)).text


@pytest.mark.parametrize(("classes", "seed"), [(2, 0), (3, 1), (4, 2)])
def test_lexicons_and_deletions_are_those_of_brute_force(read, classes: int, seed: int):
    asked = victim(read, Votes(0.5), classes, seed)
    for text in TEXTS:
        words = list(segment(text).words)
        own = [[w, *(TABLE[w.lower()] if w.lower() in TABLE and w != "the" else ())] for w in words]
        every = [written(list(chosen), text) for chosen in product(*own)]
        fewer = [
            written([("" if i in gone else w) for i, w in enumerate(words)], text)
            for n in range(3)
            for gone in combinations(range(len(words)), min(n, len(words)))
        ]
        for label in range(classes):
            found = certified(asked, [text], [label], {"mine": TABLE})
            assert found["any mine"] == right(asked, every, label), (text, label)
            assert found["2 words deleted"] == right(asked, fewer, label), (text, label)


def test_any_word_is_the_worst_word(read):
    """With a vocabulary that holds a word for each corner of the bound, both are exact."""
    tokenizer = read[1]
    asked = victim(read, Votes(0.5), classes=2, seed=3)
    corners = {"zebra": (50.0, -50.0), "piano": (-50.0, 50.0)}
    with torch.no_grad():
        for word, z in corners.items():
            row = tokenizer.convert_tokens_to_ids(word)
            asked.model.votes.table.weight[row] = torch.tensor(z)
    outcomes = set()
    for text in TEXTS:
        words = list(segment(text).words)
        for label in range(2):
            found = certified(asked, [text], [label])
            worst = "piano" if label == 0 else "zebra"
            for n in (1, 2):
                places = list(combinations(range(len(words)), min(n, len(words))))
                texts = [
                    written([worst if i in at else w for i, w in enumerate(words)], text)
                    for at in places
                ]
                what = f"{n} word{'s' * (n > 1)}"
                assert found[f"{what} replaced"] == right(asked, texts, label), (text, label)
                longer = " ".join([text, *[worst] * n])
                assert found[f"{what} inserted"] == right(asked, [longer], label)
                outcomes.add(found[f"{what} replaced"])
    assert outcomes == {0, 1}


def test_a_word_in_the_sense_of_the_certificate_is_one_to_the_tokenizer(read):
    backend = read[1].backend_tokenizer
    for code in (*range(0x3000), *range(0x4E00, 0x4E80), *range(0xF900, 0xFFEF)):
        if one_word(chr(code)):
            text = backend.normalizer.normalize_str(f"good{chr(code)}bad")
            assert len(backend.pre_tokenizer.pre_tokenize_str(text)) == 1, hex(code)
    assert all(map(one_word, ("abc", "80s", "caf\u00e9", "\u0440\u0438\u0432")))
    assert not any(map(one_word, ("a b", "a-b", "", "\u4e2d\u6587", "good\u2474bad", "\ufdfa")))


def test_no_attack_breaks_a_certified_text(read, mr):
    """Real sentences; the attack replaces as many words as it likes by anything of the table."""
    asked = victim(read, Votes(0.5), classes=2)
    texts = mr.validation.texts[:60]
    labels = asked.probabilities(texts).argmax(1).tolist()
    words = sorted({w.lower() for t in texts for w in segment(t).words})
    rng = np.random.default_rng(0)
    table = {w: tuple(rng.choice(words, 3)) for w in words[::3]}
    attack = Attack("mine", WordSource(table_lexicon(table)), Greedy())
    results = attacked((attack,), asked, texts, labels)
    broken = kept = 0
    for text, label, result in zip(texts, labels, results, strict=True):
        sure = certified(asked, [text], [label], {"mine": table})
        kept += sure["any mine"]
        if result.status == "flipped":
            broken += 1
            assert not sure["any mine"]
            n = len(result.changed)
            assert n > 3 or not sure[f"{n} word{'s' * (n > 1)} replaced"]
    assert broken > 5 and kept > 5


def test_pairs_labels_in_another_order_and_long_texts(read):
    asked = victim(read, Votes(0.5), classes=2, seed=1)
    pair = ("a good film", "the film was bad")
    label = int(asked.probabilities([pair]).argmax())
    found = certified(asked, [pair], [label], {"mine": TABLE})
    swapped = replace(asked, order=(1, 0))
    assert certified(swapped, [pair], [1 - label], {"mine": TABLE}) == found
    own = product(("film", *TABLE["film"]), ("bad", *TABLE["bad"]))
    every = [("a good film", f"the {noun} was {word}") for noun, word in own]
    said = asked.probabilities(every).argmax(1)
    assert found["any mine"] == bool((said == label).all())
    filled = " ".join(["film"] * 480)
    assert certified(asked, [filled], [0])["1 word replaced"] == 0, "it would be cut"
    glued = certified(asked, ["good\u200bfilm"] * 2, [0, 1])
    assert set(glued.values()) <= {0, 1}


def test_nothing_is_said_of_what_nothing_is_known_of(read):
    bare = victim(read, Votes(0.5))
    assert certified(victim(read, Votes(0.5), defence=MaskedMean(2)), TEXTS, [0] * 6) == {}
    assert certified(Classifier.function(lambda texts: [[1.0, 0.0]] * len(texts)), ["a"], [0]) == {}
    vocabulary, tokenizer = read
    plain = build_student(CELL, vocabulary, ("a", "b"), seed=0)
    assert certified(Classifier.of(plain, tokenizer), TEXTS, [0] * 6) == {}
    bare.answers.encoder.read = str.lower  # a reader of another make
    assert certified(bare, TEXTS, [0] * 6) == {}
