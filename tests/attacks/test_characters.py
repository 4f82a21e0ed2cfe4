"""Character edits of published attacks, and the edit distance that bounds them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosearch.attacks.attack import Attack
from rosearch.attacks.constraints.distance import EditDistance
from rosearch.attacks.engine import attacked
from rosearch.attacks.methods import check_attack, lexicons_of, load_attacks, resources_for
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.sources import WordSource
from rosearch.attacks.sources.characters import deepwordbug_edits, textbugger_edits
from rosearch.errors import UserError
from rosearch.models.classifier import Classifier
from rosearch.tasks.words import segment

LEXICONS = {"deepwordbug": deepwordbug_edits, "textbugger": textbugger_edits}
WORDS = st.text(st.characters(categories=["L", "N"]), max_size=12)


def levenshtein(a: str, b: str) -> int:
    """The definition (Levenshtein 1966), row by row."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (x != y))
    return row[-1]


@pytest.mark.parametrize("name", LEXICONS)
@given(word=WORDS)
def test_edits_are_one_edit_and_the_same_for_everyone(name: str, word: str):
    first, second = LEXICONS[name](), LEXICONS[name]()
    made = first(word)
    assert made == second(word) and len(set(made)) == len(made) <= 4
    assert word not in made
    assert all(levenshtein(word, new) <= 2 for new in made)  # a swap counts as two


def test_deepwordbug_has_one_edit_of_each_kind():
    made = deepwordbug_edits()("brilliant")
    assert sorted(len(new) for new in made) == [8, 9, 9, 10]


def test_textbugger_has_its_four_bugs():
    made = textbugger_edits()("movie")
    space, deleted, swapped, alike = made
    assert space.replace(" ", "") == "movie" and space.count(" ") == 1
    assert len(deleted) == 4 and sorted(swapped) == sorted("movie")
    assert not alike.isascii() and len(alike) == 5
    assert all(new[0] == "m" and new[-1] == "e" for new in made[:3])
    assert not any(" " in new for new in textbugger_edits()("brilliant"))


def least_letters(texts: list[str]) -> np.ndarray:
    """A victim that is less sure the fewer letters are as they were."""
    share = np.array([0.6 + 0.3 * sum(c in "great film" for c in t) / (len(t) + 1) for t in texts])
    return np.stack([1 - share, share], 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 8))
def test_attacks_stay_within_the_edit_distance(most: int):
    text = "great gritty film of graft, mirage, gem"
    source = WordSource(deepwordbug_edits())
    attack = Attack("t", source, Greedy(), constraints=(EditDistance(most),))
    result = attacked(attack, Classifier.function(least_letters), [text], [1])[0]
    assert levenshtein(result.original, result.perturbed) <= most
    assert bool(result.changed) == (most > 0)


def test_textbuggers_texts_stay_alike(students, mr_train, mr):
    texts, labels = mr.test.texts[:6], mr.test.labels[:6]
    resources = resources_for(["textbugger"], texts)
    (attack,) = load_attacks("textbugger", resources)
    results = attacked(attack, Classifier.of(students[0], mr_train.tokenizer()), texts, labels)
    pairs = [(segment(r.original), segment(r.perturbed)) for r in results if r.changed]
    assert pairs and min(resources.model("encoder")(pairs)) >= 0.8 - 1e-4


def test_textbugger_takes_nearest_words_of_a_file(tmp_path):
    file = tmp_path / "n.json"
    file.write_text('{"film": ["movie", "flick", "picture", "cinema", "footage", "reel"]}')
    name = f"textbugger:{file}"
    check_attack(name)
    assert lexicons_of(name) == ("textbugger", f"file:{file}")
    (attack,) = load_attacks(name, resources_for([name], ["A film."]))
    options = attack.source.lexicon("film")
    assert options[:4] == textbugger_edits()("film")
    assert options[4:] == ("movie", "flick", "picture", "cinema", "footage")
    with pytest.raises(UserError, match="reads no lexicon of your own"):
        check_attack(f"deepwordbug:{file}")
