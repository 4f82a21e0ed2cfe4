"""The uniform random sample: how it is drawn, and how it is evaluated beside a search."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from dataclasses import replace

import pytest
from made_scores import made_score

from rosearch.encodings.plain import PLAIN
from rosearch.run.sampling import evaluate_sample
from rosearch.space.cost import Limits
from rosearch.space.variation import Space
from rosearch.strategies import STRATEGIES, StrategyConfig
from rosearch.strategies.rungs import Rungs
from rosearch.strategies.scheduler import Scheduler
from rosearch.strategies.uniform import uniform_sample
from rosearch.types import Candidate, Fidelity, Job, Score, Trial

FIDELITY = Fidelity(1, 1.0, 10, ("wordnet",))


def score(candidate: Candidate, fidelity: Fidelity = FIDELITY) -> Score:
    fitness = candidate.seed / 2**31
    return made_score(0.8, 100, fitness, 0.5, 10, 1000, 1, 1.0, 1, 1.0, 1.0, fitness, fidelity)


def jobs(drawn: list[Candidate]) -> list[Job]:
    return [Job(c.index, c) for c in drawn]


class Counting:
    """An executor in this process that keeps what it was asked."""

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self.asked: list[Candidate] = []

    def submit(self, job: Job) -> Future[Score]:
        candidate = job.candidate
        self.asked.append(candidate)
        future: Future[Score] = Future()
        if candidate.index == 3:
            future.set_exception(ValueError("broken"))
        else:
            future.set_result(score(candidate))
        return future

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def test_a_smaller_sample_is_the_start_of_a_larger_one(space: Space):
    large = uniform_sample(space, 60, seed=4)
    assert uniform_sample(space, 20, seed=4) == large[:20]
    assert [c.index for c in large] == list(range(60))
    assert len({c.id for c in large}) == 60
    assert not {c.id for c in large} & {c.id for c in uniform_sample(space, 60, seed=5)}
    assert uniform_sample(space, 0, seed=4) == []


def test_genes_are_about_equally_frequent(space: Space):
    drawn = [c.genotype for c in uniform_sample(space, 400, seed=0)]
    for gene, values in (("encoding", 2), ("pooling", 4), ("width", 6), ("repeat", 3)):
        counts = Counter(getattr(g, gene) for g in drawn)
        assert len(counts) == values
        expected = 400 / values
        assert all(0.7 * expected < count < 1.3 * expected for count in counts.values()), gene


def test_limits_are_met_and_randomness_is_not_that_of_the_evolution(space: Space):
    limited = replace(space, limits=Limits(300_000))
    drawn = uniform_sample(limited, 30, seed=0)
    assert all(limited.fits(c.genotype) for c in drawn)
    strategy = STRATEGIES["random"](limited, StrategyConfig())
    search = Scheduler(strategy, Rungs(1), [], candidates=30, slots=30, seed=0)
    evolved = {job.candidate.id for _ in range(30) if (job := search.ask())}
    assert len(evolved) == 30 and len(evolved & {c.id for c in drawn}) < 3


def test_a_small_space_gives_what_it_has(space: Space):
    tiny = replace(
        space, ops=("lstm",), widths=(64,), embedding_dims=(32,), positions=("none",),
        codings=(PLAIN,), poolings=("max", "mean"), activations=("none",), max_nodes=1,
        max_repeat=1,
    )  # fmt: skip
    assert len(uniform_sample(tiny, 50, seed=0)) == 4  # two poolings, with and without norm


@pytest.mark.parametrize("workers", [1, 3])
def test_every_result_is_recorded_and_failures_too(space: Space, workers: int):
    drawn, recorded = uniform_sample(space, 8, seed=0), list[Trial]()
    executor = Counting(workers)
    evaluate_sample(jobs(drawn), [], [], executor, FIDELITY, recorded.append)
    assert sorted(t.candidate.index for t in recorded) == list(range(8))
    failed = [t for t in recorded if t.score is None]
    assert [(t.candidate.index, t.error) for t in failed] == [(3, "ValueError: broken")]


def test_what_is_recorded_or_evolved_is_not_evaluated_again(space: Space):
    drawn = uniform_sample(space, 8, seed=0)
    same = Candidate(17, drawn[5].genotype, drawn[5].seed, parent="x")
    cheaper = Candidate(18, drawn[6].genotype, drawn[6].seed)
    evolved = [
        Trial(same, score(same)),
        Trial(cheaper, score(cheaper, replace(FIDELITY, train_share=0.1))),
        Trial(Candidate(19, drawn[7].genotype, drawn[7].seed), error="ValueError: killed"),
    ]
    known = [Trial(c, score(c)) for c in drawn[:2]]
    executor, recorded = Counting(2), list[Trial]()
    evaluate_sample(jobs(drawn), known, evolved, executor, FIDELITY, recorded.append)
    assert [c.index for c in executor.asked] == [2, 3, 4, 6, 7]
    assert recorded[0] == Trial(drawn[5], score(same)), "the score that the evolution measured"
    again = Counting()
    evaluate_sample(jobs(drawn), known + recorded, evolved, again, FIDELITY, recorded.append)
    assert again.asked == [] and len(recorded) == 6
