"""Attacks that know the defence: edits that a reader does not undo, the worst case of votes."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
import torch

from rosearch.attacks.attack import Attack
from rosearch.attacks.engine import attacked
from rosearch.attacks.goals import Goal
from rosearch.attacks.lexicon import table_lexicon
from rosearch.attacks.methods import families_of, load_attacks
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.search.worst import WorstSwap
from rosearch.attacks.sources import WordSource
from rosearch.attacks.sources.unread import UnreadSource
from rosearch.encodings.reader import Reader
from rosearch.models.classifier import Classifier
from rosearch.tasks.words import segment

WORDS = [f"word{c}" for c in "abcdefgh"]
TABLE = {word: tuple(w for w in WORDS if w != word)[:3] for word in WORDS}


class Votes:
    """A victim whose logits are a sum over words; unknown ones say nothing."""

    def __init__(self, seed: int, classes: int, scale: float = 1.0) -> None:
        rng = np.random.default_rng(seed)
        self.votes = {word: scale * rng.normal(size=classes) for word in WORDS}
        self.bias = scale * rng.normal(size=classes)

    def logits(self, words) -> np.ndarray:
        return self.bias + sum((self.votes[w] for w in words if w in self.votes), self.bias * 0)

    def probabilities(self, texts) -> np.ndarray:
        logits = np.array([self.logits(t.words) for t in texts])
        odds = np.exp(logits - logits.max(1, keepdims=True))
        return (odds / odds.sum(1, keepdims=True)).astype(np.float32)


def fewest_changes(victim: Votes, words: tuple[str, ...], label: int) -> int | None:
    """How many words have to change before the label does, by trying everything."""
    for n in range(1, len(words) + 1):
        for positions in combinations(range(len(words)), n):
            for chosen in product(*(TABLE[words[i]] for i in positions)):
                new = list(words)
                for i, word in zip(positions, chosen, strict=True):
                    new[i] = word
                if int(victim.logits(new).argmax()) != label:
                    return n
    return None


@pytest.mark.parametrize("scale", [1.0, 20.0], ids=["calibrated", "sharp"])
def test_of_votes_it_finds_the_fewest_words_however_sure_they_are(scale: float):
    attack = Attack("t", WordSource(table_lexicon(TABLE)), WorstSwap())
    rng = np.random.default_rng(1)
    found = Counter()
    for seed in range(12):
        victim = Votes(seed, 2, scale)
        words = tuple(rng.choice(WORDS, 5))
        label = int(victim.logits(words).argmax())
        (result,) = attacked(attack, victim, [" ".join(words)], [label])
        expected = fewest_changes(victim, words, label)
        assert (len(result.changed) if result.status == "flipped" else None) == expected
        found[expected is None] += 1
    assert len(found) == 2, "some have to fall and some to survive"


def test_of_three_classes_it_finds_no_less_than_greedy_and_reaches_targets():
    source = WordSource(table_lexicon(TABLE))
    rng = np.random.default_rng(2)
    texts = [" ".join(rng.choice(WORDS, 6)) for _ in range(40)]
    victim = Votes(3, 3)
    labels = [int(victim.logits(text.split()).argmax()) for text in texts]
    left = {}
    for name, method in (("worst", WorstSwap()), ("greedy", Greedy())):
        results = attacked(Attack("t", source, method), victim, texts, labels)
        left[name] = sum(r.status == "survived" for r in results)
    assert left["worst"] <= left["greedy"]
    aimed = Attack("t", source, WorstSwap(), goal=Goal(2))
    for r in attacked(aimed, victim, texts, labels):
        assert r.status != "flipped" or int(victim.logits(r.perturbed.split()).argmax()) == 2
    limited = replace(aimed, max_queries=9)
    assert all(r.queries <= 9 for r in attacked(limited, victim, texts, labels))


@pytest.fixture(scope="module")
def reading_victim(students, mr_train, mr) -> Classifier:
    """A student with a reader that knows the words of the train split."""
    counts = Counter(w.lower() for t in mr.train.texts[:2000] for w in segment(t).words)
    known = {w: math.log(n / counts.total()) for w, n in counts.items() if w.isalpha()}
    return Classifier.of(students[0], mr_train.tokenizer(Reader(known, {}, (), {})))


def test_edits_that_a_reader_undoes_are_not_tried(reading_victim, real_texts, resources_of):
    texts, labels = (found[:12] for found in real_texts)
    resources = resources_of("worst-edit", texts)
    (attack,) = load_attacks("worst-edit", resources)
    assert isinstance(attack, Attack) and isinstance(attack.source, UnreadSource)
    blind = replace(attack, source=WordSource(attack.source.lexicon))
    knowing = attacked(attack, reading_victim, texts, labels)
    for a, b in zip(knowing, attacked(blind, reading_victim, texts, labels), strict=True):
        assert (a.status, a.perturbed, a.path) == (b.status, b.perturbed, b.path)
        assert a.queries <= b.queries
    assert sum(r.queries for r in knowing) < 0.8 * sum(
        r.queries for r in attacked(blind, reading_victim, texts, labels)
    )
    plain = attacked(load_attacks("characters", resources_of("characters", texts))[0],
                     reading_victim, texts, labels)  # fmt: skip
    flipped = [sum(r.status == "flipped" for r in results) for results in (knowing, plain)]
    assert flipped[0] > flipped[1]


@pytest.mark.parametrize("name", ["splits", "worst-edit"])
def test_a_reader_is_asked_with_the_whole_text(name, reading_victim, real_texts, resources_of):
    texts, labels = (found[:8] for found in real_texts)
    (attack,) = load_attacks(name, resources_of(name, texts), max_queries=150)
    network = reading_victim.network

    def plain(asked: list[str]) -> np.ndarray:
        rows = [
            network.model(**network.tokenizer(text, return_tensors="pt")).logits.softmax(-1)
            for text in asked
        ]
        return torch.cat(rows).detach().numpy()

    for r in attacked(attack, reading_victim, texts, labels):
        before, after = plain([r.original, r.perturbed])
        assert r.before == pytest.approx(before, abs=1e-4)
        assert r.after == pytest.approx(after, abs=1e-4)


def test_who_knows_the_frame_misspells_function_words_only(resources_of):
    resources = resources_of("worst-frame", ["not a good film"])
    (attack,) = load_attacks("worst-frame", resources)
    assert isinstance(attack, Attack) and isinstance(attack.source, UnreadSource)
    assert attack.positions(segment("not a good film")) == [0, 2, 3]
    edits, words = map(attack.source.lexicon, ("not", "good"))
    assert {"nto", "noot"} & set(edits) and len(edits) > 10
    assert "full" in words and not {"godo", "gooood"} & set(words)


def test_a_function_reads_texts_as_they_are():
    victim = Classifier.function(
        lambda texts: [[0.1, 0.9] if "good" in t else [1, 0] for t in texts]
    )
    source = UnreadSource(table_lexicon({"good": ("fine", "good", "fine")}))
    (result,) = attacked(Attack("t", source, Greedy()), victim, ["A good film"], [1])
    assert (result.perturbed, result.queries) == ("A fine film", 3)


def test_adaptive_attacks_are_known_to_everyone():
    assert families_of("worst-edit") >= {"inner-letters", "first-letter", "two-edits", "phonetic"}
    assert families_of("worst-vote") == {"wordnet", "roget", "webster", "encoder"}
