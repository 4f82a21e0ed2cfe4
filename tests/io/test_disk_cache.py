"""An attack's memory does not grow with the number of texts; what is left out changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from rosearch.attacks.attack import Attack
from rosearch.attacks.engine import iterate_attack
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.sources import WordSource
from rosearch.attacks.sources.characters import character_edits
from rosearch.models import answers, pieces
from rosearch.models.classifier import Classifier
from rosearch.models.first_token import first_token_only
from rosearch.tasks.words import Words, segment


@pytest.mark.parametrize("window", [1, 7, 64])
def test_at_most_a_window_of_texts_is_under_attack(window: int):
    read, most, asked = 0, 0, []

    def endless() -> Iterator[tuple[str, int]]:
        nonlocal read
        for i in range(1000):
            read += 1
            yield f"sentence number{'o' * (i % 9)} matters", i % 2

    def predict(texts: list[str]) -> np.ndarray:
        asked.append(len(texts))
        score = np.array([(sum(map(ord, t)) % 97) / 97 for t in texts])
        return np.stack([score, 1 - score], axis=1)

    attack = Attack("t", WordSource(character_edits()), Greedy())
    done = 0
    for _ in iterate_attack(attack, Classifier.function(predict), endless(), window):
        most = max(most, read - done)
        done += 1
    assert done == read == 1000
    assert most <= window
    assert max(asked) <= window * 6  # a text asks for at most six edits of a word at a time


@pytest.fixture(scope="module")
def bert(bert_tokenizer) -> BertForSequenceClassification:
    """Three small layers of random weights."""
    config = BertConfig(
        vocab_size=len(bert_tokenizer), hidden_size=32, num_hidden_layers=3,
        num_attention_heads=2, intermediate_size=64, num_labels=3, initializer_range=0.5,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BertForSequenceClassification(config).eval()


def test_what_a_victim_remembers_is_bounded(bert, bert_tokenizer, mr, monkeypatch):
    texts = [segment(t) for t in mr.validation.texts[:120]]
    free = Classifier.of(bert, bert_tokenizer)
    expected = free.probabilities(texts)
    assert len(free.network.known) == len(set(texts)) and len(free.network.encoder.pieces) > 300
    monkeypatch.setattr(answers, "CACHE_ENTRIES", 20)
    monkeypatch.setattr(pieces, "PIECE_ENTRIES", 50)
    tight = Classifier.of(bert, bert_tokenizer)
    longest = max(len(set(t.words) | set(t.gaps)) for t in texts)
    for start in range(0, 120, 10):
        share = slice(start, start + 10)
        assert tight.probabilities(texts[share]) == pytest.approx(expected[share], abs=1e-5)
        assert len(tight.network.known) <= 20 + 10
        assert len(tight.network.encoder.pieces) <= 50 + longest


def test_the_first_token_of_the_last_layer_is_enough(bert):
    ids = torch.randint(5, 1000, (6, 11), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(11)[None] < torch.tensor([11, 9, 5, 2, 11, 1])[:, None]).long()
    inputs = {"input_ids": ids * mask, "attention_mask": mask}
    with torch.inference_mode():
        plain = bert(**inputs, output_hidden_states=True)
        with first_token_only(bert):
            short = bert(**inputs, output_hidden_states=True)
        again = bert(**inputs, output_hidden_states=True)
    assert plain.logits.std() > 0.1
    assert torch.allclose(short.logits, plain.logits, atol=1e-6)
    assert short.hidden_states[-1].shape[1] == 1
    assert torch.equal(again.hidden_states[-1], plain.hidden_states[-1])
    with pytest.raises(ZeroDivisionError), first_token_only(bert):
        raise ZeroDivisionError
    assert torch.equal(bert(**inputs).logits, plain.logits), "the hook outlived an error"


def test_equal_words_with_other_gaps_are_other_queries(bert, bert_tokenizer):
    victim = Classifier.of(bert, bert_tokenizer)
    one, two = Words(("a", "b"), ("", " ", "")), Words(("a", "b"), ("", " - ", "!"))
    found = victim.probabilities([one, two, one])
    assert abs(found[0] - found[1]).max() > 1e-4
    assert (found[0] == found[2]).all() and len(victim.network.known) == 2
