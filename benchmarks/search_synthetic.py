"""The search engine without training: a made-up objective whose front is known, made-up durations.

    python benchmarks/search_synthetic.py --json synthetic.json

- Workers: how busy 64 and 1,000 simulated ones are kept, from the start until the last candidate is
  proposed. Durations are the expected ones times a lognormal factor that the scheduler does not
  know; more slots than workers make up for it. In two real runs of 24 candidates on `mr` the
  standard deviation of its logarithm was 0.26 and 0.28.
- Overhead: milliseconds of processor time to ask for, tell and record a result, and memory, while
  the store grows to 100,000 candidates.
- Strategies: which share of the volume under the known front each has after so many candidates.
"""

from __future__ import annotations

import argparse
import heapq
import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from common import commit
from moocore import hypervolume

from rosearch.searching import expected_cost
from rosearch.space.cost import Sizes
from rosearch.space.genotype import Genotype
from rosearch.space.vary import Space
from rosearch.store import Store
from rosearch.strategies import STRATEGIES, EvolutionConfig
from rosearch.strategies.rungs import Rungs
from rosearch.strategies.scheduler import Scheduler
from rosearch.summary import machine, versions
from rosearch.types import Fidelity, Job, Json, Score, Trial

SPACE = Space(Sizes({"plain": 3000, "synonym:wordnet:0.015:0": 2000}, 2))
SHARES = (0.06, 0.2, 1.0)
KEEP = 3.0
NOISE = (0.1, 0.03, 0.0)  # of the objectives on each rung
# Standard deviation of the logarithm of a duration, and slots a worker that make up for it.
SPREADS = ((0.0, 1), (0.3, 2), (0.5, 4), (1.0, 8))
REAL = 0.3  # the spread that the goal is about
WORST = np.array([1.0, 1.0])  # reference of the volume, both objectives to be minimised
BUSY, QUICK_MS, FLAT_MB = 0.95, 2.0, 100.0  # the goals


def agreement(g: Genotype) -> float:
    """How much of a genotype is as it should be, in [0, 1]."""
    right = [
        g.width == 128,
        g.position == "none",
        g.pooling == "max",
        g.repeat == 1,
        g.encoding == "synonym",
        len(g.nodes) == 3,
        np.mean([node.op == "conv3" for node in g.nodes]),
        np.mean([node.activation == "relu" for node in g.nodes]),
    ]
    return float(np.mean(right))


def scored(job: Job) -> Trial:
    """Robustness and accuracy of a genotype: the embedding trades one for the other."""
    g = job.candidate.genotype
    dims = SPACE.embedding_dims
    trade = dims.index(g.embedding_dim) / (len(dims) - 1)
    rng = np.random.default_rng([job.candidate.seed, job.rung])
    noise = NOISE[job.rung] * rng.normal(size=2)
    robust = float(agreement(g) * trade + noise[0])
    clean = float(agreement(g) * (1 - trade) + noise[1])
    score = Score(
        clean=clean, n_clean=1000, after_attack=robust, attack_success_rate=0.5, attacked=200,
        params=1000, flops=1, latency_ms=1.0, queries=1, train_seconds=1.0, attack_seconds=1.0,
        fitness=robust + clean, fidelity=Fidelity(1, 1.0, 200, "made-up", portion=SHARES[job.rung]),
    )  # fmt: skip
    return Trial(job.candidate, score, rung=job.rung)


def volume(points: Sequence[tuple[float, float]]) -> float:
    """Hypervolume of (robustness, accuracy)."""
    return float(hypervolume(1 - np.array(points).reshape(-1, 2), ref=WORST))


def front_volume() -> float:
    """That of the known front: full agreement with each embedding."""
    trades = np.linspace(0, 1, len(SPACE.embedding_dims))
    return volume([(trade, 1 - trade) for trade in trades])


def scheduler_of(candidates: int, slots: int, seed: int, strategy: str = "rosearch") -> Scheduler:
    """The engine as a run has it."""
    made = STRATEGIES[strategy](SPACE, EvolutionConfig(population=50))
    cost = expected_cost(SHARES, SPACE)
    return Scheduler(made, Rungs(len(SHARES), KEEP), [], candidates, slots, seed, cost)


@dataclass
class Simulation:
    """Workers that take a made-up time, and when each was busy."""

    scheduler: Scheduler
    workers: int
    spread: float
    seed: int
    now: float = 0.0

    def play(self) -> Json:
        """Share of the time that the workers were busy."""
        cost = expected_cost(SHARES, SPACE)
        running: list[tuple[float, int, Job]] = []
        spans: list[tuple[float, float]] = []
        proposed, last = 0, 0.0
        while True:
            while len(running) < self.workers and (job := self.scheduler.ask()):
                rng = np.random.default_rng([self.seed, job.index])
                end = self.now + cost(job) * float(rng.lognormal(0.0, self.spread))
                heapq.heappush(running, (end, job.index, job))
                spans.append((self.now, end))
                if self.scheduler.proposed > proposed:
                    proposed, last = self.scheduler.proposed, self.now
            if not running:
                break
            self.now, _, job = heapq.heappop(running)
            self.scheduler.tell(job, scored(job))
        used = np.array(spans)
        return {
            "workers": self.workers,
            "spread": self.spread,
            "slots": self.scheduler.slots,
            "candidates": proposed,
            "evaluations": len(spans),
            "busy": self._share(used, last),
            "busy_with_the_end": self._share(used, self.now),
        }

    def _share(self, spans: np.ndarray, until: float) -> float:
        seconds = np.minimum(spans[:, 1], until) - np.minimum(spans[:, 0], until)
        return float(seconds.sum() / (self.workers * until))


def overhead(candidates: int, seed: int, folder: Path) -> list[Json]:
    """Costs of asking, telling and recording while a store grows; a row each tenth of the way."""
    scheduler = scheduler_of(candidates, 8, seed)
    rows: list[Json] = []
    spent = dict.fromkeys(("ask", "tell", "record"), 0.0)
    window, process = max(1, candidates // 10), psutil.Process()
    before = 0
    with closing(Store(folder / "run.db", create=True)) as store:
        for done in count(1):
            job = _timed(spent, "ask", scheduler.ask)
            if job is None:
                break
            trial = scored(job)
            _timed(spent, "record", lambda trial=trial: store.add_trial(trial, seconds=1.0))
            _timed(spent, "tell", lambda job=job, trial=trial: scheduler.tell(job, trial))
            proposed = scheduler.proposed
            if proposed % window == 0 and proposed > before:
                n = done - sum(row["evaluations"] for row in rows)
                per = 1000 / (proposed - before)
                rows.append(
                    {
                        "candidates": proposed,
                        "evaluations": n,
                        **{f"{name}_ms": per * seconds for name, seconds in spent.items()},
                        "ms": per * sum(spent.values()),
                        "memory_mb": process.memory_info().rss / 1e6,
                    }
                )
                before, spent = proposed, dict.fromkeys(spent, 0.0)
    return rows


def _timed(spent: dict[str, float], name: str, call: Any) -> Any:
    start = time.process_time()
    found = call()
    spent[name] += time.process_time() - start
    return found


def strategies(candidates: int, seeds: int) -> list[Json]:
    """Share of the known volume that each strategy reaches, by what was evaluated in full."""
    rows = []
    for name in STRATEGIES:
        reached = []
        for seed in range(seeds):
            scheduler = scheduler_of(candidates, 8, seed, name)
            full = []
            while (job := scheduler.ask()) is not None:
                trial = scored(job)
                scheduler.tell(job, trial)
                if trial.score and job.rung == len(SHARES) - 1:
                    full.append((trial.score.after_attack, trial.score.clean))
            reached.append(volume(full) / front_volume())
        rows.append({"strategy": name, "mean": float(np.mean(reached)), "shares": reached})
    return rows


def table(result: Json) -> str:
    """The result as text."""
    lines = [
        f"{row['workers']:>5} workers, {row['slots']:>5} slots, spread {row['spread']}: "
        f"{row['busy']:.1%} busy until the last of {row['candidates']:,} candidates is proposed, "
        f"{row['busy_with_the_end']:.1%} with the end"
        for row in result["workers"]
    ]
    lines.append(f"\n{'candidates':>10}{'ask':>9}{'tell':>9}{'record':>9}{'all':>9}{'memory':>11}")
    for row in result["overhead"]:
        times = "".join(f"{row[k]:>6.2f} ms" for k in ("ask_ms", "tell_ms", "record_ms", "ms"))
        lines.append(f"{row['candidates']:>10,}{times}{row['memory_mb']:>8.0f} MB")
    lines.append("")
    for row in result["strategies"]:
        lines.append(f"{row['strategy']:<10}{row['mean']:.1%} of the known front's volume")
    return "\n".join(lines)


def main() -> None:
    """Run all, print the table, write the JSON, check the goals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the result")
    parser.add_argument("--candidates", type=int, default=100_000, help="stored")
    parser.add_argument("--workers", type=int, nargs="+", default=[64, 1000])
    parser.add_argument("--each", type=int, default=30, help="candidates a worker")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    seed = arguments.seed
    busy = [
        Simulation(scheduler_of(arguments.each * n, slots * n, seed), n, spread, seed).play()
        for n in arguments.workers
        for spread, slots in SPREADS
    ]
    with tempfile.TemporaryDirectory() as folder:
        rows = overhead(arguments.candidates, seed, Path(folder))
    result = {
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
        "seed": seed,
        "workers": busy,
        "overhead": rows,
        "strategies": strategies(1000, 5),
    }
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    idle = [row for row in busy if row["spread"] <= REAL and row["busy"] < BUSY]
    assert not idle, f"expected {BUSY:.0%} busy, found {idle}"
    assert rows[-1]["ms"] < QUICK_MS, f"expected below {QUICK_MS} ms, found {rows[-1]}"
    grown = rows[-1]["memory_mb"] - rows[0]["memory_mb"]
    assert grown < FLAT_MB, f"expected below {FLAT_MB} MB more memory, found {grown:.0f}"


if __name__ == "__main__":
    main()
