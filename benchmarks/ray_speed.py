"""How much faster two Ray workers on this machine are than one.

    python benchmarks/ray_speed.py --rounds 3 --json ray_speed.json

The same candidates (the presets that a search starts from, with several training seeds) are
evaluated by one worker and by two, in turns, on the context of the preset `smoke` or another one.
The clock runs from the first submission to the last result; the cluster and the workers are up
before it starts. Two workers should be at least 1.7 times as fast, on a machine with two idle
cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import commit

from rosearch.config import make_config
from rosearch.executors import make_executor
from rosearch.executors.base import Executor
from rosearch.results.summary import machine
from rosearch.run.prepare import prepare
from rosearch.space.presets import preset
from rosearch.tasks.named import task_of
from rosearch.types import Candidate, Fidelity, Job

NAMES = ("bilstm-synonym", "textcnn-synonym", "transformer1-synonym", "sepconv-synonym", "bilstm")
ENOUGH = 1.7


def warm(_: int, context: Any) -> None:
    """Occupies a worker for a moment, so that every worker gets one."""
    time.sleep(1.0)


def jobs(seeds: int) -> list[Job]:
    """Each of the presets with each training seed."""
    pairs = [(name, seed) for seed in range(seeds) for name in NAMES]
    return [Job(i, Candidate(i, preset(name), seed)) for i, (name, seed) in enumerate(pairs)]


def seconds(executor: Executor, work: list[Job]) -> tuple[float, Any]:
    """Wall time of all evaluations, and their fitness."""
    for future in [executor.call(warm, i) for i in range(2 * executor.workers)]:
        future.result()
    begin = time.perf_counter()
    futures = [executor.submit(job) for job in work]
    fitness = [future.result().fitness for future in futures]
    return time.perf_counter() - begin, fitness


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="smoke")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=4, help="trainings of each architecture")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    config = make_config(options.preset)
    context = prepare(config, task_of(config.task, config.seed)).context
    s = config.search
    fidelity = Fidelity(s.epochs, s.train_share, s.attacked, s.suites, s.max_queries)
    context = replace(context, fidelities=(fidelity,))
    work = jobs(options.seeds)
    rounds, equal = [], True
    for _ in range(options.rounds):
        taken, scores = {}, []
        for workers in (1, 2):
            with make_executor("ray", context, workers) as executor:
                taken[workers], fitness = seconds(executor, work)
            scores.append(fitness)
        rounds.append({"one": taken[1], "two": taken[2], "speed_up": taken[1] / taken[2]})
        equal &= scores[0] == scores[1]
        print(rounds[-1], file=sys.stderr, flush=True)
    found = {
        "candidates": len(work),
        "rounds": rounds,
        "speed_up": statistics.median(r["speed_up"] for r in rounds),
        "enough": ENOUGH,
        "equal_scores": equal,
        "commit": commit(),
        "machine": machine(),
        "seed": config.seed,
    }
    text = json.dumps(found, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    sys.exit(0 if equal and found["speed_up"] >= ENOUGH else 1)


if __name__ == "__main__":
    main()
