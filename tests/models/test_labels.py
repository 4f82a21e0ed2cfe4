"""A model's labels and a task's: paired by name or by the user, never by number in silence."""

from __future__ import annotations

import shlex

import numpy as np
import pytest

from rosearch.errors import UserError
from rosearch.models.labels import (
    against_chance,
    check_labels,
    check_teacher,
    likely_order,
    numbers,
    proposal,
    relabelled,
)
from rosearch.tasks.labels import read_label_map

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("theirs", "ours", "order"),
    [
        (("pos", "neg"), ("neg", "pos"), (1, 0)),
        (("NEG", " Pos"), ("neg", "pos"), (0, 1)),
        (("sci_tech", "World  News"), ("world news", "Sci/Tech"), (1, 0)),
        (("LABEL_1", "LABEL_0"), ("0", "1"), (1, 0)),
        (("1 star", "5 stars"), ("5 Stars", "1 Star"), (1, 0)),
        (("C", "C++"), ("c++", "c"), (1, 0)),
        (("1", "-1"), ("-1", "1"), (1, 0)),
        ((), ("a", "b", "c"), (0, 1, 2)),
    ],
)
def test_names_are_paired_without_case_spaces_and_separators(theirs, ours, order):
    assert numbers(theirs, ours) == order


@pytest.mark.parametrize(
    ("theirs", "ours", "pairs"),
    [
        (("POSITIVE", "NEGATIVE"), ("neg", "pos"), "POSITIVE=pos,NEGATIVE=neg"),
        (("LABEL_0", "LABEL_1"), ("neg", "pos"), "LABEL_0=neg,LABEL_1=pos"),
        (("LABEL_0", "LABEL_1"), ("1", "2"), "LABEL_0=1,LABEL_1=2"),
        (("pos", "negative"), ("neg", "pos"), "pos=pos,negative=neg"),
        (("a", "A"), ("a", "b"), "a=a,A=b"),
        (("x, y", "z"), ("u", "v"), '{"x, y": "u", "z": "v"}'),
    ],
)
def test_other_names_are_refused_with_both_lists_and_an_option_that_works(theirs, ours, pairs):
    with pytest.raises(UserError) as found:
        numbers(theirs, ours, model="the model m")
    said = str(found.value)
    assert f"the model m ({', '.join(theirs)})" in said and f"({', '.join(ours)})" in said
    assert "\n" not in said
    option = shlex.split(said[said.index("--label-map") :])
    assert option == ["--label-map", pairs]
    made = numbers(theirs, ours, read_label_map(option[1], ours))
    assert [theirs[i] for i in made] == [
        dict(map(reversed, proposal(theirs, ours)))[n] for n in ours
    ]


def test_another_number_of_labels_is_refused():
    with pytest.raises(UserError, match=r"2 labels \(a, b\) and the task has 3 \(a, b, c\)"):
        numbers(("a", "b"), ("a", "b", "c"))


def test_a_label_map_is_for_those_models_that_have_its_names():
    pairs = read_label_map("positive=pos, NEGATIVE=NEG", ("neg", "pos"))
    assert pairs == (("positive", "pos"), ("NEGATIVE", "neg"))
    assert numbers(("POSITIVE", "negative"), ("neg", "pos"), pairs) == (1, 0)
    assert numbers(("neg", "pos"), ("neg", "pos"), pairs) == (0, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("positive", "expected MODEL=TASK"),
        ("a=pos,", "expected MODEL=TASK"),
        ('{"a": ', "no JSON object"),
        ("a=yes", "the task has no label 'yes'; its labels are neg, pos"),
        ("a=pos,b=pos", "stands twice"),
    ],
)
def test_a_label_map_that_cannot_be_is_refused(text, said):
    with pytest.raises(UserError, match=said):
        read_label_map(text, ("neg", "pos"))


def test_labels_of_predictions_can_be_renamed():
    assert relabelled(("LABEL_0", "LABEL_1"), "label_1=spam") == ["LABEL_0", "spam"]
    with pytest.raises(UserError, match=r"no label 'x'; the model's labels are a, b"):
        relabelled(("a", "b"), "x=spam")


def test_what_is_far_below_chance_is_refused_with_the_swap():
    labels = np.arange(60) % 3
    right = np.where(RNG.random(60) < 0.9, labels, 0)
    check_labels(right, labels, ("a", "b", "c"), ("A", "B", "C"), "m")
    said = (right + 1) % 3  # what it calls a, b, c is c, a, b
    assert likely_order(said, labels, 3) == (2, 0, 1)
    with pytest.raises(UserError, match=r"m is far worse .* --label-map A=c,B=a,C=b"):
        check_labels(said, labels, ("a", "b", "c"), ("A", "B", "C"), "m")
    check_labels(np.zeros(60, int), labels, ("a", "b", "c"), (), "m")  # knows nothing: no swap
    check_labels(RNG.integers(0, 3, 60), labels, ("a", "b", "c"), (), "m")


def test_a_teacher_has_to_know_more_than_a_constant():
    labels = np.array([0] * 90 + [1] * 10)
    constant = np.zeros(100, int)
    assert against_chance(constant, labels, 2)[0] == 0.5
    with pytest.raises(UserError, match=r"no better than a constant guess.*teacher.weak=keep"):
        check_teacher(constant, labels, 2, "t")
    found = constant.copy()
    found[90:98] = 1
    check_teacher(found, labels, 2, "t")
    assert against_chance(found, labels, 2)[0] == pytest.approx(0.9)
