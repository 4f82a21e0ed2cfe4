"""Which words carry an answer, against sums and probabilities that are worked out here."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from rosearch.attacks.at_hand import attacks_at_hand
from rosearch.models.classifier import Classifier
from rosearch.serve.certificate import certain, in_words
from rosearch.serve.words import MOST_WORDS, carried
from rosearch.tasks.words import segment

TEXTS = (
    "A gor geous film, with a good ending!",
    "unbelievablyquick xqzzt $40 (\u4e2d\u6587) caf\u00e9",
    "good",
    "?!",
    "\u200b",
    "[SEP] a [MASK] film",
    "film " * 700,
)


def margin(said: np.ndarray, label: int, other: int) -> float:
    return math.log(said[label]) - math.log(said[other])


@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize("reads", [False, True])
def test_votes_add_up_to_the_margin(voting, reads: bool, framed: bool) -> None:
    student = voting(("a", "b", "c"), reads, framed)
    turned = student.in_order(("c", "a", "b"))
    for text in TEXTS:
        for model in (student, turned):
            found = carried(model, segment(text))
            said = model.probabilities([text])[0]
            assert (found.label, found.other) == tuple(np.argsort(-said)[:2])
            votes = sum(weight for _, weight in found.texts[0] if weight is not None)
            assert found.exact
            total = found.bias + votes
            assert total == pytest.approx(margin(said, found.label, found.other), abs=1e-4)
            read = student.network.encoder.read
            whole = read(text) if read else text
            assert "".join(piece for piece, _ in found.texts[0]) == whole


@pytest.mark.parametrize("framed", [False, True])
def test_votes_of_pairs_add_up_as_both_texts_are_cut(voting, framed: bool) -> None:
    student = voting(("a", "b"), framed=framed)
    for pair in (("a good film", "a bad film"), ("good " * 400, "bad " * 90), ("x", "film " * 600)):
        found = carried(student, segment(pair))
        votes = sum(weight for text in found.texts for _, weight in text if weight is not None)
        tokens = student.tokenizer([pair[0]], [pair[1]], truncation=True, max_length=512)
        ids = torch.tensor(tokens["input_ids"])
        with torch.inference_mode():
            logits = student.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
        gap = float(logits[found.label] - logits[found.other])
        assert found.bias + votes == pytest.approx(gap, rel=1e-5, abs=1e-4)
        assert tuple("".join(piece for piece, _ in text) for text in found.texts) == pair


def test_other_models_have_their_words_left_out() -> None:
    def says(texts: list[object]) -> np.ndarray:
        yes = [0.9 if "good" in str(text) else 0.2 for text in texts]
        return np.stack([1 - np.array(yes), yes], 1)

    found = carried(Classifier.function(says), segment("a good, old film"))
    weights = {piece: weight for piece, weight in found.texts[0] if weight is not None}
    assert found.label == 1 and not found.exact
    assert weights == pytest.approx({"a": 0.0, "good": 0.7, "old": 0.0, "film": 0.0})
    pair = carried(Classifier.function(says), segment(("a good film", "an old one")))
    assert dict(pair.texts[0])["good"] == pytest.approx(0.7)
    long = carried(Classifier.function(says), segment("word " * (MOST_WORDS + 9)))
    assert sum(weight is not None for _, weight in long.texts[0]) == MOST_WORDS


def test_what_needs_a_download_is_not_at_hand(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ROSEARCH_CACHE", str(tmp_path))
    names = {named.name for named in attacks_at_hand({})}
    assert {"characters", "phonetic"} <= names
    assert names.isdisjoint({"wordnet", "textfooler", "encoder", "neighbours", "bae", "pgd"})
    assert "encoder" in {named.name for named in attacks_at_hand({"encoder_words": tmp_path})}
    assert list(tmp_path.iterdir()) == []


def test_certificates_in_words(voting, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ROSEARCH_CACHE", str(tmp_path))  # no lexicon is there to be loaded
    sure = {"1 word replaced": True, "2 words replaced": False, "1 word deleted": True,
            "2 words deleted": True, "3 words deleted": True, "1 word inserted": False,
            "any wordnet": True, "any relatives": False, "2 readings swapped": True,
            "1 word misspelt": True, "any words misspelt": True}  # fmt: skip
    assert in_words(sure) == (
        "No single word can flip this, whatever is put in its place.",
        "No three words that are taken out can flip this.",
        "No single word that is misspelt by one letter can flip this.",
        "No substitutions from the lexicon wordnet, of however many words, can flip this.",
        "Nothing of this kind can flip this: 2 readings swapped.",
        "However many words are misspelt, each by one letter, this stays.",
    )
    student, text = voting(("a", "b")), segment("good good good good gorgeous film")
    found = certain(student, text, carried(student, text).label, {})
    assert found is not None
    alone = Classifier.function(lambda texts: [[0.4, 0.6] for _ in texts])
    assert certain(alone, text, 1, {}) is None
