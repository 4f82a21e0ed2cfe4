"""Small classifiers with the real MiniLM tokenizer, saved as folders."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rosearch.student.saving import save_student
from rosearch.tasks import Split, Task


@pytest.fixture(scope="session")
def student(students, mr_train, tmp_path_factory) -> Path:
    """A student with attention, trained on real sentences."""
    folder = tmp_path_factory.mktemp("models") / "student"
    save_student(students[1], mr_train.tokenizer(), folder)
    return folder


@pytest.fixture(scope="session")
def bert(bert_tokenizer, tmp_path_factory) -> Path:
    """A BERT of one layer and random weights, saved in half precision."""
    from transformers import BertConfig, BertForSequenceClassification

    labels = ("positive", "negative")  # not in the order of the task
    config = BertConfig(
        vocab_size=len(bert_tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, id2label=dict(enumerate(labels)),
        label2id={name: i for i, name in enumerate(labels)}, initializer_range=0.2,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertForSequenceClassification(config).half()
    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    model.save_pretrained(folder)
    bert_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def few(mr) -> Task:
    """The real task with few texts."""

    def first(split: Split, n: int) -> Split:
        return Split(split.texts[:n], split.labels[:n])

    return Task("few", mr.label_names, first(mr.train, 64), mr.validation, first(mr.test, 100))
