"""Models that are no classifier of one label per text are refused in one line, everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
)

from rosearch.errors import UserError
from rosearch.models.load import load_classifier
from rosearch.models.open import open_classifier
from rosearch.models.predict import predict

TEXTS = ["the film was good", "the film was awful and much too long"]


@pytest.fixture
def made(tmp_path, bert_tokenizer):
    """A tiny classifier with a config of one's choice, saved."""

    def make(dtype: torch.dtype = torch.float32, **config: object) -> Path:
        torch.manual_seed(0)
        size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
        settings = BertConfig(
            vocab_size=len(bert_tokenizer), intermediate_size=32, initializer_range=0.5, **size,
            **config,
        )  # fmt: skip
        model = BertForSequenceClassification(settings).to(dtype)
        model.save_pretrained(tmp_path)
        bert_tokenizer.save_pretrained(tmp_path)
        return tmp_path

    return make


@pytest.mark.parametrize("kind", ["encoder", "masked_lm"])
def test_a_head_that_is_not_there_is_refused(made, tmp_path, kind, capsys):
    folder = made()
    if kind == "encoder":
        AutoModelForSequenceClassification.from_pretrained(folder).bert.save_pretrained(folder)
    else:
        AutoModelForMaskedLM.from_pretrained(folder).save_pretrained(folder)
    with pytest.raises(UserError, match=r"no trained classification head: .*classifier\."):
        open_classifier(folder)
    with pytest.raises(UserError, match="its answers would be random"):
        list(predict(folder, TEXTS))
    capsys.readouterr()
    load_classifier(folder, 2)
    assert "a new one is trained" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"num_labels": 1}, "its head is a regression"),
        ({"num_labels": 2, "problem_type": "regression"}, "its head is a regression"),
        ({"num_labels": 3, "problem_type": "multi_label_classification"}, "several labels"),
    ],
)
def test_other_heads_are_refused_and_trained_anew_as_single_label_ones(made, config, said):
    folder = made(**config)
    with pytest.raises(UserError, match=said):
        open_classifier(folder)
    model, _ = load_classifier(folder, 2)
    assert model.config.num_labels == 2 and model.config.problem_type is None


def test_a_whole_head_is_not_called_new(made, capsys):
    load_classifier(made(), 2)
    assert "new" not in capsys.readouterr().err


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights_are_computed_with_in_float32(made, dtype):
    folder = made(dtype)
    classifier = open_classifier(folder)
    assert {p.dtype for p in classifier.module.parameters()} == {torch.float32}
    model = AutoModelForSequenceClassification.from_pretrained(folder).float().eval()
    with torch.no_grad():
        inputs = classifier.tokenizer(TEXTS, padding=True, return_tensors="pt")
        theirs = model(**inputs).logits.softmax(-1)
    ours = torch.from_numpy(classifier.probabilities(TEXTS))
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_pickled_weights_are_not_read_and_the_way_out_is_said(made):
    folder = made()
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"never read")
    with pytest.raises(UserError, match=r"pickles.*convert them once: python -c .*-safe") as found:
        open_classifier(folder)
    assert "\n" not in str(found.value)
