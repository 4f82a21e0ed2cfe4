"""Vocabularies: whole words of the synonym encoding, and embeddings trimmed to what can occur."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from rosearch.encodings.vocabulary import (
    Vocabulary,
    occurring_tokens,
    plain_vocabulary,
    student_tokenizer,
    synonym_vocabulary,
    trimmed,
)
from rosearch.errors import UserError
from rosearch.models.classifier import Classifier
from rosearch.space.cost import Sizes, params
from rosearch.space.genotype import Genotype, Node
from rosearch.student.build import build_student, principal_embedding
from rosearch.tasks.words import segment

UNK = 1
TOKENS = ("[PAD]", "[UNK]", *(f"t{i}" for i in range(2, 60)))
PLAIN = Vocabulary(TOKENS, tuple((i,) for i in range(60)), 0)
FOLDED = replace(PLAIN, rows=np.array([0, 1, *(2 + i // 3 for i in range(58))]))
G = Genotype(32, 48, (Node((0,), "lstm"), Node((0, 1), "attention2")), pooling="attention")
KEPT = (5, 6, 20, 21, 40)
TEXTS = ("a gorgeous, witty film", "dull and slow 7", "An unputdownable story")


@pytest.mark.parametrize("vocabulary", [PLAIN, FOLDED], ids=["plain", "folded"])
def test_kept_tokens_give_the_same_logits_and_others_are_unknown(vocabulary: Vocabulary):
    small = trimmed(vocabulary, KEPT, UNK)
    assert small.rows is not None
    whole = build_student(G, vocabulary, ("a", "b"), seed=0).eval()
    model = build_student(G, small, ("a", "b"), seed=0).eval()
    weights = dict(whole.named_parameters())
    rows = vocabulary.rows if vocabulary.rows is not None else np.arange(60)
    with torch.no_grad():  # the same weights, rows moved to their new places
        for name, weight in model.named_parameters():
            if name != "input.table.weight":
                weight.copy_(weights[name])
        for token in (*KEPT, UNK, 0):
            new, old = small.rows[token], rows[token]
            model.input.table.weight[new] = whole.input.table.weight[old]
    ids = torch.tensor([[5, 20, 21, 40, 6], [40, UNK, 5, 0, 0]])
    assert torch.equal(model(input_ids=ids).logits, whole(input_ids=ids).logits)
    gone = [t for t in range(2, 60) if rows[t] not in set(rows[list(KEPT)])]
    assert gone
    unknown = torch.tensor([[5, UNK, 21, UNK]])
    for token in gone:
        text = torch.tensor([[5, token, 21, token]])
        assert torch.equal(model(input_ids=text).logits, model(input_ids=unknown).logits)


@pytest.mark.parametrize("vocabulary", [PLAIN, FOLDED], ids=["plain", "folded"])
def test_cost_and_config_count_what_is_left(vocabulary: Vocabulary):
    small = trimmed(vocabulary, KEPT, UNK)
    model = build_student(G, small, ("a", "b"), seed=0)
    sizes = Sizes({"plain": small.n_rows}, 2)
    count = sum(p.numel() for p in model.parameters())
    assert params(G, sizes) == count
    assert model.config.trimmed_rows == small.trimmed_rows == vocabulary.n_rows - small.n_rows
    before = params(G, Sizes({"plain": vocabulary.n_rows}, 2))
    assert model.config.saved_params == before - count > 0


def test_tokens_of_a_kept_cluster_stay():
    small = trimmed(FOLDED, (2,), UNK)  # tokens 2, 3, 4 share a row
    assert small.rows is not None
    assert small.n_rows == 3
    assert small.rows[2] == small.rows[3] == small.rows[4] != small.rows[5] == small.rows[UNK]


def test_padding_and_unknown_are_always_kept():
    small = trimmed(PLAIN, (), UNK)
    assert small.rows is not None
    assert small.rows[0] != small.rows[UNK]
    assert small.n_rows == 2
    assert set(small.rows[2:]) == {small.rows[UNK]}


def test_trimming_twice_and_to_everything():
    assert trimmed(PLAIN, range(60), UNK) is PLAIN
    once = trimmed(PLAIN, KEPT, UNK)
    twice = trimmed(trimmed(PLAIN, (*KEPT, 33, 34), UNK), KEPT, UNK)
    assert once.rows is not None and twice.rows is not None
    assert np.array_equal(once.rows, twice.rows)
    assert once.trimmed_rows == twice.trimmed_rows == 60 - 7
    with pytest.raises(UserError, match=r"encoding\.trim = false"):
        trimmed(PLAIN, KEPT, None)


def test_unknown_starts_at_the_mean_of_what_it_stands_for():
    table = np.random.default_rng(0).normal(size=(60, 70))
    start = principal_embedding(table, trimmed(PLAIN, range(50), UNK))
    whole = principal_embedding(table, PLAIN)
    assert np.allclose(np.delete(start, UNK, 0), np.delete(whole[:50], UNK, 0), atol=1e-6)
    weights = 1 / (1 + np.array([UNK, *range(50, 60)]))
    assert np.allclose(
        start[UNK], np.average(whole[[UNK, *range(50, 60)]], axis=0, weights=weights), atol=1e-5
    )


def test_a_trimmed_student_with_the_real_tokenizer(bert_tokenizer, tmp_path):
    """Tokenizer and ids stay; special tokens and single characters are kept; saved and loaded."""
    from rosearch.models.load import load_classifier
    from rosearch.student.saving import save_student

    plain = plain_vocabulary(bert_tokenizer)
    tokenizer = student_tokenizer(bert_tokenizer, plain)
    kept = occurring_tokens(tokenizer, TEXTS)
    assert set(tokenizer.all_special_ids) <= kept
    assert {bert_tokenizer.convert_tokens_to_ids(t) for t in ("q", "##z", "9", "##9", "?")} <= kept
    small = trimmed(plain, kept, tokenizer.unk_token_id)
    assert small.rows is not None
    assert small.n_rows == len(kept) < 200
    assert len({small.rows[i] for i in tokenizer.all_special_ids}) == 5
    again = student_tokenizer(bert_tokenizer, small)
    assert again.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()

    model = build_student(G, small, ("a", "b"), seed=0).eval()
    save_student(model, again, tmp_path / "s")
    loaded, its_tokenizer = load_classifier(tmp_path / "s")
    assert loaded.config.trimmed_rows == len(plain.tokens) - len(kept)
    assert json.loads((tmp_path / "s" / "config.json").read_text())["trimmed_rows"] > 30_000
    victim = Classifier.of(loaded, its_tokenizer)
    known, unseen, unknown = victim.probabilities(
        [segment(t) for t in ("a witty film", "a trombone film", "a \u2603 film")]
    )
    assert np.array_equal(unseen, unknown)
    assert not np.array_equal(known, unknown)


def test_trimming_the_synonym_encoding_keeps_whole_words(bert_tokenizer):
    clusters = dict.fromkeys(("gorgeous", "unputdownable", "splendid"), "x")
    folded = synonym_vocabulary(bert_tokenizer, clusters)
    tokenizer = student_tokenizer(bert_tokenizer, folded)
    small = trimmed(folded, occurring_tokens(tokenizer, TEXTS[:1]), tokenizer.unk_token_id)
    assert small.rows is not None
    ids = [tokenizer.convert_tokens_to_ids(w) for w in ("gorgeous", "unputdownable", "splendid")]
    assert len(set(small.rows[ids])) == 1  # one of the cluster occurs, so all of it stays
    assert small.rows[ids[0]] != small.rows[tokenizer.unk_token_id]


def test_synonym_tokenizer_keeps_whole_words(bert_tokenizer):
    clusters = {"gorgeous": "x", "unputdownable": "x", "Café": "x", "co-op": "x"}
    folded = synonym_vocabulary(bert_tokenizer, clusters)
    tokenizer = student_tokenizer(bert_tokenizer, folded)
    assert folded.rows is not None
    assert len(folded.tokens) == len(plain_vocabulary(bert_tokenizer).tokens) + 1
    rows = folded.rows[tokenizer("Gorgeous unputdownable movie")["input_ids"]]
    assert rows[1] == rows[2] != rows[3]
    assert folded.n_rows == len(folded.tokens) - 1
    assert tokenizer.decode(tokenizer("unputdownable")["input_ids"][1:-1]) == "unputdownable"


def test_plain_tokenizer_equals_the_teachers(bert_tokenizer):
    tokenizer = student_tokenizer(bert_tokenizer, plain_vocabulary(bert_tokenizer))
    for text in ("Isn't it a 5-star café?", "", "日本 ok", "x" * 300):
        assert tokenizer(text)["input_ids"] == bert_tokenizer(text)["input_ids"]


CLUSTER = ("gorgeous", "splendid", "lovely", "unputdownable")


@pytest.fixture(scope="module")
def cased_tokenizer(bert_tokenizer):
    """MiniLM's tokenizer with capitals left as they are, and some of them in its vocabulary."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    spec = json.loads(bert_tokenizer.backend_tokenizer.to_str())
    spec["normalizer"] |= {"lowercase": False, "strip_accents": False}
    vocabulary = spec["model"]["vocab"]
    for word in ("Gorgeous", "Film", "Dull", "GREAT", "größe", "weite"):
        vocabulary.setdefault(word, len(vocabulary))
    names = ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(spec)),
        **{name: getattr(bert_tokenizer, name) for name in names},
    )


@pytest.mark.parametrize("cased", [False, True])
def test_swaps_inside_a_cluster_change_nothing_in_any_casing(
    cased, bert_tokenizer, cased_tokenizer
):
    teacher = cased_tokenizer if cased else bert_tokenizer
    clusters = {**dict.fromkeys(CLUSTER, "gorgeous"), **dict.fromkeys(("dull", "slow"), "dull")}
    vocabulary = synonym_vocabulary(teacher, clusters)
    assert vocabulary.n_rows < len(teacher), "capitals cost no row"
    model = build_student(G, vocabulary, ("a", "b"), seed=0)
    student = Classifier.of(model, student_tokenizer(teacher, vocabulary))
    casings = (str.lower, str.capitalize, str.upper)
    texts = [segment(f"A {case(word)} film") for case in casings for word in CLUSTER]
    swapped = [text.replaced(1, other) for text in texts for other in CLUSTER]
    said = student.probabilities(texts).repeat(len(CLUSTER), axis=0)
    assert np.array_equal(student.probabilities(swapped), said)
    others = [text.replaced(1, "dull") for text in texts]
    assert (student.probabilities(others) != student.probabilities(texts)).any(1).all()


def test_words_of_a_cluster_are_those_that_the_tokenizer_leaves_whole(
    bert_tokenizer, cased_tokenizer
):
    clusters = dict.fromkeys(("gr\u00f6\u00dfe", "weite", "co-op"), "weite")
    for tokenizer, folded in (
        (bert_tokenizer, {"weite"}),
        (cased_tokenizer, {"gr\u00f6\u00dfe", "weite"}),
    ):
        vocabulary = synonym_vocabulary(tokenizer, clusters)
        ids = {token: i for i, token in enumerate(vocabulary.tokens)}
        row = vocabulary.rows[ids["weite"]]
        assert {w for w in clusters if w in ids and vocabulary.rows[ids[w]] == row} == folded
