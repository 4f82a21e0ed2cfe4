"""How near the strategies come to a front that is known: a made-up objective, with rungs.

    python benchmarks/search_front.py --json front.json

Each strategy is given so many candidates; what counts is the share of the volume under the known
front that those evaluated in full cover. Every strategy should be better than random search.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from common import commit
from moocore import hypervolume

from rosearch.run.search import expected_cost
from rosearch.space.cost import Sizes
from rosearch.space.genotype import Genotype
from rosearch.space.variation import Space
from rosearch.strategies import STRATEGIES, StrategyConfig
from rosearch.strategies.rungs import Rungs
from rosearch.strategies.scheduler import Scheduler
from rosearch.types import Fidelity, Job, Json, Robustness, Score, Trial

SPACE = Space(Sizes({"plain": 3000, "synonym:wordnet:0.015:0": 2000}, 2))
SHARES = (0.06, 0.2, 1.0)
KEEP = 3.0
NOISE = (0.1, 0.03, 0.0)  # of the objectives on each rung
WORST = np.array([1.0, 1.0])  # reference of the volume, both objectives to be minimised


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
        clean=clean, n_clean=1000,
        attacks={"made-up": Robustness("made-up", 1, 1, robust, 1)},  # type: ignore[arg-type]
        measurements={"params": 1000, "flops": 1, "latency_ms": 1.0},
        train_seconds=1.0, attack_seconds=1.0, fitness=robust + clean,
        fidelity=Fidelity(1, 1.0, 200, ("made-up",), portion=SHARES[job.rung]),
    )  # fmt: skip
    return Trial(job.candidate, score, rung=job.rung)


def volume(points: Sequence[tuple[float, float]]) -> float:
    """Hypervolume of (robustness, accuracy)."""
    return float(hypervolume(1 - np.array(points).reshape(-1, 2), ref=WORST))


def front_volume() -> float:
    """That of the known front: full agreement with each embedding."""
    trades = np.linspace(0, 1, len(SPACE.embedding_dims))
    return volume([(trade, 1 - trade) for trade in trades])


def scheduler_of(
    candidates: int, slots: int, seed: int, strategy: str = "aging_evolution"
) -> Scheduler:
    """The engine as a run has it."""
    made = STRATEGIES[strategy](SPACE, StrategyConfig(population=50))
    cost = expected_cost(SHARES, SPACE)
    return Scheduler(made, Rungs(len(SHARES), KEEP), [], candidates, slots, seed, cost)


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


def main() -> None:
    """Run all, print the table, write the JSON, check the goal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where to write the result")
    arguments = parser.parse_args()
    rows = strategies(arguments.candidates, arguments.seeds)
    result = {"commit": commit(), "candidates": arguments.candidates, "strategies": rows}
    for row in rows:
        low, high = min(row["shares"]), max(row["shares"])
        print(f"{row['strategy']:<10}{row['mean']:.1%} of the volume ({low:.1%} to {high:.1%})")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    means = {row["strategy"]: row["mean"] for row in rows}
    lost = [name for name in means if means[name] < means["random"]]
    assert not lost, f"random search is better than {lost}"


if __name__ == "__main__":
    main()
