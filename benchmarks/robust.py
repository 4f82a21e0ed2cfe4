"""What robust distillation gives one architecture: clean, searched and held-out attacks, by seed.

    python benchmarks/robust.py --student textcnn-synonym --seeds 3 --json robust.json

The same student is trained from scratch with every method and measured on the test split: clean,
after the attack whose lexicon the encoding and the substitutions read, and after attacks that no
training saw. Differences from plain distillation are paired over the seeds, with the 95 % interval
of Student's t. A stopped benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from common import commit
from intervals import half_width

from rosearch.config import DistillConfig, all_attacks, final_plan, make_config
from rosearch.evaluation.final import FinalJob
from rosearch.evaluation.held_out import check
from rosearch.executors.local import ProcessPool
from rosearch.results.store import Store
from rosearch.results.summary import machine
from rosearch.run.finals import evaluate_all
from rosearch.run.prepare import prepare
from rosearch.space.presets import preset
from rosearch.tasks.named import task_of
from rosearch.types import Json

PLAIN = "plain"
METHODS: Mapping[str, DistillConfig] = {
    PLAIN: DistillConfig(substitution=0.0),
    "random substitution 0.3": DistillConfig(),
    "first-order substitution 0.6": DistillConfig(
        substitution=0.6, substitution_choice="first-order"
    ),
    "first-order 0.6, clean weight 0.3": DistillConfig(
        substitution=0.6, substitution_choice="first-order", clean_weight=0.3
    ),
    "PGD 0.05": DistillConfig(substitution=0.0, adversarial="pgd", adversarial_radius=0.05),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="mr")
    parser.add_argument("--student", default="textcnn-synonym")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--n", type=int, default=200, help="test texts to attack")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("build/robust"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    final = {"epochs": options.epochs, "attacked": options.n}
    config = make_config("quick", None, {"task": {"name": options.task}, "final": final, "seed": 0})
    for how in METHODS.values():
        check(replace(config, distill=how))  # what is held out must be
    task = task_of(config.task, config.seed)
    context = prepare(config, task).context
    g = preset(options.student)
    if g.encoding == "synonym":
        key = next(k for k in context.train.encoded if k != "plain")
        g = replace(g, coding=replace(g.coding, tolerance=float(key.split(":")[2])))
    attacks = all_attacks(config)
    jobs = [
        FinalJob(name, seed, g, options.out / f"{name}-{seed}", final_plan(config), how)
        for name, how in METHODS.items()
        for seed in range(1, options.seeds + 1)
    ]  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{options.student}.db"
    with closing(Store(path, create=not path.exists())) as store:
        with ProcessPool(context, options.workers) as pool:
            evaluate_all(jobs, store, pool)
        result = {
            "commit": commit(), "machine": machine(), "student": options.student, "n": options.n,
            "seeds": options.seeds, "methods": {m: summary(store, m, attacks) for m in METHODS},
        }  # fmt: skip
    print(json.dumps(result["methods"], indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def summary(store: Store, method: str, attacks: tuple[str, ...]) -> Json:
    """Means over the seeds, and the differences from plain distillation of the same seed."""
    mine, plain = ({f.seed: f for f in store.finals() if f.model == m} for m in (method, PLAIN))
    seeds = sorted(mine.keys() & plain.keys())

    def told(values: list[float], differences: list[float]) -> dict[str, Any]:
        found = {"mean": round(float(np.mean(values)), 4), "seeds": [round(v, 3) for v in values]}
        mean, half = float(np.mean(differences)), half_width(differences)
        return {
            **found,
            "gain": round(mean, 4),
            "interval": [round(mean - half, 4), round(mean + half, 4)],
        }

    out = {
        "clean": told(
            [mine[s].clean for s in seeds], [mine[s].clean - plain[s].clean for s in seeds]
        )
    }
    for name in attacks:
        after = [mine[s].attacks[name].after_attack for s in seeds]
        before = [plain[s].attacks[name].after_attack for s in seeds]
        out[name] = told(after, [a - b for a, b in zip(after, before, strict=True)])
    return out


if __name__ == "__main__":
    main()
