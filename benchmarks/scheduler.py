"""What the search costs besides the evaluations, and how busy it keeps its workers.

    python benchmarks/scheduler.py --json scheduler.json

Evaluations are simulated: scores are made up from the genotype, and durations are those that the
scheduler expects times log-normal noise (sigma 0.2). Goals: at 100,000 stored candidates ask, tell
and record take less than 2 ms of processor time a result together and memory does not grow; 64 and
1,000 workers are busy for 95 % of the time until the last proposal.
"""

from __future__ import annotations

import argparse
import heapq
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import commit

from rosearch.results.store import Store
from rosearch.results.summary import machine
from rosearch.run.search import expected_cost
from rosearch.space.cost import Sizes, flops, params
from rosearch.space.variation import Space
from rosearch.strategies import STRATEGIES, StrategyConfig
from rosearch.strategies.rungs import Rungs
from rosearch.strategies.scheduler import Scheduler
from rosearch.types import Fidelity, Job, Robustness, Score, Trial

SPACE = Space(Sizes({"plain": 30_522, "synonym:wordnet:0.015:0": 20_000}, 2))
SHARES = (0.06, 0.2, 1.0)
NOISE = 0.2
ENOUGH_MS, ENOUGH_BUSY = 2.0, 0.95


def scored(job: Job, rng: np.random.Generator) -> Trial:
    """A made-up result: convolutions and synonyms help; the cheaper the rung, the noisier."""
    g = job.candidate.genotype
    value = (g.encoding == "synonym") + sum("conv" in n.op for n in g.nodes) / len(g.nodes)
    value += float(rng.normal()) * (0.2, 0.05, 0.01)[job.rung]
    score = Score(
        clean=0.5 + 0.1 * value, n_clean=1000,
        attacks={"wordnet": Robustness("wordnet", 1, 1, 0.2 * value, 9000)},  # type: ignore[arg-type]
        measurements={
            "params": params(g, SPACE.sizes), "flops": flops(g, SPACE.sizes), "latency_ms": 1.0
        },
        train_seconds=1.0, attack_seconds=1.0, fitness=value,
        fidelity=Fidelity(3, 1.0, 200, ("wordnet",), None, SHARES[job.rung]),
    )  # fmt: skip
    return Trial(job.candidate, score, rung=job.rung)


def scheduler(strategy: str, candidates: int, slots: int, seed: int) -> Scheduler:
    made = STRATEGIES[strategy](SPACE, StrategyConfig(population=100))
    cost = expected_cost(SHARES, SPACE)
    return Scheduler(made, Rungs(len(SHARES)), [], candidates, slots, seed, cost)


def overhead(strategy: str, candidates: int, seed: int, folder: Path) -> dict[str, Any]:
    """Milliseconds a result and memory, in the first and in the last tenth of a run."""
    search = scheduler(strategy, candidates, 64, seed)
    store = Store(folder / f"{strategy}.db", create=True)
    rng = np.random.default_rng(seed)
    waiting: list[Job] = []
    spent, results, marks = np.zeros(2), 0, []  # seconds by the clock, of the processor

    def timed(run: Callable[[], Any]) -> Any:
        nonlocal spent
        start = np.array([time.perf_counter(), time.process_time()])
        found = run()
        spent = spent + np.array([time.perf_counter(), time.process_time()]) - start
        return found

    while True:
        while len(waiting) < 32 and (job := timed(search.ask)):
            waiting.append(job)
        if not waiting:
            break
        job = waiting.pop(int(rng.integers(len(waiting))))
        trial = scored(job, rng)
        timed(lambda trial=trial: store.find(trial.candidate.id, trial.rung))
        timed(lambda trial=trial: store.add_trial(trial, seconds=1.0))
        timed(lambda job=job, trial=trial: search.tell(job, trial))
        results += 1
        if search.proposed * 10 >= (len(marks) + 1) * candidates:
            marks.append((results, spent, megabytes()))
    (n1, s1, m1), (n9, s9, _), (n10, s10, m10) = marks[0], marks[-2], marks[-1]
    return {
        "strategy": strategy,
        "candidates": candidates,
        "results": results,
        "first_ms": list(1000 * s1 / n1),
        "last_ms": list(1000 * (s10 - s9) / (n10 - n9)),
        "first_megabytes": m1,
        "last_megabytes": m10,
        "store_megabytes": store.path.stat().st_size / 1e6,
    }


def busy(workers: int, seed: int, noise: float, spare: int) -> dict[str, Any]:
    """Share of the time that workers work, until the last proposal and over the whole run."""
    candidates = 40 * workers
    search = scheduler("random", candidates, spare * workers, seed)
    rng = np.random.default_rng(seed)
    running: list[tuple[float, int, Job]] = []
    now = worked = 0.0
    until = (0.0, 0.0)
    while True:
        while len(running) < workers and (job := search.ask()):
            duration = search.cost(job) * float(np.exp(noise * rng.normal()))
            heapq.heappush(running, (now + duration, job.index, job))
            worked += duration
        if not running:
            break
        now, _, job = heapq.heappop(running)
        search.tell(job, scored(job, rng))
        if search.proposed < candidates:
            until = (now, worked - sum(end - now for end, _, _ in running))
    return {
        "workers": workers,
        "slots": spare * workers,
        "noise": noise,
        "candidates": candidates,
        "busy_until_last_proposal": until[1] / (until[0] * workers),
        "busy_in_all": worked / (now * workers),
    }


def megabytes() -> float:
    """Memory that the process holds now."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--candidates", type=int, default=100_000)
    parser.add_argument("--strategies", nargs="+", default=["aging_evolution", "nsga2"])
    parser.add_argument("--workers", type=int, nargs="*", default=[64, 1000])
    parser.add_argument("--noise", type=float, default=NOISE, help="sigma of the durations")
    parser.add_argument("--spare", type=int, default=2, help="slots a worker")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found: dict[str, Any] = {"commit": commit(), "machine": machine(), "seed": arguments.seed}
    with tempfile.TemporaryDirectory() as folder:
        found["overhead"] = [
            overhead(name, arguments.candidates, arguments.seed, Path(folder))
            for name in arguments.strategies
        ]
    for row in found["overhead"]:
        print(
            f"{row['strategy']}: {row['candidates']:,} candidates, {row['results']:,} results: "
            f"{row['first_ms'][1]:.2f} ms of processor time a result in the first tenth, "
            f"{row['last_ms'][1]:.2f} in the last ({row['first_ms'][0]:.2f} and "
            f"{row['last_ms'][0]:.2f} by the clock); {row['first_megabytes']:.0f} and "
            f"{row['last_megabytes']:.0f} MB of memory; "
            f"store of {row['store_megabytes']:.0f} MB"
        )
    found["busy"] = [
        busy(workers, arguments.seed, arguments.noise, arguments.spare)
        for workers in arguments.workers
    ]
    for row in found["busy"]:
        print(
            f"{row['workers']} workers: busy {row['busy_until_last_proposal']:.1%} until the last "
            f"of {row['candidates']:,} proposals, {row['busy_in_all']:.1%} in all"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    assert all(row["last_ms"][1] < ENOUGH_MS for row in found["overhead"])
    assert all(row["busy_until_last_proposal"] >= ENOUGH_BUSY for row in found["busy"])


if __name__ == "__main__":
    main()
