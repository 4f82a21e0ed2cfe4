"""What tests of attacks share: toy victims, a tiny encoder, resources that need no large model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.lexicon import cached_table, vocabulary_of
from rosearch.attacks.methods import resources_for
from rosearch.models.classifier import Classifier


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory, bert_tokenizer) -> Path:
    """Folder of a BERT of random weights with the real tokenizer."""
    from transformers import BertConfig, BertModel

    config = BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    folder = tmp_path_factory.mktemp("encoder")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    bert_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def encoder_words(tmp_path_factory, mr) -> Path:
    """A lexicon in place of that of a teacher."""
    folder = tmp_path_factory.mktemp("words")
    file = folder / "encoder.json"
    file.write_text(json.dumps(cached_table("wordnet", vocabulary_of(mr.validation.texts), folder)))
    return file


@pytest.fixture(scope="session")
def resources_of(
    tiny_encoder, tiny_masked_lm, encoder_words
) -> Callable[[str, Sequence[str]], AttackResources]:
    """`resources_for` one attack, a tiny encoder in place of MiniLM, and a tiny masked LM."""
    folders = {
        "encoder": tiny_encoder,
        "masked_lm": tiny_masked_lm,
        "encoder_words": encoder_words,
    }
    return lambda attack, texts: resources_for([attack], texts, folders)


@pytest.fixture(scope="session")
def real_texts(mr):
    return mr.validation.texts[:50], mr.validation.labels[:50]


@pytest.fixture(scope="session")
def victims(students, mr_train):
    return [Classifier.of(model, mr_train.tokenizer()) for model in students]
