"""Search methods: budgets, expensive constraints, targeted goals, references they must equal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rosearch.attacks.attack import Attack
from rosearch.attacks.constraints import MaxChanged, Verdict
from rosearch.attacks.engine import attacked
from rosearch.attacks.goals import Goal
from rosearch.attacks.lexicon import table_lexicon
from rosearch.attacks.methods import load_attacks, resources_for
from rosearch.attacks.search.beam import Beam
from rosearch.attacks.search.genetic import Genetic
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.search.order import by_deletion, by_unknown, importance
from rosearch.attacks.search.random_walk import RandomWalk
from rosearch.attacks.seeding import generator_of
from rosearch.attacks.sources import WordSource
from rosearch.attacks.steps import Request
from rosearch.distill.data import TrainData, encode_train
from rosearch.distill.train import train_student
from rosearch.encodings.vocabulary import plain_vocabulary, student_tokenizer, tokenizer_settings
from rosearch.errors import UserError
from rosearch.models.classifier import Classifier
from rosearch.space.genotype import Genotype, Node
from rosearch.tasks import load_task
from rosearch.tasks.words import Words, segment


def at_random(attack, meter, text, positions, before, label):
    """A random order that depends on the text alone; asks nothing."""
    return generator_of(text).random(len(positions))
    yield


METHODS = {
    "greedy": Greedy(),
    "greedy, unknown words": Greedy(by_unknown),
    "greedy, random order": Greedy(at_random),
    "random": RandomWalk(),
    "beam": Beam(3),
    "genetic": Genetic(size=12, generations=6),
}
SEARCHES = {name: method for name, method in METHODS.items() if name != "random"}
# Each class is driven by words of its own.
WEIGHTS = {
    "goal": (2.0, 0.0, 0.0), "match": (1.5, 0.0, 0.0),
    "vote": (0.0, 2.0, 0.0), "law": (0.0, 1.0, 0.2),
    "stock": (0.0, 0.0, 1.8), "price": (0.0, 0.2, 1.0), "share": (0.3, 0.0, 0.8),
}  # fmt: skip
LEXICON = {
    "goal": ("vote", "stock", "share"),
    "match": ("law", "price"),
    "team": ("price", "law"),
}
TEXT = "Goal! A match of the team."


class Topics:
    """A victim of three classes whose arithmetic is known: logits are sums over words."""

    def __init__(self, weights=WEIGHTS) -> None:
        self.weights = weights
        self.asked: list[Words] = []

    def probabilities(self, texts) -> np.ndarray:
        self.asked += texts
        logits = np.array(
            [np.sum([self.weights.get(w.lower(), (0, 0, 0)) for w in t.words], 0) for t in texts]
        )
        exp = np.exp(logits - logits.max(1, keepdims=True))
        return (exp / exp.sum(1, keepdims=True)).astype(np.float32)


def attack_with(method, lexicon=LEXICON, **parts) -> Attack:
    return Attack("t", WordSource(table_lexicon(lexicon)), method, **parts)


@pytest.mark.parametrize("target", [1, 2])
@pytest.mark.parametrize("method", SEARCHES.values(), ids=SEARCHES)
def test_a_targeted_goal_ends_in_the_target(method, target: int):
    attack = attack_with(method, goal=Goal(target))
    result = attacked(attack, Topics(), [TEXT], [0])[0]
    assert result.status == "flipped"
    again = Topics().probabilities([segment(result.perturbed)])
    assert again.argmax() == target
    assert result.after[target] == pytest.approx(float(again[0, target]), abs=1e-6)


def test_chance_reaches_a_target_that_is_near():
    result = attacked(attack_with(RandomWalk(), goal=Goal(2)), Topics(), [TEXT], [0])[0]
    assert result.status == "flipped" and np.argmax(result.after) == 2
    near = {"goal": ("vote",)}
    result = attacked(attack_with(RandomWalk(), near, goal=Goal(1)), Topics(), ["A goal"], [0])
    assert result[0].perturbed == "A vote"


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_targeted_goal_leaves_texts_of_the_target_alone(method):
    attack = attack_with(method, goal=Goal(0))
    assert attacked(attack, Topics(), [TEXT], [0])[0].status == "skipped"


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_target_that_is_no_class_is_refused(method):
    attack = attack_with(method, goal=Goal(3))
    with pytest.raises(UserError, match="target 3: the victim has 3 classes, 0 to 2"):
        attacked(attack, Topics(), [TEXT], [0])


def test_targeted_importance_is_the_rise_of_the_target():
    before = np.array([0.7, 0.2, 0.1])
    without = np.array([[0.1, 0.8, 0.1], [0.6, 0.1, 0.3]])
    assert importance(before, without, 0, Goal(2)) == pytest.approx([0.0, 0.2])
    assert importance(before, without, 0)[0] == pytest.approx(0.6 + 0.6)


def test_the_order_follows_the_target():
    """Deleting `vote` raises class 2, deleting `goal` class 1: each is first for its target."""
    weights = {"goal": (3.0, 0.0, 2.5), "vote": (1.0, 2.5, 0.0), "team": (0.5, 0.0, 0.0)}
    attack = attack_with(Greedy(by_deletion), dict.fromkeys(weights, ("x",)))
    for target, first in ((1, 0), (2, 1)):
        result = attacked(
            attack.limited("t", Goal(target), 5), Topics(weights), ["goal vote team"], [0]
        )[0]
        assert result.path[:1] == (first,)


@pytest.fixture(scope="module")
def news(bert_tokenizer):
    """A tiny student of five topics, trained on the openings of real news articles."""
    task = load_task("bbc_news")
    openings = [" ".join(text.split()[:40]) for text in task.train.texts[:800]]
    labels = task.train.labels[:800]
    vocabulary = plain_vocabulary(bert_tokenizer)
    tokenizer = student_tokenizer(bert_tokenizer, vocabulary)
    embedding = np.random.default_rng(0).normal(size=(vocabulary.n_rows, 16)).astype(np.float32)
    train = encode_train(
        vocabulary, tokenizer, tokenizer_settings(tokenizer), openings, embedding, 64
    )
    return task, train, openings, labels


@pytest.fixture(scope="module")
def news_victim(news):
    from rosearch.config import DistillConfig
    from rosearch.types import Fidelity

    task, train, _, labels = news
    targets = np.where(np.arange(task.classes) == np.array(labels)[:, None], 2.0, -2.0)
    g = Genotype(16, 32, (Node((0,), "conv3", activation="relu"),), pooling="mean")
    data = TrainData({"plain": train}, labels, targets, task.label_names, 1)
    config, fidelity = DistillConfig(learning_rate=2e-2), Fidelity(4, 1.0, 0, ())
    model = train_student(g, data, config, fidelity, 0)
    return Classifier.of(model, train.tokenizer())


@pytest.mark.parametrize("name", ["wordnet", "beam", "genetic", "deepwordbug", "pgd"])
def test_targets_of_a_real_task_are_reached(name, news, news_victim):
    _, _, texts, labels = news
    texts, labels = texts[:12], labels[:12]
    resources = resources_for([name], texts)
    flips = 0
    for target in (0, 3):
        (attack,) = load_attacks(name, resources, Goal(target), max_queries=400)
        if name == "pgd":
            attack = replace(attack, ball=replace(attack.ball, radius=1.0, step=0.25))
        for r in attacked(attack, news_victim, texts, labels):
            assert (r.label == target) <= (r.status == "skipped")
            if r.status == "flipped":
                flips += 1
                assert np.argmax(r.after) == target
            if r.status == "flipped" and name != "pgd":
                ids = news_victim.network.encoder.backend.encode(r.perturbed).ids
                logits = news_victim.model(input_ids=torch.tensor([ids])).logits
                assert int(logits.argmax()) == target
            elif r.status == "survived":
                # the most damaging text: never farther from the target than the original
                assert r.after[target] >= r.before[target] - 1e-4
    assert flips


class Refusing:
    """A expensive constraint that refuses some words, and asks a model to know them."""

    expensive = True

    def judge(self, original, current, options, position):
        words = [o.words[position].lower() for o in options]
        fair = yield Request(words, refuses)
        return Verdict(np.array(fair), np.zeros(len(options)))


def refuses(words) -> list[bool]:
    return [word not in ("vote", "law") for word in words]


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_dear_constraints_hold(method):
    attack = attack_with(method, constraints=(Refusing(),))
    result = attacked(attack, Topics(), [TEXT], [0])[0]
    assert result.status == "flipped"
    assert not {"vote", "law"} & {w.lower() for w in segment(result.perturbed).words}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_no_more_words_change_than_may(method):
    weights = {**WEIGHTS, "ever": (9.0, 0.0, 0.0)}  # a word without options: nothing flips
    attack = attack_with(method, max_changed=MaxChanged(words=2))
    result = attacked(attack, Topics(weights), [f"forever ever {TEXT}"], [0])[0]
    assert result.status == "survived"
    assert len(result.changed) == len(result.path) == 2
    assert result.after[0] < result.before[0]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 80), st.sampled_from(sorted(METHODS)))
def test_budgets_are_never_exceeded(budget: int, name: str):
    victim = Topics({**WEIGHTS, "ever": (9.0, 0.0, 0.0)})
    attack = attack_with(METHODS[name], max_queries=budget)
    result = attacked(attack, victim, [f"ever {TEXT}"], [0])[0]
    assert result.queries == len(victim.asked) <= budget
    free = attacked(attack.limited("t", Goal(), None), victim, [f"ever {TEXT}"], [0])[0]
    assert result.exhausted == (free.queries > budget)


VOCABULARY = ["aa", "bb", "cc", "dd", "ee", "ff"]
POLARITIES = st.lists(st.floats(-2, 2).map(lambda x: round(x, 2)), min_size=6, max_size=6)
TABLES = st.dictionaries(
    st.sampled_from(VOCABULARY),
    st.lists(st.sampled_from(VOCABULARY), max_size=3, unique=True).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(POLARITIES, TABLES, st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=5))
def test_a_beam_of_width_one_is_greedy_best_improvement(polarities, table, words):
    weights = {w: (p, 0.0, 0.0) for w, p in zip(VOCABULARY, polarities, strict=True)}
    victim, text = Topics(weights), segment(" ".join(words))
    label = int(victim.probabilities([text])[0].argmax())
    result = attacked(attack_with(Beam(1), table), victim, [text.text], [label])[0]
    assert result.perturbed == best_improvement(victim, text, label, table).text


def best_improvement(victim: Topics, text: Words, label: int, table) -> Words:
    """The reference: all swaps of unchanged words are tried, the best is taken, and so on."""
    current, changed = text, set()
    while True:
        options = [
            (current.with_word(i, new), i)
            for i, word in enumerate(current.words)
            if i not in changed
            for new in table.get(word, ())
        ]
        asked = victim.probabilities([current, *(o for o, _ in options)])
        if asked[0].argmax() != label or not options:
            return current
        order = [
            (row.argmax() == label, round(float(row[label]), 6), k)
            for k, row in enumerate(asked[1:])
        ]
        holds, probability, best = min(order)
        if holds and probability >= round(float(asked[0, label]), 6) - 1e-6:
            return current
        current, i = options[best]
        changed.add(i)


def test_a_wider_beam_finds_what_the_best_first_step_hides():
    """`bb` is the better first swap, but only `cc` and `ee` together flip: a pair, not a sum."""

    class Pairs:
        def probabilities(self, texts) -> np.ndarray:
            score = []
            for t in texts:
                words = set(t.words)
                good = 0.9 - 0.2 * ("bb" in words) - 0.1 * ("cc" in words)
                score.append(0.1 if {"cc", "ee"} <= words else good)
            return np.stack([1 - np.array(score), np.array(score)], 1).astype(np.float32)

    lexicon = {"aa": ("bb", "cc"), "dd": ("ee",)}
    narrow, wide = (
        attacked(attack_with(Beam(width), lexicon), Pairs(), ["aa dd"], [1])[0] for width in (1, 2)
    )
    assert (narrow.status, wide.status) == ("survived", "flipped")
    assert wide.perturbed == "cc ee"


def test_chance_asks_no_more_than_greed_could():
    victim = Topics({**WEIGHTS, "ever": (9.0, 0.0, 0.0)})
    result = attacked(attack_with(RandomWalk()), victim, [f"ever {TEXT}"], [0])[0]
    positions, options = 3, 3 + 2 + 2
    assert result.queries == 1 + positions + options
    again = attacked(attack_with(RandomWalk()), victim, [f"ever {TEXT}"], [0])[0]
    assert again == result


def test_genetic_search_gets_where_single_steps_do_not():
    """Only all three words changed flip the label; each change alone helps a little."""
    weights = {**WEIGHTS, "ever": (0.5, 0.0, 0.0)}
    result = attacked(attack_with(Genetic()), Topics(weights), [f"ever {TEXT}"], [0])[0]
    assert result.status == "flipped"
    assert result.queries < 60 * 8 * 21
