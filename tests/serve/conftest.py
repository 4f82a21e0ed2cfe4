"""Small students to try."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from rosearch.encodings.confusables import LOOK_ALIKES
from rosearch.encodings.reader import Reader
from rosearch.encodings.reading_tokenizer import ReadingTokenizerFast
from rosearch.encodings.vocabulary import plain_vocabulary, student_tokenizer, tokenizer_settings
from rosearch.models.classifier import Classifier
from rosearch.space.genotype import Genotype, Node
from rosearch.space.votes import Votes
from rosearch.student.build import build_student

CELL = Genotype(32, 32, (Node((0,), "conv3", activation="relu"),), pooling="max")
READER = Reader(dict.fromkeys(["a", "good", "gorgeous", "film"], -6.0), {}, (), LOOK_ALIKES)
Voting = Callable[..., Classifier]


@pytest.fixture(scope="session")
def voting(bert_tokenizer) -> Voting:
    """Makes students whose words vote at random; `context` bounds what else they say."""
    vocabulary = plain_vocabulary(bert_tokenizer)
    plain = student_tokenizer(bert_tokenizer, vocabulary)

    def make(names: tuple[str, ...], context: float = 0.0, reads: bool = False) -> Classifier:
        shape = (vocabulary.n_rows, len(names))
        prior = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
        g = replace(CELL, votes=Votes(0.5, context))
        model = build_student(g, vocabulary, names, seed=0, prior=prior)
        with torch.no_grad():
            model.votes.bias.copy_(torch.linspace(-0.3, 0.3, len(names)))
        if not reads:
            return Classifier.of(model, plain)
        settings = tokenizer_settings(plain)
        tokenizer = ReadingTokenizerFast(tokenizer_object=plain.backend_tokenizer, **settings)
        tokenizer.reader = READER
        return Classifier.of(model, tokenizer)

    return make
