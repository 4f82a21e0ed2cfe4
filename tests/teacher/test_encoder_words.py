"""The lexicon `encoder`: nearest words by the teacher, in any language, without opposites."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from rosearch.attacks.encoder import SentenceEncoder
from rosearch.attacks.lexicon import cached_table
from rosearch.attacks.methods import load_attacks, resources_for
from rosearch.attacks.steps import answered
from rosearch.config import from_dict
from rosearch.errors import UserError
from rosearch.evaluation.held_out import check
from rosearch.io import resources
from rosearch.models.classifier import Classifier
from rosearch.models.load import load_classifier
from rosearch.run.prepare import prepare
from rosearch.tasks import Split, Task
from rosearch.tasks.words import segment
from rosearch.teacher import words as teacher_words
from rosearch.teacher.words import (
    alike,
    encoder_words,
    likely_words,
    nearest,
    nearest_tokens,
    without_antonyms,
)

WORDS = ("good", "better", "bad", "film", "films", "actor", "фильм", "кино", "gut", "schlecht")


@pytest.fixture(scope="module")
def teacher(tiny_body: Path, tmp_path_factory) -> Path:
    """A tiny classifier of three labels, of random weights, that has something to say."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_pretrained(tiny_body, num_labels=3)
        torch.nn.init.normal_(model.classifier.weight, std=10.0)
    folder = tmp_path_factory.mktemp("teacher")
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_body).save_pretrained(folder)
    return folder


@pytest.fixture
def task() -> Task:
    texts = ("Der Film war gut", "Фильм плохой, 2002", "not the co-op movie", "a bad movie")
    split = Split(texts, (0, 1, 2, 1))
    return Task("tiny", ("a", "b", "c"), split, split, split)


def test_neighbours_are_those_of_all_pairs(tiny_body: Path):
    found = nearest(tiny_body, WORDS)
    unit = SentenceEncoder(tiny_body)([segment(word) for word in WORDS])
    cosines = unit @ unit.T
    sure = 0.02  # bf16, where the processor has it
    for i, word in enumerate(WORDS):
        others = {WORDS[j]: cosines[i, j] for j in range(len(WORDS)) if j != i}
        kept = found.get(word, ())
        assert word not in kept and len(kept) == len(set(kept))
        assert all(others[o] >= teacher_words.LEAST_COSINE - sure for o in kept)
        assert all(o in kept for o, c in others.items() if c >= teacher_words.LEAST_COSINE + sure)
    assert any(found.values())


def test_words_that_are_one_token_have_neighbours_before_any_layer(tiny_body: Path):
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_body)
    one = [word for word in WORDS if len(tokenizer.tokenize(word)) == 1]
    assert 2 < len(one) < len(WORDS)
    rows = AutoModel.from_pretrained(tiny_body).get_input_embeddings().weight.detach().numpy()
    vectors = rows[tokenizer.convert_tokens_to_ids(one)]
    vectors = vectors - vectors.mean(0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    found = nearest_tokens(tiny_body, WORDS)
    for i, word in enumerate(one):
        order = [one[j] for j in np.argsort(-cosines[i]) if j != i]
        near = [w for w in order if cosines[i, one.index(w)] >= teacher_words.LEAST_OF_TOKENS]
        assert found.get(word, ()) == tuple(near)
    assert set(found) <= set(one)


def test_the_fine_tuned_teacher_says_much_the_same_of_neighbours(teacher: Path):
    everyone = {word: tuple(w for w in WORDS if w != word) for word in WORDS}
    found = alike(teacher, everyone)
    texts = [segment(word) for word in WORDS]
    said = np.log(Classifier.of(*load_classifier(teacher)).probabilities(texts))
    kept = dropped = 0
    for i, word in enumerate(WORDS):
        for j, other in enumerate(WORDS):
            apart = max(
                abs((said[i, a] - said[i, b]) - (said[j, a] - said[j, b]))
                for a in range(3)
                for b in range(3)
            )
            if i == j or abs(apart - teacher_words.MOST_APART) < 0.1:
                continue
            assert (other in found.get(word, ())) == (apart <= teacher_words.MOST_APART)
            kept, dropped = kept + (apart <= 2), dropped + (apart > 2)
    assert kept and dropped


def test_antonyms_are_no_neighbours(tmp_path):
    near = {"good": ("bad", "fine"), "bad": ("good",), "boring": ("interesting", "dull")}
    assert without_antonyms(near, tmp_path) == {"good": ("fine",), "boring": ("dull",)}


def test_words_are_those_that_can_occur(task: Task, teacher: Path, bert_tokenizer):
    words = likely_words(task, teacher)
    assert len(words) == len(set(words)) == teacher_words.MOST_WORDS
    assert {"фильм", "плохой", "co-op", "movie", "gut"} <= set(words)
    assert not {"2002", "not", "a"} & set(words)


def test_the_table_is_made_once_and_needs_no_wordnet(
    task: Task, tiny_body: Path, teacher: Path, tmp_path, monkeypatch
):
    def no_wordnet(name: str) -> Path:
        raise UserError(f"no {name}")

    monkeypatch.setenv("ROSEARCH_CACHE", str(tmp_path))
    monkeypatch.setattr(teacher_words, "MOST_WORDS", 500)
    monkeypatch.setattr(resources, "fetch", no_wordnet)
    file = encoder_words(task, str(tiny_body), teacher)
    table = json.loads(file.read_text(encoding="utf-8"))
    assert table and {o for others in table.values() for o in others} <= set(
        likely_words(task, teacher)
    )
    monkeypatch.setattr(teacher_words, "nearest", None)
    assert encoder_words(task, str(tiny_body), teacher) == file
    other = Task("other", task.label_names, *[Split(("neu",), (0,))] * 3)
    with pytest.raises(TypeError):  # another task has other words
        encoder_words(other, str(tiny_body), teacher)


def test_without_a_teacher_it_says_so(tmp_path):
    with pytest.raises(UserError, match="'encoder' is made of a task's teacher"):
        cached_table("encoder", ["good"], tmp_path)
    with pytest.raises(UserError, match="'encoder' is made of a task's teacher"):
        resources_for(["encoder"], ["a good film"])


def test_a_run_makes_it_and_encodings_and_attacks_read_it(task: Task, tiny_body: Path, monkeypatch):
    monkeypatch.setattr(teacher_words, "MOST_WORDS", 300)
    config = from_dict(
        {
            "teacher": {"name": str(tiny_body), "epochs": 1, "max_length": 16, "weak": "keep"},
            "encoding": {"lexicons": ["encoder"], "tolerances": [1000.0]},
            "search": {"attack": "encoder"},
            "final": {"held_out": []},
        }
    )
    context = prepare(config, task).context
    table = context.attack_resources.lexicons["encoder"]
    assert table and set(table) <= {w.lower() for t in task.test.texts for w in segment(t).words}
    (attack,) = load_attacks("encoder", context.attack_resources)
    text = segment("Film")
    if attack.source.offers(text, 0):
        assert answered(attack.source.options(text, 0)) == table["film"]
    vocabulary = context.train.encoded["synonym:encoder:1000.0:0"].vocabulary
    assert vocabulary.n_rows < context.train.encoded["plain"].vocabulary.n_rows


def test_what_knows_it_lets_nobody_hold_it_out():
    settings = {"final": {"held_out": ["encoder"]}}
    check(from_dict(settings))
    with pytest.raises(UserError, match=r"'encoder' cannot be held out.*encoding\.lexicons"):
        check(from_dict(settings | {"encoding": {"lexicons": ["wordnet", "encoder"]}}))
