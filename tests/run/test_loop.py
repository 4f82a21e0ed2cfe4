"""The loop of a search: what it records, when it stops, what it keeps."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_scores import made_score

from rosearch.encodings.plain import PLAIN
from rosearch.errors import UserError
from rosearch.results.store import Store
from rosearch.run.loop import AlikeFailures, kind_of, search_loop
from rosearch.space.cost import Sizes, params
from rosearch.space.genes import WIDTHS
from rosearch.space.genotype import Genotype, Node
from rosearch.space.variation import Space
from rosearch.strategies import STRATEGIES, StrategyConfig
from rosearch.strategies.rungs import Rungs
from rosearch.strategies.scheduler import Scheduler
from rosearch.types import Candidate, Fidelity, Job, Score, Trial

SIZES = Sizes({"plain": 3000}, 2)
SPACE = Space(SIZES, codings=(PLAIN,))
FIDELITIES = [
    Fidelity(1, 1.0, 10, (name,), None, p) for name, p in (("fgsm", 0.2), ("wordnet", 1.0))
]


def score(candidate: Candidate, fidelity: Fidelity) -> Score:
    rng = np.random.default_rng([candidate.seed, fidelity.attacked])
    clean, after = 0.5 + 0.4 * rng.random(), 0.4 * rng.random()
    size = params(candidate.genotype, SIZES)
    return made_score(
        clean, 100, after, 0.5, 10, size, 1, 1.0, 7, 1.0, 1.0, clean + after, fidelity
    )


class Threads:
    """Evaluates in threads, which end in any order; candidates in `broken` fail."""

    def __init__(self, workers: int, broken: frozenset[int] = frozenset()) -> None:
        self.workers, self.broken = workers, broken
        self.asked: list[tuple[int, str]] = []
        self.pool = ThreadPoolExecutor(workers)

    def submit(self, job: Job) -> Future[Score]:
        fidelity = FIDELITIES[job.rung]
        self.asked.append((job.candidate.index, fidelity.attack))
        return self.pool.submit(self.evaluate, job.candidate, fidelity)

    def evaluate(self, candidate: Candidate, fidelity: Fidelity) -> Score:
        if candidate.index in self.broken:
            raise ValueError(f"no weights in '/tmp/{candidate.id}' at {candidate.index}")
        return score(candidate, fidelity)

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *error: object) -> None:
        self.pool.shutdown(cancel_futures=True)


class Seen:
    """A view that keeps what it is shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[Trial, bool]] = []

    def show(self, trial: Trial, running: int, fresh: bool) -> None:
        self.shown.append((trial, fresh))


def scheduler(n: int = 24, queries: int | None = None) -> Scheduler:
    made = STRATEGIES["aging_evolution"](SPACE, StrategyConfig(population=6))
    return Scheduler(made, Rungs(2), [], n, 6, seed=3, queries=queries)


def run(store: Store, executor: Threads, search: Scheduler | None = None, **more) -> Seen:
    seen = Seen()

    def known(job: Job) -> Trial | None:
        return store.find(job.candidate.id, job.rung)

    with executor:
        search_loop(search or scheduler(), executor, known, store.add_trial, seen, **more)
    return seen


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "run.db", create=True)


@pytest.fixture
def whole(tmp_path: Path) -> list[Trial]:
    """What one worker finds undisturbed."""
    alone = Store(tmp_path / "whole.db", create=True)
    run(alone, Threads(1))
    return alone.trials()


@pytest.mark.parametrize("workers", [2, 8])
def test_every_stored_number_is_the_same_with_more_workers(
    store: Store, whole: list[Trial], workers: int
):
    seen = run(store, Threads(workers))
    assert store.trials() == whole
    assert [t.rung for t in whole].count(1) == 8
    assert len(seen.shown) == len(whole) == 32 and all(fresh for _, fresh in seen.shown)


def test_each_rung_has_its_fidelity(whole: list[Trial]):
    for trial in whole:
        assert trial.score is not None and trial.score.fidelity == FIDELITIES[trial.rung]


def test_killed_again_and_again_it_ends_the_same(store: Store, whole: list[Trial]):
    for stop in (1, 4, 9, 10):
        left = iter(range(stop))

        def die(trial: Trial, left=left) -> None:
            store.add_trial(trial)
            if next(left, None) is None:
                raise KeyboardInterrupt

        with Threads(3) as executor, pytest.raises(KeyboardInterrupt):
            search_loop(
                scheduler(), executor,
                lambda job: store.find(job.candidate.id, job.rung), die, Seen(),
            )  # fmt: skip
    before = len(store.trials())
    executor = Threads(2)
    seen = run(store, executor)
    assert store.trials() == whole
    assert 0 < len(executor.asked) == len(whole) - before
    assert [fresh for _, fresh in seen.shown].count(False) == before


def test_when_no_more_may_start_those_under_way_end(store: Store, whole: list[Trial]):
    turns = iter(range(10))
    run(store, Threads(3), may_start=lambda: next(turns, None) is not None)
    first = store.trials()
    assert len(first) == 10 and all(trial in whole for trial in first)
    run(store, Threads(2))
    assert store.trials() == whole


@pytest.mark.parametrize("workers", [1, 5])
def test_a_budget_of_queries_is_no_matter_of_workers(tmp_path: Path, workers: int):
    found = []
    for name, n in (("a", 1), ("b", workers)):
        own = Store(tmp_path / f"{name}.db", create=True)
        run(own, Threads(n), scheduler(queries=70))
        found.append(own.trials())
    assert found[0] == found[1]
    # Ten results of seven queries were learned; at most `slots` more were under way.
    assert 10 <= len(found[0]) <= 16


def test_a_longer_search_goes_on_from_a_shorter_one(store: Store, tmp_path: Path):
    run(store, Threads(2), scheduler(12))
    short = store.trials()
    executor = Threads(2)
    run(store, executor, scheduler(24))
    assert all(trial in store.trials() for trial in short)
    assert len({t.candidate.id for t in store.trials()}) == 24
    known = {(t.candidate.index, t.score.fidelity.attack) for t in short if t.score}
    assert not known & set(executor.asked)


def test_a_small_space_ends_the_search_without_an_error(store: Store):
    tiny = replace(
        SPACE, ops=("lstm",), widths=(64,), embedding_dims=(32,), positions=("none",),
        poolings=("max", "mean"), activations=("none",), max_nodes=1, max_repeat=1,
    )  # fmt: skip
    made = STRATEGIES["random"](tiny, StrategyConfig())
    search = Scheduler(made, Rungs(2), [], 50, 3, seed=0)
    run(store, Threads(2), search)
    assert search.exhausted and search.finished
    assert sorted(t.rung for t in store.trials()) == [0, 0, 0, 0, 1]


def test_three_that_fail_alike_end_the_run(store: Store):
    with pytest.raises(UserError, match=r"3 candidates failed in the same way: ValueError: no"):
        run(store, Threads(1, broken=frozenset({4, 5, 6})))
    failed = [t for t in store.trials() if t.score is None]
    assert [t.candidate.index for t in failed] == [4, 5, 6]
    run(store, Threads(1))  # the cause is mended: what failed stays, the run goes on
    assert len({t.candidate.id for t in store.trials()}) == 24


def failure(name: int, error: str) -> Trial:
    genotype = Genotype(32, WIDTHS[name], (Node((0,), "conv3"),))
    return Trial(Candidate(name, genotype, name), error=error)


def test_failures_count_by_kind_candidate_and_what_succeeded_meanwhile():
    ok = Trial(failure(0, "").candidate, score(failure(0, "").candidate, FIDELITIES[0]))
    failures = AlikeFailures()
    for trial in (failure(1, "E: a"), failure(1, "E: a"), failure(1, "E: a")):
        failures.learn(trial)  # one candidate on several rungs
    for trial in (failure(2, "E: b"), failure(3, "E: c"), failure(4, "E: a"), ok, ok, ok):
        failures.learn(trial)
    for trial in (failure(5, "E: a"), failure(6, "E: a"), ok, ok):
        failures.learn(trial)
    with pytest.raises(UserError, match="E: a"):
        failures.learn(failure(7, "E: a"))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("the loss became nan in batch 12 of 80", "the loss became nan in batch 7 of 80", True),
        ("No such file: /tmp/a1/b", "No such file: /home/x y", False),
        ("OSError: 'a.bin' is gone", "OSError: 'b.bin' is gone", True),
        ("MemoryError: 12.5 GB", "MemoryError: 3 GB", True),
        ("ValueError: odd", "TypeError: odd", False),
        ("died of signal 9", "died of signal 9", True),
    ],
)
def test_errors_are_alike_but_for_numbers_and_names(one: str, other: str, alike: bool):
    assert (kind_of(one) == kind_of(other)) == alike


def test_a_failed_candidate_is_recorded_and_told(store: Store):
    seen = run(store, Threads(4, broken=frozenset({2, 9})))
    failed = {t.candidate.index for t in store.trials() if t.score is None}
    assert failed == {2, 9} == {t.candidate.index for t, _ in seen.shown if t.score is None}
