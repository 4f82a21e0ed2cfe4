"""Tiny models with the real MiniLM tokenizer, saved as folders."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rosearch.encodings.synonym import Synonym
from rosearch.encodings.vocabulary import student_tokenizer, synonym_vocabulary
from rosearch.export.bundle import ExportReport, export
from rosearch.space.genotype import Genotype, Node
from rosearch.student.build import build_student
from rosearch.student.saving import save_student

LABELS = ("negative", "positive")
SYNONYMS = ("gorgeous", "splendid", "lovely")


@pytest.fixture(scope="session")
def student(bert_tokenizer, tmp_path_factory) -> Path:
    """A convolutional student with the synonym encoding and random weights."""
    vocabulary = synonym_vocabulary(bert_tokenizer, dict.fromkeys(SYNONYMS, "gorgeous"))
    g = Genotype(32, 32, (Node((0,), "conv3", norm="layer"),), coding=Synonym(), pooling="mean")
    model = build_student(g, vocabulary, LABELS, seed=0, teacher_params=10_000_000)
    with torch.no_grad():
        model.classifier.weight.mul_(4.0)  # probabilities far from one half
    folder = tmp_path_factory.mktemp("models") / "0123456789abcdef"
    save_student(model, student_tokenizer(bert_tokenizer, vocabulary), folder)
    return folder


@pytest.fixture(scope="session")
def bert(bert_tokenizer, tmp_path_factory) -> Path:
    """A BERT of one layer and random weights: a teacher, or a model that is no student."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=len(bert_tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, id2label=dict(enumerate(LABELS)),
        label2id={name: i for i, name in enumerate(LABELS)},
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertForSequenceClassification(config)
    folder = tmp_path_factory.mktemp("teachers") / "tiny-bert"
    model.save_pretrained(folder)
    bert_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def onnx(bert, tmp_path_factory) -> ExportReport:
    """A classifier that is no student, as ONNX, without a teacher."""
    out = tmp_path_factory.mktemp("exports") / "onnx"
    return export(str(bert), "onnx", out, n=8)
