"""A lost worker in the final evaluation is one clear line; results that came are kept."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import pytest

from rosearch.errors import UserError
from rosearch.evaluation.final import FinalJob
from rosearch.executors.faults import WorkerDied
from rosearch.results.folder import RunFolder
from rosearch.results.store import Store
from rosearch.run.finals import evaluate_all, keep_best_seeds
from rosearch.types import Fidelity, Final, FinalPlan, Robustness


def job(model: str) -> FinalJob:
    plan = FinalPlan(Fidelity(1, 1.0, 5, ("wordnet",)), ("wordnet",), 5)
    return FinalJob(model, 1, None, Path(model), plan)


def test_a_lost_worker_is_told_and_the_rest_is_kept(tmp_path):
    counts = {"wordnet": Robustness("wordnet", 5, 4, 2, 10)}
    final = Final("good", 1, None, 10, 4, 5, counts, 1.0, 1.0)
    called: list[str] = []

    class Calls:
        workers = 1

        def call(self, function, asked):
            called.append(asked.model)
            future: Future = Future()
            if asked.model == "good":
                future.set_result((final, {}))
            else:
                future.set_exception(WorkerDied("worker was killed by signal 9 (SIGKILL)"))
            return future

    with closing(Store(tmp_path / "run.db", create=True)) as store:
        evaluate_all([job("good")], store, Calls())
        with pytest.raises(UserError, match=r"of bad, seed 1, failed \(WorkerDied: worker was"):
            evaluate_all([job("good"), job("bad")], store, Calls())
        assert store.finals() == [final]
    assert called == ["good", "bad"]  # what is stored is not done again


def test_the_best_seed_is_the_student_and_the_others_are_put_aside(tmp_path):
    run = RunFolder(tmp_path)
    finals = [
        Final("id", seed, None, 10, 4, 5, {}, 1.0, 1.0, fitness=fitness)
        for seed, fitness in ((1, 0.5), (2, 0.9), (3, 0.7))
    ]
    for seed in (1, 2, 3, 4):  # the last one was never evaluated
        run.trained("id", seed).mkdir(parents=True)
        (run.trained("id", seed) / "seed").write_text(str(seed))
    keep_best_seeds(finals, run)
    keep_best_seeds(finals, run)
    assert (run.student("id") / "seed").read_text() == "2"
    assert [(x / "seed").read_text() for x in run.other_seeds("id")] == ["1", "3"]
    assert [path.name for path in run.students.iterdir()] == ["id"]
