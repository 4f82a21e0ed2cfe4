"""The benchmark of searches: Optuna's adapter, curves and comparisons."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from made_scores import made_score

from rosearch.config import make_config, readings_of, votes_of
from rosearch.encodings.reading import Reading
from rosearch.errors import UserError
from rosearch.space.cost import Limits, Sizes
from rosearch.space.genotype import Genotype, Node
from rosearch.space.variation import Space, sample
from rosearch.types import Fidelity, Job, Trial

SIZES = Sizes({"plain": 3000, "synonym:wordnet:0.015:0": 2000}, 2)
SPACE = Space(SIZES, Limits(max_params=400_000))
QUICK = make_config("quick", None, {}).space
VOTING = replace(SPACE, votes=votes_of(QUICK), readings=readings_of(QUICK))
READING = Genotype(32, 64, (Node((0,), "lstm"),), reading=Reading())
FIDELITY = Fidelity(1, 1.0, 10, ("wordnet",))


@pytest.fixture(scope="module")
def benchmarks():
    """The modules of the benchmark."""
    folder = str(Path(__file__).parents[1] / "benchmarks")
    sys.path.insert(0, folder)
    try:
        import search
        import search_methods
        import search_students

        yield SimpleNamespace(search=search, methods=search_methods, students=search_students)
    finally:
        sys.path.remove(folder)


class Told:
    """Suggests what it was told, as Optuna does with an enqueued trial."""

    def __init__(self, values: dict[str, int]) -> None:
        self.values = values

    def suggest_int(self, name: str, low: int, high: int) -> int:
        assert low <= self.values[name] <= high
        return self.values[name]

    def suggest_categorical(self, name: str, choices: list[int]) -> int:
        assert self.values[name] in choices
        return self.values[name]


@pytest.mark.parametrize("space", [SPACE, VOTING], ids=["cells", "all mechanisms"])
def test_a_genotype_is_described_and_suggested_again(benchmarks, rng, space: Space):
    for _ in range(200):
        genotype = sample(space, rng)
        told = Told(benchmarks.methods.described(genotype, space))
        assert benchmarks.methods.suggested(told, space) == genotype


def test_what_optuna_suggests_is_offered(benchmarks):
    """A reading without any of its steps is none: the nearest one is taken."""
    steps = {
        name: 1 for name in benchmarks.methods.described(READING, VOTING) if "reading." in name
    }
    told = Told({**benchmarks.methods.described(READING, VOTING), **steps})
    assert benchmarks.methods.suggested(told, VOTING).reading in VOTING.readings[1:]


def scored(job: Job, fitness: float) -> Trial:
    score = made_score(
        clean=0.5 + fitness / 10, n_clean=10, after_attack=fitness / 10, attack_success_rate=0.5,
        attacked=10, params=1000, flops=1, latency_ms=1.0, queries=1, train_seconds=1.0,
        attack_seconds=1.0, fitness=fitness, fidelity=FIDELITY,
    )  # fmt: skip
    return Trial(job.candidate, score, rung=job.rung)


def conv_share(g: Genotype) -> float:
    return sum("conv" in node.op for node in g.nodes) / len(g.nodes)


def test_methods_have_the_limits_of_a_run(benchmarks, rng):
    """Volume counts above the floor, and guessing is no accuracy, as in a run."""
    config = make_config("quick", None, {"search": {"strategy": "surrogate"}})
    problem = benchmarks.methods.Problem(SPACE, [sample(SPACE, rng)], config, 0.55, 0.7)
    engine = benchmarks.methods.METHODS["rungs"](problem, 0)
    for strategy in (
        engine.scheduler.strategy,
        benchmarks.methods.METHODS["full"](problem, 0).strategy,
    ):
        assert (strategy.config.chance_accuracy, strategy.config.floor) == (0.55, 0.7)


@pytest.mark.parametrize("name", ["rungs", "full", "random", "nsga2", "tpe"])
def test_methods_start_alike_stay_in_the_space_and_repeat_themselves(benchmarks, name: str, rng):
    if name in ("nsga2", "tpe"):
        pytest.importorskip("optuna")
    config = make_config(
        "quick", None, {"search": {"rungs": [0.1, 1.0], "population": 8, "slots": 1}}
    )
    seeds = [sample(SPACE, rng) for _ in range(3)]
    problem = benchmarks.methods.Problem(SPACE, seeds, config)

    def play(told: int) -> list[tuple[str, int]]:
        method, asked = benchmarks.methods.METHODS[name](problem, 0), []
        for _ in range(told):
            job = method.ask()
            assert SPACE.fits(job.candidate.genotype)
            asked.append((job.candidate.id, job.rung))
            failed = Trial(job.candidate, error="boom", rung=job.rung)
            good = scored(job, conv_share(job.candidate.genotype))
            method.tell(job, failed if job.index == 5 else good)
        return asked

    asked = play(40)
    firsts = [id for id, rung in asked if rung == (0 if name == "rungs" else 1)][:3]
    assert firsts == [g.hash for g in seeds]
    assert asked == play(40)
    if name == "rungs":
        assert len(set(asked)) == len(asked)
        assert {rung for _, rung in asked} == {0, 1}
    else:
        assert {rung for _, rung in asked} == {1}


def line(seconds: float, after: float, rung: int = 1, id: str = "a") -> dict[str, Any]:
    numbers = (0.75, 10, after, 0.5, 10, 50, 1, 1.0, 1, 1.0, 1.0, 1.0)
    score = asdict(made_score(*numbers, FIDELITY))
    return {"id": id, "rung": rung, "score": score, "seconds": seconds}


def run_of(benchmarks, tmp_path: Path, method: str, lines: list[dict[str, Any]]):
    path = tmp_path / f"{method}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return benchmarks.search.read_run(path, method, 0, 1, 2, 100, "seconds")


def test_the_volume_counts_full_evaluations_only(benchmarks, tmp_path: Path):
    failed = {"id": "x", "rung": 1, "score": None, "seconds": 10.0}
    lines = [line(10, 0.9, rung=0), failed, line(20, 0.5), line(10, 0.2), line(10, 0.8, id="b")]
    run = run_of(benchmarks, tmp_path, "rungs", lines)
    # Box between (0, 0.5, 100) and (1, 1, 0): half of the accuracy and half of the size.
    assert run.ends == pytest.approx([40, 50, 60])
    assert run.values == pytest.approx([0.125, 0.125, 0.2])
    assert [run.at(t) for t in (39, 40, 59, 1000)] == pytest.approx([0, 0.125, 0.125, 0.2])
    assert (run.reaches(0.15), run.reaches(0.3)) == (60, float("inf"))
    assert run.mean(100) == pytest.approx((20 * 0.125 + 40 * 0.2) / 100)
    assert run.mean(50) == pytest.approx(10 * 0.125 / 50)
    assert (run.repeated, run.failed, run.evaluations) == (1, 1, {0: 1, 1: 4})


def test_speedups_and_comparisons(benchmarks, tmp_path: Path):
    mine = run_of(benchmarks, tmp_path, "rungs", [line(10, 0.5), line(80, 0.6)])
    base = run_of(benchmarks, tmp_path, "full", [line(50, 0.3), line(40, 0.5)])
    of_seed, of_mean = benchmarks.search.speedups([mine, base], 100, "rungs")
    assert (of_seed["seed"], of_seed["times"]) == (0, 10.0)
    assert (of_mean["seed"], of_mean["times"]) == (None, 10.0)
    for row in benchmarks.search.speedups([mine, base], 9, "rungs"):
        assert (row["goal"], row["times"]) == (0.0, None)
    assert benchmarks.search.speedups([mine, base], 100, "full") == []  # no run of a baseline
    rows = benchmarks.search.comparisons([mine, base], 100, "rungs")
    assert [row["minutes"] for row in rows][-1] is None
    assert rows[2]["difference"] == pytest.approx(0.6 / 4 - 0.5 / 4)
    turned = benchmarks.search.comparisons([mine, base], 100, "full")
    assert turned[2]["difference"] == -rows[2]["difference"]


def test_the_speedup_of_the_mean_is_that_of_the_mean_curves(benchmarks, tmp_path: Path):
    """Two seeds: after 10 s the mean is (0.5 + 0) / 8, after 60 s (0.5 + 0.7) / 8."""
    runs = []
    for seed, start in enumerate((10, 60)):
        for method, lines in (
            ("rungs", [line(start, 0.5 + 0.2 * seed)]),
            ("ageing", [line(90, 0.3)]),
        ):
            found = run_of(benchmarks, tmp_path, method, lines)
            runs.append(replace(found, seed=seed))
    rows = {r["seed"]: r["times"] for r in benchmarks.search.speedups(runs, 100, "rungs")}
    assert rows == {0: 10.0, 1: pytest.approx(100 / 60), None: pytest.approx(100 / 60)}


def test_pairs(benchmarks):
    found = benchmarks.search.paired([(0.3, 0.1), (0.2, 0.1), (0.1, 0.1)])
    assert (found["wins"], found["pairs"]) == (2, 3)
    assert found["difference"] == pytest.approx(0.1)
    low, high = found["interval"]
    half = 4.302652729749464 * 0.1 / np.sqrt(3)  # t of 2 degrees of freedom
    assert (low, high) == pytest.approx((0.1 - half, 0.1 + half))
    assert benchmarks.search.paired([(1.0, 0.0)])["interval"] is None


def test_what_was_trained_from_scratch_is_told_again(benchmarks, tmp_path: Path, monkeypatch, rng):
    """A second method with the same seed, and a stopped benchmark, train nothing twice."""
    trained: list[str] = []
    most = 0

    def evaluate(job, context):
        if len(trained) == most:
            raise KeyboardInterrupt
        trained.append(job.candidate.id)
        return scored(Job(0, job.candidate, 1), conv_share(job.candidate.genotype)).score

    monkeypatch.setattr(benchmarks.search, "evaluate", evaluate)
    config = make_config("quick", None, {"search": {"rungs": [0.1, 1.0], "population": 8}})
    seeds = [sample(SPACE, rng) for _ in range(3)]
    problem = benchmarks.methods.Problem(SPACE, seeds, config)
    scratch: dict[tuple[str, int], Any] = {}

    def play(name: str, until: int) -> list[str]:
        nonlocal most
        most, path = until, tmp_path / f"{name}.jsonl"
        method = benchmarks.methods.METHODS[name](problem, 0)
        with pytest.raises(KeyboardInterrupt):
            benchmarks.search.search(method, config, None, path, "key", 1e9, "seconds", scratch)
        return [json.loads(line)["id"] for line in path.read_text().splitlines()]

    ageing = play("ageing", 10)
    other = play("random", 15)
    assert ageing == trained[:10]
    assert other == [*ageing[:8], *trained[10:15]]  # both start with the same random population
    assert play("ageing", 16) == [*ageing, trained[15]]
    assert len(trained) == len(set(trained)) == 16


def test_students_of_all_methods_are_compared_at_equal_numbers(
    benchmarks, tmp_path: Path, monkeypatch, rng
):
    """Nothing is trained twice, and a stopped comparison ends as one that was not."""
    trained: list[tuple[str, str, int]] = []
    most = 25

    def stop(kind: str, g: Genotype, seed: int) -> None:
        if len(trained) == most:
            raise KeyboardInterrupt
        trained.append((kind, g.hash, seed))

    def evaluate(job, context):
        stop("candidate", job.candidate.genotype, job.candidate.seed)
        return scored(Job(0, job.candidate, 0), 1 + conv_share(job.candidate.genotype)).score

    def truth(g: Genotype, config, context, n: int, seed: int):
        stop("retrained", g, seed)
        values = {"utility": conv_share(g) + seed / 10, "accuracy": 0.8, "robustness": 0.4}
        return {**values, "id": g.hash, "seed": seed, "n": n, "params": 100_000}

    monkeypatch.setattr(benchmarks.search, "evaluate", evaluate)
    monkeypatch.setattr(benchmarks.students, "truth", truth)
    config = make_config("quick", None, {"search": {"population": 4}})
    # No convolution: every other search finds something better than what the presets are.
    plain = Genotype(32, 64, (Node((0,), "lstm"),))
    seeds = [replace(plain, width=width) for width in (64, 96)]
    context: Any = SimpleNamespace(teacher_accuracy=0.85, reference_accuracy=0.78)
    made = benchmarks.students.Comparison(
        benchmarks.methods.Problem(SPACE, seeds, config), context, 10, 2, 20
    )
    methods = ["preset", "search", "random", "ageing"]

    def compare(folder: str):
        return benchmarks.students.compare(made, methods, range(2), tmp_path / folder)

    with pytest.raises(KeyboardInterrupt):
        compare("stopped")
    most = 10**9
    rows = compare("stopped")
    assert len(trained) == len(set(trained))
    again, trained = trained, []
    assert (compare("whole"), set(trained)) == (rows, set(again))
    assert {(r["method"], r["seed"]) for r in rows} == {(m, s) for m in methods for s in (0, 1)}
    own = [c for c in trained if c[0] == "candidate"]
    # Three searches of 10 each a seed: presets and first random students are common.
    assert 2 * 20 < len(own) <= 2 * (30 - 4)
    text = benchmarks.students.table(rows, methods, 10).splitlines()
    assert text[2].startswith("| best preset | the presets | all |")
    assert [line.split("|")[-2].strip() for line in text[4:]] == ["0 of 2, 2 equal"] * 2
    assert all("| 2 of 2 |" in line for line in text[3:])
    with pytest.raises(UserError):
        benchmarks.students.compare(
            replace(made, attacked=30), methods, range(1), tmp_path / "whole"
        )
