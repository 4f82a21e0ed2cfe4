"""Time and size of the report page of a large run, from a store of made-up results.

    python benchmarks/report.py --json report.json

The store holds 10,000 candidates: real genotypes sampled from the search space with their real
numbers of parameters, and random accuracies, latencies and parents. The page should be written in
less than 5 s, reading the store and starting Python included, and be smaller than 15 MB. The limit
is on processor time, which is the wall time on a machine with nothing else to do: one thread works
without waiting.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from common import commit

from rosearch.encodings.synonym import Synonym
from rosearch.report.snapshot import read_snapshot
from rosearch.results.store import Store
from rosearch.results.summary import machine, versions
from rosearch.space.cost import Sizes, flops, params
from rosearch.space.variation import Space, sample
from rosearch.types import Candidate, Fidelity, Robustness, Score, Trial

ROWS = 30_522  # of the teacher's vocabulary
ENOUGH_SECONDS = 5.0
ENOUGH_MB = 15.0
FAILED = 50  # one candidate in so many failed


def made_trials(n: int, seed: int) -> Iterator[Trial]:
    """Trials of sampled genotypes that get better over time, with varied trade-offs."""
    rng = np.random.default_rng(seed)
    space = Space(Sizes({"plain": ROWS, Synonym().key: 19_300}, 2))
    ids: list[str] = []
    seen: set[str] = set()
    while len(ids) < n:
        genotype = sample(space, rng)
        if genotype.hash in seen:
            continue
        seen.add(genotype.hash)
        size = params(genotype, space.sizes)
        skill = 0.6 + 0.25 * len(ids) / n + 0.02 * np.log(size / 1e6) + 0.03 * rng.normal()
        balance = rng.random()
        clean = float(np.clip(skill * (0.9 + 0.1 * balance), 0.5, 0.95))
        after = float(np.clip(skill * 0.6 * (1 - balance**2) * rng.random(), 0.0, clean))
        score = Score(
            clean=clean,
            n_clean=1000,
            attacks={
                "wordnet": Robustness("wordnet", 200, round(200 * clean), round(200 * after), 8_000)
            },
            measurements={
                "params": size,
                "flops": flops(genotype, space.sizes),
                "latency_ms": float(0.3 + 1e-6 * size * (1 + rng.random())),
            },
            train_seconds=20.0,
            attack_seconds=2.0,
            fitness=clean + 2 * after,
            fidelity=Fidelity(1, 1.0, 200, ("wordnet",)),
        )
        parent = ids[int(rng.integers(len(ids)))] if ids and rng.random() < 0.9 else None
        candidate = Candidate(len(ids), genotype, seed, parent)
        failed = rng.integers(FAILED) == 0
        ids.append(genotype.hash)
        if failed:
            yield Trial(candidate, error="RuntimeError: made up to be shown")
        else:
            yield Trial(candidate, score)


def made_store(path: Path, n: int, seed: int) -> None:
    """A store of n trials."""
    store = Store(path, create=True)
    store.set_meta(
        task="synthetic",
        label_names=["negative", "positive"],
        started=time.time(),
        rows={"plain": ROWS, Synonym().key: 19_300},
        machine=machine(),
        config={"seed": seed},
    )
    store.add_trial(*made_trials(n, seed))


def seconds_of_command(run: Path) -> tuple[float, float]:
    """Processor time and wall time of `rosearch report RUN`."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "rosearch.cli.main", "report", str(run)]
    # Threads of linear algebra that wait for each other would count as processor time.
    one = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(command, check=True, capture_output=True, env=one)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return processor, time.perf_counter() - start


def main() -> None:
    """Make the store, write its page, print and check time and size, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the result")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, help="a new folder for the run, to look at the page")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run = arguments.keep or Path(scratch) / "run"
        run.mkdir()
        made_store(run / "run.db", arguments.candidates, arguments.seed)
        took, wall = min(seconds_of_command(run) for _ in range(3))  # noise only slows
        size = (run / "report.html").stat().st_size / 1e6
        snapshot = read_snapshot(run)
    result: dict[str, Any] = {
        "commit": commit(),
        "seed": arguments.seed,
        "machine": machine(),
        "versions": versions(),
        "candidates": len(snapshot.trials),
        "front": len(snapshot.front),
        "seconds": took,
        "wall_seconds": wall,
        "megabytes": size,
    }
    print(
        f"{result['candidates']:,} candidates, {result['front']} on the front: "
        f"{took:.2f} s ({wall:.2f} s by the clock), {size:.2f} MB"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    assert took < ENOUGH_SECONDS, f"took {took:.1f} s, expected below {ENOUGH_SECONDS}"
    assert size < ENOUGH_MB, f"{size:.1f} MB, expected below {ENOUGH_MB}"


if __name__ == "__main__":
    main()
