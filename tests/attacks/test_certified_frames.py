"""Certificates of students whose cell reads the frame, against every text that may be chosen."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product

import pytest
import torch
from made_votes import random_votes

from rosearch.attacks.certificates import certified, framed
from rosearch.attacks.certificates.seen import TOLERANCE
from rosearch.encodings.confusables import LOOK_ALIKES
from rosearch.encodings.reader import Reader
from rosearch.models.classifier import Classifier
from rosearch.space.genotype import Genotype, Node
from rosearch.space.votes import FrameVotes
from rosearch.tasks.words import segment

CELL = Genotype(
    32, 32, (Node((0,), "conv3", activation="relu"),), votes=FrameVotes(0.5, 1.0, reach=2.0)
)
KNOWN = ("film", "good", "bad", "great", "plot", "story", "movie", "fine")
# Function words, several words or pieces, a number, what no vocabulary has, the joints of a reader.
ODD = ("not", "but", "co-operative", "blorptastic", "1994", "\u4e00\u4e8c", "fil", "m", "go", "od")
STAY = ("the", "not", "is", "but", "a")
GAPS = (" ", " ", " ", ", ", " - ")
READ = dict.fromkeys((*KNOWN, *STAY), -6.0) | {"co": -9.0, "operative": -9.0}
PARTS = {"fil": -9.0, "m": -9.0}


def student(read, seed: int, classes: int, reads: bool) -> Classifier:
    """Of random votes, and weights that turn some of them round."""
    vocabulary, tokenizer = read
    victim = Classifier.of(random_votes(CELL, vocabulary, classes, seed), tokenizer)
    if reads:
        victim.answers.encoder.read = Reader(READ, PARTS, (), LOOK_ALIKES)
    return victim


def text_of(rng: random.Random) -> str:
    words = [rng.choice(KNOWN if rng.random() < 0.6 else STAY) for _ in range(rng.randint(1, 5))]
    return "".join(w + rng.choice(GAPS) for w in words).rstrip(" ,-") + "."


def every(text: str, table: dict[str, tuple[str, ...]]) -> list[str]:
    words = segment(text)
    own = ((w, *table.get(w, ())) for w in words.words)
    return [replace(words, words=chosen).text for chosen in product(*own)]


def leads(victim: Classifier, texts, label: int) -> float:
    """The least by which a label leads in several texts, read as the student reads them."""
    encode = victim.answers.encoder.encode
    ids = [torch.tensor([encode(segment(text)).ids]) for text in texts]
    with torch.inference_mode():
        logits = torch.cat([victim.model(input_ids=one).logits for one in ids])
    others = logits.clone()
    others[:, label] = -torch.inf
    return float((logits[:, label] - others.amax(1)).min())


@pytest.mark.parametrize(("classes", "reads"), [(2, False), (3, False), (2, True)])
def test_a_text_is_certain_if_the_worst_choice_is_right(read, classes: int, reads: bool):
    rng, victim = random.Random(classes), student(read, classes, classes, reads)
    outcomes, missed = [], 0
    for _ in range(40):
        text, odd = text_of(rng), rng.random() < 0.6
        pool = KNOWN + ODD if odd else KNOWN
        table = {w: tuple(rng.sample(pool, 2)) for w in KNOWN}
        texts = every(text, table)
        for label in range(classes):
            sure = certified(victim, [text], [label], {"mine": table})
            assert set(sure) == {"any mine"}, "nothing is told of other words"
            right = leads(victim, texts, label) > TOLERANCE
            assert right or not sure["any mine"], (text, table)
            assert reads or sure["any mine"] == right, (text, table)
            outcomes.append(right)
            missed += right and not sure["any mine"]
    assert 10 < sum(outcomes) < len(outcomes) - 10
    assert missed < sum(outcomes) / 2, "of students that read, joins are not told"


def test_weights_that_turn_votes_round_are_counted_as_such(read):
    victim = student(read, 5, 2, False)
    encoded = victim.tokenizer("good film not bad", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        model = victim.model
        vectors = model.token_vectors(encoded)[..., : -model.votes.width]
        weights = model.weights_of(model.states(vectors, torch.ones_like(encoded).bool()))
    assert weights.min() < 0 < weights.max()


def test_pairs_and_texts_that_may_be_cut_or_have_too_many_frames(read, monkeypatch):
    victim = student(read, 1, 2, False)
    table = {"good": ("fine", "not"), "film": ("movie", "blorptastic"), "bad": ("great",)}
    found = set()
    for second in ("the film is bad", "good film, but not bad", "film"):
        for first in ("a good story", "not the plot"):
            texts = [(first, changed) for changed in every(second, table)]
            label = int(victim.probabilities([(first, second)]).argmax())
            right = leads(victim, texts, label) > TOLERANCE
            sure = certified(victim, [(first, second)], [label], {"mine": table})
            assert sure["any mine"] == right
            found.add(right)
    assert found == {True, False}
    same = {"film": ("film",)}  # nothing changes, as far as the text fits
    label = int(victim.probabilities(["film " * 480]).argmax())
    assert certified(victim, ["film " * 480], [label], {"mine": same})["any mine"] == 1
    assert certified(victim, ["film " * 520] * 2, [0, 1], {"mine": same})["any mine"] == 0
    grows = {"film": ("blorptastic",)}
    assert certified(victim, ["film " * 509] * 2, [0, 1], {"mine": grows})["any mine"] == 0
    words = ["good", "film", "film bad"]
    labels = victim.probabilities(words).argmax(1).tolist()
    before = certified(victim, words, labels, {"mine": table})["any mine"]
    monkeypatch.setattr(framed, "MOST_FRAMES", 1)
    assert certified(victim, words, labels, {"mine": table})["any mine"] == 0 < before
    special = {"face": ("mask",)}
    assert certified(victim, ["a [FACE]"] * 2, [0, 1], {"mine": special})["any mine"] == 0


@pytest.mark.parametrize("reads", [False, True])
def test_texts_at_once_and_students_that_share_a_reader_are_told_as_each_alone(read, reads: bool):
    rng, reader = random.Random(7), Reader(READ, PARTS, (), LOOK_ALIKES)
    table = {w: tuple(rng.sample(KNOWN + ODD, 2)) for w in KNOWN}
    texts = [text_of(rng) for _ in range(20)]
    counts = []
    for seed in (1, 2):
        victim = student(read, seed, 2, False)
        victim.answers.encoder.read = reader if reads else None
        labels = victim.probabilities(texts).argmax(1).tolist()
        told = certified(victim, texts, labels, {"mine": table})["any mine"]
        # With a reader that nobody shares, and tables that are new for each text.
        victim.answers.encoder.read = Reader(READ, PARTS, (), LOOK_ALIKES) if reads else None
        pairs = zip(texts, labels, strict=True)
        alone = [certified(victim, [t], [y], {"mine": dict(table)})["any mine"] for t, y in pairs]
        assert told == sum(alone)
        counts.append(told)
    assert min(counts) > 0 and counts[0] != counts[1]
