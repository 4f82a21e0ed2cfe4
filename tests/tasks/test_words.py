"""Segmenting and changing texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosearch.tasks.words import like, segment


@given(st.text(max_size=80))
def test_segments_join_to_the_text(text: str):
    words = segment(text)
    assert words.text == text
    assert len(words.gaps) == len(words.words) + 1


def test_punctuation_casing_and_spacing_stay():
    words = segment("  Isn't this\ta GREAT (re-made) film?! 😀\n")
    assert words.words == ("Isn't", "this", "a", "GREAT", "re-made", "film")
    assert words.replaced(3, "superb").text == "  Isn't this\ta SUPERB (re-made) film?! 😀\n"


def test_deleting_leaves_one_gap():
    assert segment("a dull, slow film.").deleted(1).text == "a , slow film."
    assert segment("one two three").deleted(1).text == "one three"
    assert segment("word").deleted(0).text == ""


@pytest.mark.parametrize(
    ("original", "word", "result"),
    [("Film", "movie", "Movie"), ("FILM", "movie", "MOVIE"), ("film", "Paris", "Paris"),
     ("A", "one", "One"), ("", "x", "x")],
)  # fmt: skip
def test_casing(original: str, word: str, result: str):
    assert like(original, word) == result


def test_changed_positions():
    old = segment("a dull film")
    assert old.changed(old.replaced(1, "slow").replaced(2, "movie")) == (1, 2)
