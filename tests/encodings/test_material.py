"""Words that students know, from the train split, the tokenizer and lexicons."""

from __future__ import annotations

import numpy as np
import pytest

from rosearch.encodings.material import Material, known_words, whole_words


@pytest.fixture(scope="module")
def words(bert_tokenizer):
    texts = [["the", "qzwx", "qzwx", "co-op"], ["the", "film"], ["vbnmq"]]
    tables = {"made": {"film": ["cinefilm", "moving picture"], "the": []}}
    material = Material(bert_tokenizer, texts, 2, np.zeros((3, 2)), tables.__getitem__)
    return known_words(material, ["made"])


def test_words_come_from_texts_tokens_and_lexicons(words):
    assert {"qzwx", "co-op", "co", "op", "film", "cinefilm", "picture", "excellent"} <= set(words)
    assert "vbnmq" not in words  # of an augmented copy
    assert not any("##" in word or word.startswith("[") for word in words)


def test_frequent_words_are_likelier(words):
    assert next(iter(words)) == "the"
    assert words["qzwx"] > words["co-op"] > words["cinefilm"]
    assert words["good"] > words["ballast"]
    assert sum(map(np.exp, words.values())) == pytest.approx(1)


def test_marks_of_byte_level_tokenizers_are_read():
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    vocab = {"a": 0, "\u0120caf\u00c3\u00a9": 1, "ing": 2, "\u0120Good": 3, "\u01203": 4}
    backend = Tokenizer(models.BPE(vocab, []))
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    assert whole_words(tokenizer) == ("caf\u00e9", "good", "3")
