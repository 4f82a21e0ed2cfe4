"""Pairs of texts under attack: the second one changes, and models read pairs as they always do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_attack import ALIKE
from transformers import AutoModelForSequenceClassification

from rosearch.attacks.attack import Attack
from rosearch.attacks.engine import attacked
from rosearch.attacks.lexicon import table_lexicon, vocabulary_of
from rosearch.attacks.methods import ATTACKS, load_attacks
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.sources import WordSource
from rosearch.io import resources
from rosearch.models.batches import model_inputs, tokenized
from rosearch.models.classifier import Classifier
from rosearch.models.pieces import PieceEncoder, longest_first
from rosearch.tasks.words import segment

READY = [
    name
    for name, recipe in ATTACKS.items()
    if recipe.lexicons and not recipe.models and name not in ALIKE
]
ODD = [
    ("", ""), ("a", ""), ("", "?!"), ("😀 😀", "שלום עולם"), ("x\u200by", "\x00z $5"),
    ("word " * 700, "short one"), ("short one", "word " * 700), ("a b " * 300, "c d e " * 300),
    ("say [SEP] twice", "[CLS] x"), ("tab\tnew\nline", "  Isn't it?  "),
]  # fmt: skip


def test_a_pair_is_segmented_in_its_second_text():
    pair = ("A man sleeps.", "A dull man naps!")
    words = segment(pair)
    assert (words.text, words.first, words.example) == (pair[1], pair[0], pair)
    assert words.words == ("A", "dull", "man", "naps")
    changed = words.replaced(1, "slow").deleted(0)
    assert changed.example == ("A man sleeps.", "slow man naps!")
    assert segment("one text").example == "one text"
    assert vocabulary_of([pair]) == {"a", "dull", "man", "naps"}


def test_a_function_gets_pairs_and_only_the_second_text_changes():
    asked: list[tuple[str, str]] = []

    def predict(pairs: list[tuple[str, str]]) -> list[list[float]]:
        asked.extend(pairs)
        return [[0.1, 0.9] if "good" in b else [0.8, 0.2] for _, b in pairs]

    source = WordSource(table_lexicon({"good": ("fine",)}))
    attack = Attack("t", source, Greedy())
    victim = Classifier.function(predict)
    result = attacked(attack, victim, [("good start", "A good end.")], [1])[0]
    assert (result.status, result.first) == ("flipped", "good start")
    assert (result.original, result.perturbed) == ("A good end.", "A fine end.")
    assert len(asked) == result.queries == 3
    assert {first for first, _ in asked} == {"good start"}
    single = attacked(
        attack, Classifier.function(lambda texts: [[0, "x" in t] for t in texts]), ["x"], [1]
    )
    assert (single[0].original, single[0].first) == ("x", None)


@pytest.fixture(scope="module")
def minilm():
    """The real MiniLM with a random head: its token types matter."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_pretrained(resources.fetch("minilm"))
        torch.nn.init.normal_(model.classifier.weight, std=1.0)
    return model.eval()


def plain(model, tokenizer, pair: tuple[str, str]) -> np.ndarray:
    """Probabilities (C,) as any user of transformers computes them."""
    # as lists: a single call would take an empty second text for none
    inputs = tokenizer([pair[0]], [pair[1]], truncation=True, max_length=512, return_tensors="pt")
    with torch.inference_mode():
        return model(**inputs).logits.softmax(-1)[0].numpy()


def test_a_bert_reads_pairs_as_in_plain_transformers(minilm, bert_tokenizer, mr):
    pairs = [*ODD, *zip(mr.validation.texts[:20], mr.validation.texts[20:40], strict=True)]
    found = Classifier.of(minilm, bert_tokenizer).probabilities([segment(p) for p in pairs])
    expected = np.stack([plain(minilm, bert_tokenizer, p) for p in pairs])
    assert found == pytest.approx(expected, abs=2e-5)
    with torch.inference_mode():
        encoded = tokenized(bert_tokenizer, pairs[-20:], 512)
        untyped = minilm(**model_inputs(encoded, 0)).logits.softmax(-1).numpy()
    assert abs(untyped - expected[-20:]).max() > 0.01, "the test would not see missing token types"


def test_equal_tokens_split_elsewhere_are_different_queries(minilm, bert_tokenizer):
    pairs = [("x [SEP] y", "z"), ("x", "y [SEP] z")]
    victim = Classifier.of(minilm, bert_tokenizer)
    found = victim.probabilities([segment(p) for p in pairs])
    one, two = (victim.network.encoder.encode(segment(p)) for p in pairs)
    assert one.ids == two.ids and one.types != two.types
    assert found == pytest.approx(
        np.stack([plain(minilm, bert_tokenizer, p) for p in pairs]), abs=1e-5
    )
    assert abs(found[0] - found[1]).max() > 1e-3


@pytest.fixture(scope="module")
def encoders(bert_tokenizer):
    """For models with and without token types."""
    return PieceEncoder(bert_tokenizer, types=True), PieceEncoder(bert_tokenizer)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.integers(4, 30))
def test_pairs_are_encoded_as_by_the_tokenizer(
    encoders, bert_tokenizer, first: str, second: str, room: int
):
    typed, untyped = encoders
    typed.max_length = untyped.max_length = room
    expected = bert_tokenizer([first], [second], truncation=True, max_length=room)
    found = typed.encode(segment((first, second)))
    assert found.ids == expected["input_ids"][0]
    assert (found.types or [0] * len(found.ids)) == expected["token_type_ids"][0]
    assert untyped.encode(segment((first, second))) == (found.ids, None)


@pytest.mark.parametrize(
    ("lengths", "room", "left"),
    [((3, 4), 7, (3, 4)), ((3, 9), 8, (3, 5)), ((9, 3), 8, (5, 3)), ((9, 8), 7, (4, 3)),
     ((8, 9), 7, (3, 4)), ((9, 9), 7, (3, 4)), ((0, 9), 4, (0, 4)), ((9, 9), 0, (0, 0))],
)  # fmt: skip
def test_the_longer_text_is_cut_first(lengths, room: int, left):
    assert longest_first(*lengths, room) == left


def test_other_tokenizers_frame_pairs_in_their_own_way():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocab = {"<s>": 0, "</s>": 1, "<unk>": 2, "word": 3, "more": 4}
    backend = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="</s>")
    found = PieceEncoder(tokenizer, types=True).encode(segment(("more more", "word x")))
    assert found.ids == tokenizer("more more", "word x")["input_ids"] == [0, 4, 4, 1, 1, 3, 2, 1]
    assert found.types is None  # RoBERTa's are all 0


@pytest.fixture(scope="module")
def real_pairs(mr):
    texts = mr.validation.texts
    return list(zip(texts[50:70], texts[:20], strict=True)), mr.validation.labels[:20]


@pytest.mark.parametrize("name", READY)
def test_batched_equals_one_by_one_on_pairs(name, students, mr_train, real_pairs, resources_of):
    pairs, labels = real_pairs
    (attack,) = load_attacks(name, resources_of(name, pairs))
    victim = Classifier.of(students[0], mr_train.tokenizer())
    together = attacked(attack, victim, pairs, labels)
    alone = attacked(attack, victim, pairs, labels, window=1)
    for a, b, (first, second) in zip(together, alone, pairs, strict=True):
        assert (a.status, a.perturbed, a.queries) == (b.status, b.perturbed, b.queries)
        assert (a.first, a.original) == (first, second)
    flipped = [r for r in together if r.status == "flipped"]
    assert flipped
    for r in flipped:
        ids = mr_train.tokenizer()(r.first, r.perturbed, truncation=True, return_tensors="pt")
        assert int(students[0](**ids).logits.argmax()) != r.label
