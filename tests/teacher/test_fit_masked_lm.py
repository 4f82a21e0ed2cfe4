"""A head for a body without one: fitted once, on train texts, whole or not at all."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rosearch.attacks.sources.masked_lm import Guesses
from rosearch.attacks.sources.masked_lm_model import load_masked_lm, loaded
from rosearch.errors import UserError
from rosearch.tasks.words import segment
from rosearch.teacher import masked_lm
from rosearch.teacher.masked_lm import _batches, _Hiding, fit_masked_lm, masked_lm_folder


@pytest.fixture
def quick(monkeypatch, tmp_path):
    monkeypatch.setenv("ROSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(masked_lm, "TOKENS", 300)
    return tmp_path / "cache" / "masked_lms"


TEXTS = ("a good film", "the plot is thin but the actors are good", "", "dull")


def test_the_fitted_model_is_an_ordinary_one_with_a_tied_decoder(tiny_body, tiny_masked_lm):
    model, _, has_head = load_masked_lm(tiny_masked_lm)
    assert has_head and type(model).__name__ == "BertForMaskedLM"
    body = load_masked_lm(tiny_body)[0].get_input_embeddings().weight
    for table in (model.get_input_embeddings(), model.get_output_embeddings()):
        torch.testing.assert_close(table.weight, body)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


THINGS = {"dog": "ball", "cat": "milk", "horse": "rider", "bird": "song"}
NAMES = ("anna", "peter", "maria", "john", "tom", "emma")


def test_it_learns_words_from_the_text_around_them(quick, tiny_body, monkeypatch):
    """All are equally frequent: only the animal tells which one is hidden."""
    monkeypatch.setattr(masked_lm, "TOKENS", 40_000)
    monkeypatch.setattr(masked_lm, "LEARNING_RATE", 1e-2)
    train = [f"{n} heard the {a} and its {t}" for n in NAMES[1:] for a, t in THINGS.items()]
    guesses = Guesses(fit_masked_lm(train, tiny_body, "t"))
    for animal, thing in THINGS.items():
        held_out = segment(f"{NAMES[0]} heard the {animal} and its word")
        assert guesses([(held_out, 6)])[0][0] == thing


def test_it_is_made_once_and_anew_for_other_texts(quick, tiny_body, monkeypatch):
    first = fit_masked_lm(TEXTS, tiny_body, "t")
    weights = (first / "model.safetensors").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(masked_lm, "_train", lambda *a: pytest.fail("fitted again"))
        assert fit_masked_lm(TEXTS, tiny_body, "t") == first
    other = fit_masked_lm(TEXTS[:2], tiny_body, "t")
    assert other != first and loaded(other).model.config.vocab_size == 30_522
    assert {p.name for p in quick.iterdir()} == {first.name, other.name}
    monkeypatch.setenv("ROSEARCH_CACHE", str(quick / "again"))
    torch.manual_seed(123)  # the caller's generator plays no part
    again = fit_masked_lm(TEXTS, tiny_body, "t")
    assert (again / "model.safetensors").read_bytes() == weights


def test_a_stopped_fit_leaves_nothing(quick, tiny_body, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(masked_lm, "_train", stop)
    with pytest.raises(KeyboardInterrupt):
        fit_masked_lm(TEXTS, tiny_body, "t")
    assert not quick.exists() or not list(quick.iterdir())


def test_without_words_nothing_is_fitted(quick, tiny_body):
    with pytest.raises(UserError, match="the train texts hold no words"):
        fit_masked_lm(("", "  "), tiny_body, "t")


def test_a_model_with_a_head_is_used_as_it_is(quick, tiny_masked_lm, tiny_body, mr, capsys):
    assert fit_masked_lm(TEXTS, tiny_masked_lm, "t") == tiny_masked_lm
    assert masked_lm_folder(str(tiny_masked_lm), mr) == tiny_masked_lm
    assert masked_lm_folder(None, mr, str(tiny_masked_lm)) == tiny_masked_lm
    assert capsys.readouterr().err == ""
    with pytest.raises(UserError, match="has no masked-language-model head"):
        masked_lm_folder(str(tiny_body), mr)
    made = masked_lm_folder(None, mr, str(tiny_body))
    assert made.parent == quick
    assert "no --masked-lm given: words come from" in capsys.readouterr().err


def test_only_train_texts_are_read(quick, tiny_body, mr, monkeypatch):
    seen = []
    monkeypatch.setattr(masked_lm, "_train", lambda m, t, texts, *a: seen.append(texts))
    masked_lm_folder(None, mr, str(tiny_body))
    assert seen == [mr.train.texts]


def test_batches_hold_the_tokens_asked_for():
    for lengths in ([5] * 10, [100] * 20_000):
        batches = _batches(lengths, np.random.default_rng(0))
        total = sum(np.asarray(lengths)[b].sum() for b in batches)
        assert masked_lm.TOKENS <= total < masked_lm.TOKENS + masked_lm.BATCH * max(lengths)


def test_words_are_hidden_as_bert_hides_them(bert_tokenizer):
    frequency = np.zeros(len(bert_tokenizer))
    frequency[2000:2010] = 0.1
    hide = _Hiding(bert_tokenizer, frequency, np.random.default_rng(0))
    ids = torch.full((40, 200), 5000)
    ids[:, 0], ids[:, -1] = bert_tokenizer.cls_token_id, bert_tokenizer.sep_token_id
    mask = torch.ones_like(ids)
    mask[:, 150:] = 0
    before = ids.clone()
    shown, rows, places = hide(ids, mask)
    assert torch.equal(ids, before)
    assert len(rows) == pytest.approx(40 * 149 * masked_lm.HIDDEN, rel=0.1)
    assert places.min() > 0 and places.max() < 150
    at = shown[rows, places]
    kinds = [(at == bert_tokenizer.mask_token_id), (at == 5000), (at >= 2000) & (at < 2010)]
    assert [round(k.float().mean().item(), 1) for k in kinds] == [0.8, 0.1, 0.1]
    untouched = torch.ones_like(mask, dtype=torch.bool)
    untouched[rows, places] = False
    assert torch.equal(shown[untouched], ids[untouched])
    one, r, _ = hide(torch.tensor([[101, 5000, 102]]), torch.ones(1, 3, dtype=torch.long))
    assert len(r) == 1 and one.shape == (1, 3)  # at least one place
