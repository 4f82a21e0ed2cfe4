"""Lexicons: a user's vectors and tables, WordNet with and without inflection."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from rosearch.attacks.lexicon import cached_table
from rosearch.attacks.sources import LEXICONS, single_word, vectors
from rosearch.attacks.sources.neighbours import neighbours
from rosearch.attacks.sources.roget import _entries, roget
from rosearch.attacks.sources.vectors import load_vectors
from rosearch.attacks.sources.webster import _alone, webster
from rosearch.attacks.sources.webster import _entries as _explained_by
from rosearch.attacks.sources.wordnet import wordnet_inflected
from rosearch.cli.fetch import needed_resources
from rosearch.config import make_config
from rosearch.errors import UserError
from rosearch.evaluation.held_out import check


def test_nearest_words_are_those_of_all_pairs(tmp_path, monkeypatch, rng):
    monkeypatch.setattr(vectors, "CHUNK", 7)
    matrix = rng.normal(size=(200, 5)).astype(np.float32)
    matrix[50:60] = matrix[40:50]  # ties
    words = [f"w{i}" for i in range(200)]
    file = tmp_path / "v.txt"
    file.write_text(
        "".join(
            f"{w} {' '.join(map(repr, row.tolist()))}\n"
            for w, row in zip(words, matrix, strict=True)
        )
    )
    loaded = load_vectors(file, tmp_path / "cache")
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    assert loaded.matrix == pytest.approx(unit, abs=1e-6)
    near = loaded.nearest([*words[:30], "unknown"], 10, 0.5)
    assert "unknown" not in near
    cosines = unit @ unit.T
    for i in range(30):
        order = sorted(
            (j for j in range(200) if j != i), key=lambda j: -round(float(cosines[i, j]), 6)
        )
        best = [j for j in order if cosines[i, j] >= 0.5][:10]
        found = [words.index(w) for w in near[f"w{i}"]]
        assert len(found) == len(best)
        assert cosines[i, found] == pytest.approx(cosines[i, best], abs=1e-6)


def test_vectors_are_parsed_once_per_content(tmp_path, monkeypatch):
    file, cache = tmp_path / "v.txt", tmp_path / "cache"
    file.write_text("film 1 0\nmovie 1 0.1\n")
    table = cached_table(f"file:{file}", {"film", "dog"}, cache)
    assert table == {"film": ("movie",)}
    with monkeypatch.context() as patch:
        patch.setattr(vectors, "_parse", None)
        assert cached_table(f"file:{file}", {"movie"}, cache) == {"movie": ("film",)}
    file.write_text("film 1 0\nflick 1 0.1\n")
    assert cached_table(f"file:{file}", {"film", "dog"}, cache) == {"film": ("flick",)}
    assert len(list(cache.glob("vectors-*"))) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "film 1 0\nmovie 1\n",
            "line 2: expected a word and 2 numbers that are not all zero, found 1",
        ),
        ("film 0 0\n", "not all zero"),
        ("film 1 nan\n", "not all zero"),
        ("film 1 x\n", "line 1: expected a word and its numbers"),
        ("film\n", "expected a word and"),
        ("", "found none"),
        (b"\xff\xfe 1\n", "UTF-8"),
    ],
)
def test_bad_vectors_are_one_line(tmp_path, content, message: str):
    file, cache = tmp_path / "v.txt", tmp_path / "cache"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message) as caught:
        load_vectors(file, cache)
    assert "\n" not in str(caught.value) and str(file) in str(caught.value)
    assert not list(cache.glob("*"))
    with pytest.raises(UserError, match="cannot read"):
        load_vectors(tmp_path / "none.txt", cache)


def test_a_table_of_ones_own(tmp_path):
    file = tmp_path / "n.json"
    file.write_text('{"film": ["movie", "two words", "flick"], "dog": []}')
    assert neighbours(file, ["film", "dog", "cat"], tmp_path) == {"film": ("movie", "flick")}
    many = [[f"{'x' * i}", 1 - i / 1000] for i in range(60, 0, -1)]
    file.write_text(json.dumps({"film": [["far", 0.49], *many]}))
    found = neighbours(file, ["film"], tmp_path)["film"]
    assert found == tuple("x" * i for i in range(1, 51))
    for bad in ("[1]", '{"a": "b"}', "{", '{"a": [1]}', '{"a": [["b", "c"]]}', '{"a": [["b"]]}'):
        file.write_text(bad)
        with pytest.raises(UserError, match=r"n\.json"):
            neighbours(file, ["a"], tmp_path)


@pytest.mark.parametrize(
    ("word", "offered", "never"),
    [
        ("movies", {"films", "pictures"}, {"film", "movie", "Movies"}),
        ("walked", set(), {"walk", "walked"}),
        ("film", {"movie", "picture", "shoot"}, {"movies", "films"}),
        ("went", {"moved", "became", "got"}, {"go", "move", "going", "gone"}),
        ("worst", {"riskiest"}, {"speculativest", "bad"}),
        ("put", {"set", "placed"}, {"placing", "positions"}),
        ("Travelled", {"went", "moved"}, {"travel"}),
    ],
)
def test_synonyms_keep_the_inflection(word: str, offered: set[str], never: set[str]):
    found = set(wordnet_inflected()(word))
    assert offered <= found
    assert not never & found


@pytest.mark.parametrize(
    ("word", "offered", "never"),
    [
        ("lovely", {"graceful", "elegant"}, {"lovely"}),
        ("Happy", {"blissful", "fortunate"}, {"happily"}),
        ("tedious", {"boring", "tiresome"}, {"tediousness"}),
        ("fails", {"breaks", "declines"}, {"break", "decline", "fail"}),  # in its inflection
        ("films", {"membranes"}, {"membrane", "film"}),
        ("funny", {"droll", "laughable", "skiff"}, {"drolly"}),  # as an adjective and as a noun
        ("xyzzy", set(), {"xyzzy"}),
    ],
)
def test_roget_lists_words_of_a_group(word: str, offered: set[str], never: set[str]):
    found = roget()(word)
    assert offered <= set(found) and not never & set(found)
    assert len(found) <= 15 and len(set(found)) == len(found)


def test_what_roget_lists_is_words():
    """No references, languages, numbers or names of sections are left of the page."""
    entries = _entries()
    words = {word for part in entries.values() for word in part}
    assert 25_000 < len(words) < 32_000
    assert all(single_word(word) and word == word.lower() for word in words)
    assert not words & {"&c", "n", "adj", "lat", "being, in the concrete"}
    for part in entries.values():
        assert all(word in part[other] for word, others in part.items() for other in others)


@pytest.mark.parametrize(
    ("word", "offered", "never"),
    [
        ("dull", {"stupid", "sluggish", "lifeless"}, {"dull", "slow of understanding"}),
        ("Funny", {"droll", "comical", "amusing"}, {"funny"}),
        ("fails", {"disappoints", "declines"}, {"fail", "decline"}),  # in its inflection
        ("good", {"serviceable", "admirable"}, {"bad", "evil", "corrupt"}),  # "not bad, corrupt"
        ("carissa", set(), {"shrub"}),  # an addition from WordNet
        ("xyzzy", set(), {"xyzzy"}),
    ],
)
def test_webster_explains_words_by_words(word: str, offered: set[str], never: set[str]):
    found = webster()(word)
    assert offered <= set(found) and not never & set(found)
    assert len(found) <= 15 and len(set(found)) == len(found)


def test_what_stands_alone_in_a_definition():
    text = "To terrify (Obs.); to alarm, or daunt; not bad, evil; hence, dread; as, a dim lamp."
    assert list(_alone(text)) == ["terrify", "alarm", "daunt", "hence", "dread"]


def test_what_webster_lists_is_words_of_the_same_part_of_speech():
    entries = _explained_by()
    assert {part: 1000 < len(words) < 30_000 for part, words in entries.items()} == dict.fromkeys(
        ("NOUN", "VERB", "ADJ", "ADV"), True
    )
    for part in entries.values():
        assert all(single_word(word) and word == word.lower() for word in part)
        assert all(word in part[other] for word, others in part.items() for other in others)
    assert "hence" not in entries["ADJ"] and "hence" not in entries["NOUN"]


def test_lexicons_that_differ_in_form_only_are_no_held_out_ones():
    inflected = make_config("quick", None, {"final": {"held_out": ("pwws",)}})
    with pytest.raises(UserError, match="'pwws' cannot be held out"):
        check(inflected)
    searched = make_config("quick", None, {"search": {"attack": "textfooler"}})
    assert {"minilm", "en_core_web_sm", "wordnet"} <= set(needed_resources(searched))


def test_lexicons_do_not_depend_on_the_order_of_sets():
    """Two processes that hash strings differently read the same words in the same order."""
    code = """
from rosearch.attacks.sources.wordnet import wordnet_antonyms, wordnet_relatives
words = "acceptable accomplish good great bad run happy dull make get terrible funny old new big"
for lexicon in (wordnet_relatives(), wordnet_antonyms()):
    print([lexicon(word) for word in words.split()])
"""
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert "complete" in said[0]  # a hypernym of accomplish


def test_words_of_the_thesaurus_list_each_other():
    near = LEXICONS["thesaurus"].make()
    assert {"horrible", "dreadful"} <= set(near("terrible"))
    assert near("Terrible") == near("terrible")
    assert "terrible" in near("horrible")
    assert near("xyzzy") == ()
    words = ("terrible", "funny", "story", "walk")
    assert all(w not in near(w) and len(near(w)) == 15 for w in words)
