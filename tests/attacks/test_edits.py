"""Edit families: what each kind of edit may do to a word, and splits through the whole engine."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_characters import levenshtein

from rosearch.attacks.engine import attacked
from rosearch.attacks.methods import families_of, load_attacks, resources_for
from rosearch.attacks.sources import LEXICONS
from rosearch.attacks.sources.disguises import KINDS, disguises
from rosearch.attacks.sources.joins import Joins
from rosearch.attacks.steps import answered
from rosearch.models.classifier import Classifier
from rosearch.tasks.words import segment

FAMILIES = (
    "first-letter", "two-edits", "repeats", "phonetic", "leet", "splits", "look-alikes",
    "real-words",
)  # fmt: skip
LATIN = st.text("abcdefghijklmnopqrstuvwxyz", max_size=12)


@pytest.mark.parametrize("name", FAMILIES)
@given(word=LATIN | st.text(max_size=8))
def test_any_word_is_edited_alike_everywhere(name: str, word: str):
    first, second = LEXICONS[name].make(), LEXICONS[name].make()
    made = first(word)
    assert made == second(word) and len(set(made)) == len(made) <= 8
    assert word not in made and "" not in made


@pytest.mark.parametrize("name", [*FAMILIES, "joins"])
def test_each_kind_is_a_family_of_its_own(name: str):
    assert families_of(name) == {name}


@given(word=LATIN)
def test_edits_stay_within_their_kind(word: str):
    def of(name: str) -> tuple[str, ...]:
        return LEXICONS[name].make()(word)

    for new in of("first-letter"):
        assert new[-1] == word[-1] and levenshtein(word, new) <= 2
        assert new.endswith(word[2:])
    for new in of("two-edits"):
        assert (new[0], new[-1]) == (word[0], word[-1]) and levenshtein(word, new) <= 4
    for new in of("repeats"):
        assert squeezed(new) == squeezed(word) and len(new) > len(word)
    for new in of("leet"):
        assert len(new) == len(word)
        assert all(a == b or not b.isalpha() for a, b in zip(word, new, strict=True))
    for new in of("splits"):
        assert new.translate({ord(mark): None for mark in " -."}) == word
        assert new[0] == word[0] and new[-1] == word[-1]
    for new in of("look-alikes"):
        assert not new.isascii()


def squeezed(word: str) -> str:
    return word[:1] + "".join(b for a, b in pairwise(word) if a != b)


def test_kinds_have_what_they_are_named_for():
    def of(name: str, word: str) -> tuple[str, ...]:
        return LEXICONS[name].make()(word)

    assert {"nite"} <= set(of("phonetic", "night")) and "phylm" in of("phonetic", "film")
    assert {"9r347", "9r3@7"} <= set(of("leet", "great"))
    assert {"firm", "fill"} <= set(of("real-words", "film"))
    folded = [unicodedata.normalize("NFKC", new) for new in of("look-alikes", "great")]
    assert "great" in folded  # full-width letters
    assert any(unicodedata.category(c) == "Cf" for new in of("look-alikes", "great") for c in new)
    assert {c for new in of("splits", "great") for c in new} >= set(" -.")


@given(text=st.text(" ab,-'B1\u0301\u200d\n", max_size=30))
def test_a_join_takes_a_space_out_and_nothing_else(text: str):
    source, words = Joins(), segment(text)
    spaces = 0
    for i in range(len(words.words)):
        options = answered(source.options(words, i))
        assert bool(options) == source.offers(words, i)
        for both in options:
            put = source.put(words, i, both)
            assert len(put.words) == len(words.words) and len(put.text) == len(text) - 1
            at = next(
                k for k, (a, b) in enumerate(zip(text, put.text + "|", strict=True)) if a != b
            )
            assert text[at] == " " and put.text == text[:at] + text[at + 1 :]
            left, right = text[at - 1], text[at + 1]
            assert i in words.changed(put) and left.isalpha() and right.isalpha()
            spaces += 1
    assert spaces <= 2 * text.count(" ")


def test_a_pair_keeps_its_first_text_and_both_neighbours_are_offered():
    words = segment(("a b", "one two  three, four five"))
    offered = [answered(Joins().options(words, i)) for i in range(5)]
    assert offered == [("onetwo",), ("onetwo",), (), ("fourfive",), ("fourfive",)]
    assert Joins().put(words, 1, "onetwo").example == ("a b", "onetwo  three, four five")
    middle = segment("one two three")
    assert answered(Joins().options(middle, 1)) == ("twothree", "onetwo")
    joined = Joins().put(Joins().put(middle, 1, "onetwo"), 1, "onetwothree")
    assert joined.words == ("", "onetwothree", "")


@given(word=LATIN | st.text(max_size=8))
def test_a_word_in_every_disguise(word: str):
    forms = disguises(word)
    assert forms == disguises(word.upper() if word.isascii() else word)
    assert len(forms) in (0, len(KINDS)) and "" not in forms
    if len(word) > 1 and set(word) <= set("aeiost"):
        lower = word.lower()
        assert lower not in forms and len(set(forms)) >= len(KINDS) - 1  # leet may be one


def test_the_whole_text_is_disguised_and_the_worst_is_kept():
    (attack,) = load_attacks("disguises", resources_for(["disguises"], ["x"]))
    asked: list[str] = []

    def victim(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        sure = [0.9 if text.isascii() else 0.4 - 0.01 * len(text) for text in texts]
        return np.array([[p, 1 - p] for p in sure])

    (found,) = attacked(attack, Classifier.function(victim), ["The film, a B movie!"], [0])
    assert (found.status, found.queries, len(asked)) == ("flipped", 17, 17)
    assert found.perturbed == min((t for t in asked if not t.isascii()), key=lambda t: -len(t))
    assert found.changed == (0, 1, 4) and all(t.count(", ") == 1 for t in asked)
    assert {"Thefilm, aBmovie!", "The * film, a * B * movie!"} < {
        t.replace("A", "a") for t in asked
    }
    few = attack.limited("few", attack.goal, max_queries=3)
    assert attacked(few, Classifier.function(victim), ["The film"], [0])[0].queries == 3
    (same,) = attacked(attack, Classifier.function(victim), ["a 1994 b"], [0])
    assert (same.status, same.unchangeable, same.queries) == ("survived", True, 1)


@pytest.mark.parametrize("name", ["splits", "joins", "look-alikes", "leet", "disguises"])
def test_the_engine_asks_what_the_plain_path_answers(name: str, victims, real_texts):
    """The victim's words are others in number; whole texts say the same as joined pieces."""
    texts, labels = (found[:20] for found in real_texts)
    (attack,) = load_attacks(name, resources_for([name], texts))
    fast = victims[0]
    tokenizer, model = fast.tokenizer, fast.model

    def plain(asked: list[str]) -> np.ndarray:
        rows = []
        for text in asked:
            ids = tokenizer(text, truncation=True, max_length=512, return_tensors="pt")["input_ids"]
            with torch.inference_mode():
                rows.append(model(input_ids=ids).logits.softmax(-1)[0].numpy())
        return np.stack(rows)

    found = attacked(attack, fast, texts, labels)
    expected = attacked(attack, Classifier.function(plain), texts, labels)
    for a, b in zip(found, expected, strict=True):
        assert (a.status, a.perturbed, a.path, a.queries) == (
            b.status,
            b.perturbed,
            b.path,
            b.queries,
        )
        assert a.after == pytest.approx(b.after, abs=1e-4)
    changed = [r for r in found if r.changed]
    assert changed
    if name == "joins":
        for r in changed:
            same = [t.replace(" ", "") for t in (r.original, r.perturbed)]
            assert same[0] == same[1] and r.original != r.perturbed
            became = dict(zip(r.changed, r.replacements, strict=True))
            words = [became.get(i, w) for i, w in enumerate(segment(r.original).words)]
            assert "".join(words) == "".join(segment(r.perturbed).words)
            assert "" in r.replacements
    if name == "splits":
        assert any(
            len(segment(r.perturbed).words) > len(segment(r.original).words) for r in changed
        )
