"""A sample of a split: stratified, with a floor per class, whatever the order of the texts."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rosearch.tasks import Split
from rosearch.tasks.sample import stratified_rows

LABELS = st.lists(st.integers(0, 4), max_size=60)
FLOORS = st.integers(0, 12)


def test_a_sample_of_a_sorted_split_has_its_shares() -> None:
    labels = [0] * 600 + [1] * 300 + [2] * 100
    taken = stratified_rows(labels, 50, seed=0)
    assert Counter(labels[r] for r in taken) == {0: 30, 1: 15, 2: 5}
    assert taken != stratified_rows(labels, 50, seed=1)


def test_rare_classes_get_their_floor() -> None:
    labels = [0] * 970 + [1] * 30
    assert Counter(labels[r] for r in stratified_rows(labels, 50, seed=0))[1] in (1, 2)
    floored = stratified_rows(labels, 50, seed=0, least_per_class=20)
    assert Counter(labels[r] for r in floored) == {0: 30, 1: 20}
    assert Counter(labels[r] for r in stratified_rows(labels, 10, seed=0, least_per_class=20)) == {
        0: 5,
        1: 5,
    }


@given(LABELS, st.integers(0, 80), st.integers(0, 9), FLOORS)
def test_a_sample_holds_no_row_twice_and_no_class_below_its_floor(
    labels: list[int], n: int, seed: int, floor: int
) -> None:
    taken = stratified_rows(labels, n, seed=seed, least_per_class=floor)
    assert len(taken) == len(set(taken)) == min(n, len(labels))
    total, found = Counter(labels), Counter(labels[r] for r in taken)
    wanted = {label: min(floor, count) for label, count in total.items()}
    if sum(wanted.values()) <= n:
        assert all(found[label] >= least for label, least in wanted.items())
    else:  # too few for all floors: nobody gets more than one above another that could have more
        assert all(
            found[a] <= found[b] + 1 for a in total for b in total if found[b] < total[b]
        )  # fmt: skip


@given(LABELS, st.integers(0, 80), st.integers(0, 80), FLOORS)
def test_a_smaller_sample_is_the_beginning_of_a_larger_one(
    labels: list[int], n: int, m: int, floor: int
) -> None:
    small, large = sorted((n, m))
    larger = stratified_rows(labels, large, seed=3, least_per_class=floor)
    assert larger[:small] == stratified_rows(labels, small, seed=3, least_per_class=floor)


@given(LABELS, st.integers(0, 60))
def test_without_a_floor_every_class_is_near_its_share(labels: list[int], n: int) -> None:
    n = min(n, len(labels))
    found, total = Counter(labels[r] for r in stratified_rows(labels, n, seed=0)), Counter(labels)
    # Each of the other classes can be half a text behind, all in favour of one class.
    assert all(abs(found[k] - n * total[k] / len(labels)) <= max(1, len(total) / 2) for k in total)


def test_a_split_gives_the_texts_and_labels_of_the_rows() -> None:
    split = Split(tuple(f"t{i}" for i in range(100)), tuple(int(i >= 90) for i in range(100)))
    taken = split.sample(20, seed=5, least_per_class=5)
    assert [split.labels[split.texts.index(t)] for t in taken.texts] == list(taken.labels)
    assert Counter(taken.labels) == {0: 15, 1: 5}
    assert len(split.sample(1000, seed=5)) == 100
