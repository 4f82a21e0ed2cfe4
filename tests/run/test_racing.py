"""The race after the search: how much work it is, and that nothing but the search decides it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from made_scores import made_score

from rosearch.config import RunConfig, make_config
from rosearch.results.store import Store
from rosearch.run.clock import Clock
from rosearch.run.racing import ATTACK, rounds, run_race
from rosearch.space.cost import Sizes
from rosearch.space.variation import Space, sample
from rosearch.strategies.points import choose
from rosearch.strategies.posterior import Standard, posterior
from rosearch.strategies.rungs import increments
from rosearch.types import Candidate, Fidelity, Job, Score, Trial

SPACE = Space(Sizes({"plain": 3000, "synonym:wordnet:0.015:0": 2000}, 2))
CONFIG = make_config("quick")
TEXTS = 600
STANDARD = Standard(CONFIG.fitness, 0.8, 0.72)


def scored(candidate: Candidate, fidelity: Fidelity) -> Score:
    """The better the student, the higher its index; the fewer texts, the more chance."""
    rng = np.random.default_rng([candidate.index, candidate.seed, fidelity.skipped])
    after = 0.1 + 0.01 * candidate.index + 0.3 * rng.normal() / fidelity.attacked**0.5
    clean, after = 0.75, float(np.clip(after, 0.01, 0.7))
    return made_score(
        clean, TEXTS, after, 1 - after / clean, fidelity.attacked, 10**6, 1, 1.0, 1, 1.0, 1.0,
        after / clean + clean, fidelity,
    )  # fmt: skip


def searched(n: int = 24) -> list[Trial]:
    rng, full = np.random.default_rng(0), Fidelity(1, 1.0, 150, ("wordnet",))
    drawn = [Candidate(i, sample(SPACE, rng), i) for i in range(n)]
    return [Trial(c, scored(c, full)) for c in drawn]


class Workers:
    """Evaluates at once; stops the run after some evaluations."""

    def __init__(self, workers: int, stop_after: int | None = None) -> None:
        self.workers, self.stop_after = workers, stop_after
        self.jobs: list[Job] = []

    def submit(self, job: Job) -> Future[Score]:
        if len(self.jobs) == self.stop_after:
            raise KeyboardInterrupt
        self.jobs.append(job)
        assert job.fidelity is not None
        future: Future[Score] = Future()
        future.set_result(scored(job.candidate, job.fidelity))
        return future


def race(store: Store, workers: Workers, config: RunConfig = CONFIG) -> list[Trial]:
    context = SimpleNamespace(validation=range(TEXTS))
    return run_race(config, SPACE, STANDARD, context, workers, store, Clock(store, None))


def finalists(trials: Sequence[Trial], raced: Sequence[Trial]) -> list[tuple[str, tuple[str, ...]]]:
    found = choose(posterior(trials, raced, SPACE, STANDARD), 3)
    return [(f.trial.candidate.id, f.points) for f in found]


def test_a_killed_race_ends_as_one_left_alone_with_any_number_of_workers(tmp_path: Path):
    trials, ended = searched(), {}
    for workers in (1, 3):
        with closing(Store(tmp_path / f"{workers}.db", create=True)) as store:
            store.add_trial(*trials)
            for stop in (2, 3):
                with pytest.raises(KeyboardInterrupt):
                    race(store, Workers(workers, stop))
            last = Workers(workers)
            ended[workers] = race(store, last)
            assert 0 < len(last.jobs) < len(ended[workers])
            assert race(store, none := Workers(1)) == ended[workers] and not none.jobs
            assert {t.rung for t in store.raced()} == {0, 1}
            store.add_trial(Trial(Candidate(99, searched(30)[28].candidate.genotype, 1), error="x"))
    assert ended[1] == ended[3]
    assert finalists(trials, ended[1]) == finalists(trials, ended[3])
    own = [t for t in ended[1] if t.rung == 0]
    again = [t for t in ended[1] if t.rung == 1]
    assert all(t.candidate.seed == t.candidate.index for t in own)
    assert {t.candidate.seed for t in again} == {
        CONFIG.seed + 1
    }  # that of the first final training


@pytest.mark.parametrize("preset", ["smoke", "quick", "standard"])
def test_the_race_takes_no_more_than_its_share(preset: str):
    config = make_config(preset)
    s, final = config.search, config.final
    trials = searched(s.candidates)
    if len(s.rungs) > 1:
        moved = [replace(t, rung=1) for t in trials[: int(s.candidates / s.keep)]]
        trials = [*trials, *moved]
    found = rounds(config, trials, TEXTS)
    longer = final.epochs / s.epochs
    cost = 0.0
    for r in found:
        training = 0.0 if r.seed is None else (1 - ATTACK) * longer
        rejected = r.contenders if r.seed is None else r.contenders - final.finalists
        assert rejected > 0 and r.fidelity.skipped >= s.attacked
        assert r.fidelity.skipped + r.fidelity.attacked <= TEXTS
        cost += rejected * (training + ATTACK * r.fidelity.attacked / s.attacked)
    added = increments(s.rungs)
    assert cost <= s.race * sum(added[t.rung] for t in trials) and (len(found) == 2) == (
        preset != "smoke"
    )
    assert rounds(make_config(preset, overrides={"search": {"race": 0}}), trials, TEXTS) == []
    assert rounds(config, trials[: final.finalists], TEXTS) == []  # nobody can be rejected


def test_few_validation_texts_are_attacked_again_with_another_seed_only():
    found = rounds(CONFIG, searched(), CONFIG.search.attacked)
    assert [r.seed for r in found] == [CONFIG.seed + 1] and found[0].fidelity.skipped == 0
