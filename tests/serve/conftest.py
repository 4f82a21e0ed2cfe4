"""Small students to try."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from made_readers import reading
from made_votes import random_votes

from rosearch.encodings.confusables import LOOK_ALIKES
from rosearch.encodings.reader import Reader
from rosearch.models.classifier import Classifier
from rosearch.space.genotype import Genotype, Node
from rosearch.space.votes import FrameVotes, Votes

CELL = Genotype(32, 32, (Node((0,), "conv3", activation="relu"),), pooling="max")
READER = Reader(dict.fromkeys(["a", "good", "gorgeous", "film"], -6.0), {}, (), LOOK_ALIKES)
Voting = Callable[..., Classifier]


@pytest.fixture(scope="session")
def voting(read) -> Voting:
    """Makes students whose words vote at random."""
    vocabulary, plain = read

    def make(names: tuple[str, ...], reads: bool = False, framed: bool = False) -> Classifier:
        g = replace(CELL, votes=FrameVotes() if framed else Votes(0.5))
        model = random_votes(g, vocabulary, len(names), bias=0.3)
        model.config.id2label = dict(enumerate(names))
        if not reads:
            return Classifier.of(model, plain)
        return Classifier.of(model, reading(plain, READER))

    return make
