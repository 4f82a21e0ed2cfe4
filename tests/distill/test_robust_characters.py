"""Character noise: which words are misspelt, as what, and that nothing else changes."""

from __future__ import annotations

import re
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.attacks.sources.characters import character_edits
from rosearch.distill.batch import Batch
from rosearch.distill.defences.base import TrainTexts
from rosearch.distill.defences.characters import (
    CHARACTERS,
    CharacterNoise,
    misspellings,
    misspelt,
    spans,
)
from rosearch.encodings.reader import Reader
from rosearch.models.batches import padded, tokenized
from rosearch.tasks.words import segment

MAX_LENGTH = 300


def trained_tokenizer(texts, pre_tokenizer, decoder) -> PreTrainedTokenizerFast:
    """A byte-pair tokenizer, its special tokens around a text and between the two of a pair."""
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer, backend.decoder = pre_tokenizer, decoder
    special = ["<pad>", "<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=1500, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    backend.train_from_iterator(texts, trainer)
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    names = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **names)


@pytest.fixture(scope="module", params=["wordpiece", "bytes", "sentencepiece"])
def tokenizer(request, bert_tokenizer, mr):
    texts = mr.train.texts[:500]
    if request.param == "bytes":
        level = pre_tokenizers.ByteLevel(add_prefix_space=False)
        return trained_tokenizer(texts, level, decoders.ByteLevel())
    if request.param == "sentencepiece":
        return trained_tokenizer(texts, pre_tokenizers.Metaspace(), decoders.Metaspace())
    return bert_tokenizer


def noisy(tokenizer, texts, share: float, seed: int = 0, max_length: int = MAX_LENGTH):
    """The batch of all texts, and the same one with noise."""
    ids = [e.ids for e in tokenized(tokenizer, texts, max_length)]
    pad_id = tokenizer.pad_token_id
    ids, mask = padded(ids, pad_id)
    index = np.arange(len(texts))
    batch = Batch(ids, mask, torch.zeros(len(texts)), torch.zeros(len(texts), 2), index)
    table = misspellings(tokenizer, texts, max_length, seed=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = CharacterNoise(table, share, pad_id)(None, batch, None)
    return batch, found


def rows(batch: Batch) -> list[list[int]]:
    return [ids[mask.bool()].tolist() for ids, mask in zip(batch.ids, batch.mask, strict=True)]


def bare(text: str) -> str:
    """Letters and digits: decoding puts spaces where the text had none."""
    return re.sub(r"[\W_]+", "", text).lower()


def can_change(word: str) -> bool:
    return not_a_stop_word(word) and bool(misspelt(word.lower(), 0))


def test_spans():
    found = spans(np.array([5, 1, 9]), np.array([2, 0, 3]))
    assert found.tolist() == [5, 6, 9, 10, 11]
    assert spans(np.zeros(0, dtype=int), np.zeros(0, dtype=int)).tolist() == []


def test_every_misspelling_is_one_edit_of_the_word_and_others_than_one_draw_of_the_attack():
    words = ["boring", "movie", "wonderful", "cliches"]
    for word in words:
        assert 4 <= len(misspelt(word, 0)) <= 12
        assert word not in misspelt(word, 0)
        for new in misspelt(word, 0):
            assert new[0] == word[0] and new[-1] == word[-1]
            assert abs(len(new) - len(word)) <= 1
    assert any(set(misspelt(w, 0)) - set(character_edits()(w)) for w in words)
    assert any(misspelt(w, 0) != misspelt(w, 1) for w in words)
    assert misspelt("the", 0) == misspelt("don't", 0) == ()


def test_all_words_that_can_be_misspelt_are_and_nothing_else_changes(tokenizer, mr):
    texts = mr.train.texts[:30]
    before, after = noisy(tokenizer, texts, 1.0)
    # SentencePiece may join a word to a full stop beside it; such words stay.
    pieces = type(tokenizer.backend_tokenizer.pre_tokenizer)
    glued = pieces is pre_tokenizers.Metaspace
    changed = 0
    for text, old, new in zip(texts, rows(before), rows(after), strict=True):
        assert new[0] == old[0] and new[-1] == old[-1]  # special tokens
        # The text as a pattern: words that can change as any of their misspellings.
        parsed = segment(text)
        pattern = re.escape(bare(parsed.gaps[0]))
        for word, ahead, gap in zip(parsed.words, parsed.gaps, parsed.gaps[1:], strict=False):
            options = misspelt(word.lower(), 0) if can_change(word) else (bare(word),)
            if glued and (ahead, gap) != (" ", " "):
                options += (bare(word),)
            changed += can_change(word)
            pattern += f"(?:{'|'.join(options)})" + re.escape(bare(gap))
        assert re.fullmatch(pattern, bare(tokenizer.decode(new[1:-1])))
    assert changed > 150
    assert after.ids.shape == after.mask.shape
    assert ((after.ids == tokenizer.pad_token_id) == (after.mask == 0)).all()


def test_a_share_of_the_words_is_misspelt_and_the_generator_decides_which(tokenizer, mr):
    texts = mr.train.texts[:30]
    before, some = noisy(tokenizer, texts, 0.3)
    again, other = (noisy(tokenizer, texts, 0.3, seed)[1] for seed in (0, 1))
    assert rows(again) == rows(some) != rows(other)
    decoded = [tokenizer.decode(ids) for ids in rows(some)]
    words = [w for t in texts for w in segment(t).words if can_change(w)]
    kept = sum(
        bare(w) in bare(t) for t, d in zip(texts, decoded, strict=True)
        for w in segment(t).words if can_change(w) for t in [d]
    )  # fmt: skip
    assert 0.55 < kept / len(words) < 0.85
    assert rows(noisy(tokenizer, texts, 0.0)[1]) == rows(before)


def test_pairs_keep_their_separators(tokenizer, mr):
    texts = list(zip(mr.train.texts[:10], mr.train.texts[10:20], strict=True))
    before, after = noisy(tokenizer, texts, 1.0)
    end = rows(before)[0][-1]
    for pair, new in zip(texts, rows(after), strict=True):
        assert new.count(end) == 2 and new[-1] == end
        cut = new.index(end)
        for text, ids in ((pair[0], new[1:cut]), (pair[1], new[cut + 1 : -1])):
            assert bare(tokenizer.decode(ids)) != bare(text)
            lengths = len(bare(tokenizer.decode(ids))), len(bare(text))
            assert abs(lengths[0] - lengths[1]) <= len(segment(text).words)


def test_words_that_were_cut_in_two_stay(bert_tokenizer):
    text = "A thoroughly unwatchableness"  # the last word has several pieces
    size = len(bert_tokenizer(text)["input_ids"])
    assert size > 6
    for max_length in range(3, size + 2):
        table = misspellings(bert_tokenizer, [text], max_length, 0)
        whole = (max_length >= 4) + (max_length >= size)
        assert len(table.place) == whole == table.starts[-1]
        assert (table.place + table.length < max_length).all()


def test_texts_without_such_words_stay(bert_tokenizer):
    before, after = noisy(bert_tokenizer, ["It is so.", ""], 1.0)
    assert rows(before) == rows(after)


def test_students_that_correct_words_are_trained_on_what_they_see(bert_tokenizer):
    reader = Reader({"film": -5.0, "gorgeous": -6.0}, {}, (), {})
    texts = TrainTexts(["a gorgeous film"], bert_tokenizer, 64, {}, 0, reader)
    table = CHARACTERS.prepare(texts)
    model = SimpleNamespace(config=SimpleNamespace(genotype={}))
    assert table.seen_by(model) is table.written
    model.config.genotype = {"reading": {"name": "reading", "dictionary": False}}
    assert table.seen_by(model) is table.written
    model.config.genotype = {"reading": {"name": "reading", "dictionary": True}}
    read = table.seen_by(model)
    spelt = [read.pieces[a:b].tolist() for a, b in pairwise(read.piece_starts)]
    words = [bert_tokenizer.decode(ids) for ids in spelt]
    assert {"film", "gorgeous"} == set(words), "single inner edits are all corrected"
    assert len(words) == len(table.written.piece_starts) - 1
    assert set(read.pieces.tolist()) | set(table.written.pieces.tolist()) == CHARACTERS.tokens(
        table
    )
