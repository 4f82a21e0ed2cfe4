"""Training of words that vote: the worst substitutes, how long and how fast."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from made_votes import random_votes

from rosearch.config import DistillConfig, from_dict
from rosearch.distill.batch import Batch
from rosearch.distill.data import TrainData, encode_train
from rosearch.distill.defences import TrainTexts
from rosearch.distill.defences.compose import robust_method
from rosearch.distill.defences.framed import FramedSteps
from rosearch.distill.defences.steps import Composed, Plain
from rosearch.distill.defences.worst_case import WORST_CASE, Options, WorstSubstitution
from rosearch.distill.encode import encoded_texts, material_of
from rosearch.distill.objective import Prediction
from rosearch.distill.train import train_student
from rosearch.encodings.vocabulary import student_tokenizer, tokenizer_settings
from rosearch.encodings.words import WORDS
from rosearch.models.classifier import Classifier
from rosearch.run.prepare import encode_settings
from rosearch.space.genotype import Genotype, Node
from rosearch.space.presets import preset
from rosearch.space.votes import FrameVotes, Votes
from rosearch.student.build import build_student
from rosearch.types import Fidelity

LEXICON = {
    "good": ["fine", "great", "awful"],
    "film": ["movie", "picture"],
    "the": ["bad"],  # a stop word: attacks leave it alone
    "witty": ["clever", "unheardofword"],
}
CELL = Genotype(32, 32, (Node((0,), "conv3", activation="relu"),), pooling="max")
TEXTS = ["the good film", "a witty , good film !", "plain", "goodness of the film"]


@pytest.fixture(scope="module")
def material(bert_tokenizer):
    targets = np.array([[2.0, -2.0], [-1.0, 1.0], [0.0, 0.5], [1.0, 0.0]])
    made = material_of(TEXTS, len(TEXTS), targets, bert_tokenizer, ("mine",))
    return replace(made, lexicon=lambda name: LEXICON)


@pytest.fixture(scope="module")
def train(material, bert_tokenizer):
    """The texts under the encoding of whole words, with the table of the worst case."""
    vocabulary = WORDS.vocabulary(material)
    tokenizer = student_tokenizer(bert_tokenizer, vocabulary)
    texts = TrainTexts(TEXTS, tokenizer, 64, LEXICON, 0)
    table = WORST_CASE.fitted(WORST_CASE.prepare(texts), vocabulary)
    settings = tokenizer_settings(tokenizer)
    embedding = np.zeros((vocabulary.n_rows, 32), dtype=np.float32)
    return encode_train(vocabulary, tokenizer, settings, TEXTS, embedding, 64, [table])


def voting(train, votes: Votes, classes: int = 2):
    """A student with random votes."""
    return random_votes(replace(CELL, coding=WORDS, votes=votes), train.vocabulary, classes)


def batch_of(train, targets: np.ndarray) -> Batch:
    longest = max(map(len, train.texts))
    ids = np.zeros((len(TEXTS), longest), dtype=np.int64)
    for row, own in enumerate(train.texts):
        ids[row, : len(own)] = own
    mask = torch.from_numpy((ids != 0).astype(np.int64))
    targets = torch.from_numpy(targets.astype(np.float32))
    return Batch(torch.from_numpy(ids), mask, targets.argmax(1), targets, np.arange(len(TEXTS)))


def test_words_have_a_token_each(material, train):
    tokens = train.vocabulary.tokens
    assert {"unheardofword", "witty", "good"} <= set(tokens)
    ids = [tokens.index(w) for w in ("good", "fine", "great", "unheardofword")]
    assert len({train.vocabulary.rows[i] for i in ids}) == 4, "each has a row of its own"
    assert train.tokenizer()("unheardofword")["input_ids"][1:-1] == ids[-1:]


@pytest.mark.parametrize("votes", [Votes(0.5, 0.0, 1.0), FrameVotes(0.5, 1.0, 1.0, 1.5)])
@pytest.mark.parametrize("seed", range(3))
def test_two_classes_get_the_worst_of_all_texts(train, seed: int, votes: Votes):
    """Brute force: every choice of substitutes for every word."""
    model = voting(train, votes)
    with torch.no_grad():
        torch.manual_seed(seed)
        model.votes.table.weight.normal_()
        if votes.framed:
            model.weigh.weight.normal_()  # some words count the other way round
    targets = np.random.default_rng(seed).normal(size=(len(TEXTS), 2))
    batch = batch_of(train, targets)
    noise = WORST_CASE.noise(DistillConfig(), train, model)
    assert isinstance(noise, WorstSubstitution)
    found = noise(model, batch, None)
    tokens, tokenizer = train.vocabulary.tokens, train.tokenizer()
    own = {w: [w, *(o for o in others if o in tokens)] for w, others in LEXICON.items()
           if w != "the"}  # fmt: skip
    with torch.inference_mode():
        logits = model(input_ids=found.ids, attention_mask=found.mask).logits.numpy()
        for row, text in enumerate(TEXTS):
            label = int(targets[row].argmax())
            texts = [" ".join(words) for words in product(*(own.get(w, [w]) for w in text.split()))]
            asked = tokenizer(texts, return_tensors="pt", padding=True)
            every = model(**asked).logits.numpy()
            margins = every[:, label] - every[:, 1 - label]
            got = logits[row, label] - logits[row, 1 - label]
            assert got == pytest.approx(margins.min(), abs=1e-5)


def test_more_classes_go_against_the_next_one(train):
    model = voting(train, Votes(0.5, 0.0, 1.0), classes=4)
    targets = np.random.default_rng(1).normal(size=(len(TEXTS), 4))
    batch = batch_of(train, targets)
    noise = WORST_CASE.noise(DistillConfig(), train, model)
    found = noise(model, batch, None)
    assert not torch.equal(found.ids, batch.ids) and torch.equal(found.targets, batch.targets)
    with torch.inference_mode():
        before = model(input_ids=batch.ids, attention_mask=batch.mask).logits
        after = model(input_ids=found.ids, attention_mask=found.mask).logits
    label = batch.targets.argmax(1)
    rival = before.scatter(1, label[:, None], -torch.inf).argmax(1)
    rows = torch.arange(len(TEXTS))
    assert ((before - after)[rows, label] >= (before - after)[rows, rival] - 1e-6).all()


def test_one_pass_of_the_cell_serves_a_text_and_its_substitutes(train):
    """Gradients are those of two passes, where substitutes leave the frame as it is."""
    model = voting(train, FrameVotes(0.5, 1.0, 1.0, 1.5))
    with torch.no_grad():
        model.weigh.weight.normal_()
    config = DistillConfig(precision="float32")
    method = robust_method(config, train, model)
    assert isinstance(method, FramedSteps)
    batch, objective = batch_of(train, np.eye(2)[[0, 1, 0, 1]]), Prediction(config)
    slopes = []
    for one in (method, Composed((method.noise,), Plain(), method.clean_weight)):
        model.zero_grad()
        loss = one.backward(model, batch, objective)
        slopes.append([loss, *(p.grad for p in model.parameters())])
    for once, twice in zip(*slopes, strict=True):
        assert torch.allclose(once, twice, atol=1e-6) and once.abs().max() > 0
    other = robust_method(replace(config, adversarial="fgsm"), train, model)
    assert isinstance(other, Composed), "it steps otherwise"


def test_the_share_is_a_gene_and_pieces_stay(train):
    config = DistillConfig(substitution=0.0)
    assert WORST_CASE.noise(config, train, voting(train, Votes(0.5, 0.0, 0.0))) is None
    bare = build_student(replace(CELL, coding=WORDS), train.vocabulary, ("a", "b"), seed=0)
    assert WORST_CASE.noise(config, train, bare) is None
    model = voting(train, Votes(share=0.5))
    method = robust_method(config, train, model)
    assert isinstance(method, Composed) and method.clean_weight == 0.3
    assert len(robust_method(DistillConfig(), train, model).noises) == 1, "words change once"
    weighed = robust_method(replace(config, clean_weight=0.7), train, model)
    assert weighed.clean_weight == 0.7
    batch = batch_of(train, np.eye(2)[[0, 1, 0, 1]])
    changed = [method.noises[0](model, batch, None).ids != batch.ids for _ in range(200)]
    rate = torch.stack(changed).float().mean(0)
    words = np.isin(np.array(train.vocabulary.tokens)[batch.ids.numpy()], ["good", "film", "witty"])
    assert rate[~torch.from_numpy(words)].max() == 0
    assert ((rate == 0) | ((rate > 0.3) & (rate < 0.7))).all() and (rate > 0).any()


@pytest.mark.parametrize(("defences", "worst"), [([], False), (["votes"], True)])
def test_substitutes_are_prepared_where_words_may_vote(material, defences: list[str], worst: bool):
    table = np.random.default_rng(0).normal(size=(len(material.tokenizer), 32))
    settings = encode_settings(from_dict({"space": {"defences": defences}}))
    made = encoded_texts(settings, [WORDS], TEXTS, material, table)
    assert all((t.table(Options) is not None) == worst for t in made.values())


def test_training_knows_lexicons_besides_those_of_encodings(material):
    table = np.random.default_rng(0).normal(size=(len(material.tokenizer), 32))
    further = {"wordnet": {"good": ["fine"]}, "relatives": {"good": ["plain"], "film": ["text"]}}
    more = replace(material, lexicon=further.__getitem__, lexicons=("wordnet", "relatives"))

    def counts(lexicons: list[str]) -> dict[str, int]:
        config = from_dict(
            {"space": {"defences": ["votes"]}, "distill": {"lexicons": lexicons, "substitution": 0}}
        )
        made = encoded_texts(encode_settings(config), [WORDS], TEXTS, more, table)[WORDS.key]
        found, tokens = made.table(Options), made.vocabulary.tokens
        return {tokens[i]: int(n) for i, n in enumerate(found.count) if n}

    assert counts([]) == {"good": 1}
    assert counts(["relatives"]) == {"good": 2, "film": 1}


def test_votes_learn_within_a_search(mr, mr_train):
    """One epoch of the search is several of a student that is nothing but votes."""
    targets = np.where(np.arange(2) == np.array(mr.train.labels[:2000])[:, None], 2.0, -2.0)
    data = TrainData({"plain": mr_train}, mr.train.labels[:2000], targets, mr.label_names, 10**7)
    g = replace(preset("votes"), coding=CELL.coding)
    model = train_student(g, data, DistillConfig(), Fidelity(1, 1.0, 0, ()), 0)
    texts, labels = mr.validation.texts[:400], mr.validation.labels[:400]
    victim = Classifier.of(model, mr_train.tokenizer())
    assert victim.correct(texts, labels).mean() > 0.65


def test_phrases_are_for_votes_alone(mr, mr_train):
    """Cells of whole texts would take three times as long for them."""
    targets = np.where(np.arange(2) == np.array(mr.train.labels[:2000])[:, None], 2.0, -2.0)
    data = TrainData({"plain": mr_train}, mr.train.labels[:2000], targets, mr.label_names, 10**7)
    some = replace(data, whole=640)

    def steps(g, given) -> int:
        totals: list[int] = []
        fidelity = Fidelity(1, 1.0, 0, (), portion=0.2)
        config, told = DistillConfig(), lambda _, total, __: totals.append(total)
        train_student(g, given, config, fidelity, 0, on_batch=told)
        return totals[0]

    votes = replace(preset("votes"), coding=CELL.coding)
    assert steps(votes, data) == steps(votes, some) == round(0.2 * 8 * 16)
    assert (steps(CELL, data), steps(CELL, some)) == (round(0.2 * 63), round(0.2 * 20))
