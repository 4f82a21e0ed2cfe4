"""Augmentation: what may change, how often, and that the same settings give the same texts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rosearch.attacks.lexicon import cached_table
from rosearch.config import make_config
from rosearch.distill import augment
from rosearch.distill.augment import AugmentConfig, augmented
from rosearch.distill.prepare import taught, unlabelled_in_train, with_phrases
from rosearch.encodings.frame import STOP_WORDS
from rosearch.errors import UserError
from rosearch.run.prepare import encode_settings
from rosearch.space.presets import preset
from rosearch.tasks import Split, Task
from rosearch.tasks.words import segment
from rosearch.types import parts

METHODS = ("synonym", "masked_lm", "mask")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """A folder of its own for what is made; downloads stay where they are."""
    from rosearch.io import resources

    wordnet = resources.fetch("wordnet")
    fetch = resources.fetch
    monkeypatch.setenv("ROSEARCH_CACHE", str(tmp_path))
    monkeypatch.setattr(
        resources, "fetch", lambda name: wordnet if name == "wordnet" else fetch(name)
    )
    return tmp_path


@pytest.fixture(scope="module")
def small(mr) -> Task:
    n = 60
    return replace(mr, train=Split(mr.train.texts[:n], mr.train.labels[:n]))


@pytest.fixture(scope="module")
def pairs() -> Task:
    texts = (("A man plays a guitar.", "Someone makes music!"), ("of the", "Two dogs run."))
    split = Split(texts, (0, 1))
    return Task("pairs", ("no", "yes"), split, split, split)


@pytest.mark.parametrize("method", METHODS)
def test_copies_are_frozen_by_the_seed(method, small, tiny_masked_lm, cache, monkeypatch):
    config = AugmentConfig(method, copies=2)
    first = augmented(small, config, 0, tiny_masked_lm)
    stored = list((cache / "augmented").iterdir())
    again = augmented(small, config, 0, tiny_masked_lm)
    assert first.texts == again.texts and np.array_equal(first.origin, again.origin)
    stored[0].unlink()
    assert augmented(small, config, 0, tiny_masked_lm).texts == first.texts
    assert augmented(small, config, 1, tiny_masked_lm).texts != first.texts
    fewer = augmented(small, replace(config, copies=1), 0, tiny_masked_lm)
    assert set(fewer.texts) <= set(first.texts)
    monkeypatch.setattr(augment, "segment", lambda _: pytest.fail("made again"))
    assert augmented(small, config, 0, tiny_masked_lm).texts == first.texts


@pytest.mark.parametrize("method", METHODS)
def test_copies_differ_and_belong_to_their_origin(method, small, tiny_masked_lm):
    found = augmented(small, AugmentConfig(method, copies=3), 0, tiny_masked_lm)
    assert 1.5 * len(small.train) < len(found.texts) <= 3 * len(small.train)
    assert len(set(found.texts)) == len(found.texts)
    assert (np.diff(found.origin) >= 0).all() and found.origin.dtype == np.int64
    for text, row in zip(found.texts, found.origin, strict=True):
        original = small.train.texts[int(row)]
        assert text != original
        if method != "mask":
            before, after = segment(original), segment(text)
            assert before.gaps == after.gaps  # nothing but words changes
            changed = {before.words[i].lower() for i in before.changed(after)}
            assert changed and not changed & STOP_WORDS


@pytest.mark.parametrize("method", ["synonym", "masked_lm"])
def test_the_share_of_replaced_words(method, small, tiny_masked_lm):
    def replaced(share: float | None) -> float:
        config = AugmentConfig(method, copies=1, share=share)
        found = augmented(small, config, 0, tiny_masked_lm)
        pairs = [
            (segment(small.train.texts[int(i)]), segment(t))
            for t, i in zip(found.texts, found.origin, strict=True)
        ]
        changed = sum(len(before.changed(after)) for before, after in pairs)
        able = sum(augment.is_candidate(w) for t in small.train.texts for w in segment(t).words)
        return changed / able

    everything = replaced(1.0)
    assert replaced(0.0) == 0
    assert replaced(None) == pytest.approx(0.4 * everything, rel=0.15)
    assert everything > (0.6 if method == "synonym" else 0.9)


def test_synonyms_come_from_the_lexicons(small, tmp_path):
    names = ("wordnet", "relatives")
    config = AugmentConfig("synonym", lexicons=names, share=1.0, options=3)
    words = {w.lower() for t in small.train.texts for w in segment(t).words}
    tables = [cached_table(name, words, tmp_path / "lexicons") for name in names]
    found = augmented(small, config, 0)
    for text, row in zip(found.texts, found.origin, strict=True):
        before, after = segment(small.train.texts[int(row)]), segment(text)
        for i in before.changed(after):
            word = before.words[i].lower()
            offered = [s.lower() for table in tables for s in table.get(word, ())]
            assert after.words[i].lower() in [o for o in dict.fromkeys(offered) if o != word][:3]


def test_a_masked_language_model_puts_in_no_antonyms(tmp_path, monkeypatch, tiny_masked_lm):
    split = Split(("a good film", "good, good acting"), (0, 1))
    task = Task("t", ("a", "b"), split, split, split)
    monkeypatch.setattr(
        augment, "Guesses", lambda *_, **__: lambda items: [("bad", "Good", "fine")] * len(items)
    )
    found = augmented(task, AugmentConfig("masked_lm", share=1.0), 0, tiny_masked_lm)
    assert segment(found.texts[0]).words[:2] == ("a", "fine")
    assert segment(found.texts[1]).words[:2] == ("fine", "fine")


def test_masking_hides_words_or_cuts_n_grams(small):
    config = AugmentConfig("mask", copies=20)
    found = augmented(small, config, 0, mask_token="<mask>")
    originals = [segment(t) for t in small.train.texts]
    cut = hidden = seen = 0
    for text, row in zip(found.texts, found.origin, strict=True):
        before, after = originals[int(row)], text.replace("<mask>", "MASKED")
        words = segment(after).words
        if len(words) < len(before.words):
            cut += 1
            assert 1 <= len(words) <= 5
            starts = range(len(before.words) - len(words) + 1)
            assert any(_fits(words, before.words[s : s + len(words)]) for s in starts)
        else:
            assert _fits(words, before.words)
            hidden += words.count("MASKED")
            seen += len(words)
    assert 0.2 < cut / (20 * len(small.train)) < 0.3
    assert 0.08 < hidden / seen < 0.16  # 0.1, and copies without any are left out


def _fits(words: tuple[str, ...], original: tuple[str, ...]) -> bool:
    return all(a in (b, "MASKED") for a, b in zip(words, original, strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_both_texts_of_a_pair_change(method, pairs, tiny_masked_lm):
    config = AugmentConfig(method, copies=4, share=0.9, ngram=0.0)
    found = augmented(pairs, config, 0, tiny_masked_lm)
    assert found.origin.tolist().count(0) > 1
    for text, row in zip(found.texts, found.origin, strict=True):
        assert isinstance(text, tuple) and len(text) == 2
        original = pairs.train.texts[int(row)]
        if row == 1 and method != "mask":
            assert text[0] == "of the"
        assert [len(segment(p).words) for p in parts(text)] == [
            len(segment(p).words) for p in parts(original)
        ]
    firsts = {t[0] for t, row in zip(found.texts, found.origin, strict=True) if row == 0}
    assert firsts - {pairs.train.texts[0][0]}


def test_the_extended_task_keeps_originals_and_hard_labels(small):
    found = augmented(small, AugmentConfig(), 0)
    task = found.extended(small)
    n = len(small.train)
    assert task.train.texts == (*small.train.texts, *found.texts)
    assert task.train.labels[:n] == small.train.labels
    assert task.train.labels[n:] == tuple(small.train.labels[i] for i in found.origin)
    assert (task.validation, task.test) == (small.validation, small.test)
    assert task.fingerprint != small.fingerprint
    assert task.fingerprint == augmented(small, AugmentConfig(), 0).extended(small).fingerprint


def test_texts_without_words_give_no_copies():
    split = Split(("", "...", "of the", "x"), (0, 1, 0, 1))
    task = Task("t", ("a", "b"), split, split, split)
    for method in ("synonym", "mask"):
        found = augmented(task, AugmentConfig(method, share=0.0), 0)
        assert set(found.origin.tolist()) <= ({2} if method == "mask" else set())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"method": "x"}, r"expected one of synonym, masked_lm, mask, found 'x'"),
        ({"copies": 0}, r"copies: expected 1 to 1000, found 0"),
        ({"share": 1.5}, r"share: expected 0 to 1, found 1\.5"),
        ({"share": float("nan")}, r"share: expected 0 to 1, found nan"),
        ({"lexicons": ("antonyms",)}, r"lexicons: expected some of wordnet, .* \['antonyms'\]"),
        ({"lexicons": ()}, r"lexicons: expected some of wordnet, .* found \[\]"),
    ],
)
def test_wrong_settings_are_named(config, message):
    with pytest.raises(UserError, match=message):
        AugmentConfig(**config)


def test_a_model_is_needed_and_named(small, tmp_path):
    with pytest.raises(UserError, match="needs a masked language model; give a folder"):
        augmented(small, AugmentConfig("masked_lm"), 0)


def test_a_disk_that_cannot_be_written_is_one_line(small, cache):
    (cache / "augmented").write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"^cannot write augmented texts to .*: File exists; free"):
        augmented(small, AugmentConfig("mask"), 0)


def test_phrases_are_words_in_a_row_of_a_text_and_come_after_the_texts(small, pairs):
    votes = encode_settings(make_config("quick"))
    task, n = with_phrases(small, 2, votes), len(small.train)
    assert task.train.texts[:n] == small.train.texts and n < len(task.train) <= 3 * n
    labels = dict(zip(small.train.texts, small.train.labels, strict=True))
    for phrase, label in zip(task.train.texts[n:], task.train.labels[n:], strict=True):
        assert 1 <= len(segment(phrase).words) <= 8
        assert label in {found for text, found in labels.items() if phrase in text}
    assert with_phrases(small, 0, votes) is small
    cut = with_phrases(pairs, 1, votes).train.texts[len(pairs.train) :]
    assert cut and all(isinstance(text, tuple) for text in cut)


def test_phrases_are_made_only_where_a_student_votes(small):
    silent = make_config("quick", None, {"space": {"defences": ["reading"]}})
    assert with_phrases(small, 2, encode_settings(silent)) is small
    assert with_phrases(small, 2, encode_settings(silent, [preset("textcnn")])) is small
    told = with_phrases(small, 2, encode_settings(silent, [preset("votes")]))
    assert len(told.train) > len(small.train)


def test_texts_without_labels_come_after_the_labelled_ones_and_get_the_teachers(small):
    votes, n = encode_settings(make_config("quick")), len(small.train)
    new = ("zork zonk zulu zest zap", "zork zonk zulu zeal zip")
    more = unlabelled_in_train(replace(small, unlabelled=new))
    assert more.train.texts == (*small.train.texts, *new) and not more.unlabelled
    assert more.train.labels[:n] == small.train.labels
    task = with_phrases(more, 2, votes)
    labels = taught(task, np.tile([0.0, 1.0], (len(task.train), 1))).train.labels
    assert labels[:n] == small.train.labels, "what people said stays"
    told = [label for text, label in zip(task.train.texts, labels, strict=True) if text[:1] == "z"]
    assert len(told) > 2 and set(told) == {1}, "phrases of the new texts, too"
    assert -1 not in labels and unlabelled_in_train(small) is small
