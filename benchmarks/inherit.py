"""What weight inheritance saves: children trained from their parent's weights, and from nothing.

    python benchmarks/inherit.py --pairs 12 --json inherit.json

Random students of the quick preset and one mutation of each, on `mr`. The parent is trained for the
share of the first rung; then the child for growing shares, both ways. Told are the accuracies on
the validation split, and the paired differences with their intervals. Accuracy at the last share
matters least: finalists never inherit.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import commit

from rosearch.config import codings_of, make_config
from rosearch.distill.inherit import Lineage
from rosearch.evaluation.candidate import evaluate
from rosearch.io.threads import one_thread
from rosearch.results.summary import machine
from rosearch.run.prepare import prepare
from rosearch.run.space import space_of
from rosearch.space.variation import mutate
from rosearch.strategies.uniform import uniform_sample
from rosearch.tasks.named import task_of
from rosearch.types import Candidate, Job, Json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.06, 0.2])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    search = {"rungs": [*options.shares, 1.0], "epochs": options.epochs}
    config = make_config("quick", None, {"search": search, "seed": 0})
    task = task_of(config.task, config.seed)
    context = prepare(config, task).context
    params = context.train.teacher_params
    space = space_of(config.space, codings_of(config), context.sizes, params)
    rows: list[Json] = []
    with tempfile.TemporaryDirectory() as folder, one_thread():
        family = Lineage(Path(folder), options.shares[0])
        for parent in uniform_sample(space, options.pairs, 1):
            rng = np.random.default_rng(parent.index)
            child = Candidate(0, mutate(parent.genotype, space, rng), 1, parent.id)
            evaluate(Job(0, parent, 0), replace(context, lineage=family))
            for rung, share in enumerate(options.shares):
                # A portion that is nobody's: children leave nothing behind.
                reading = replace(context, lineage=family._replace(portion=-1.0))
                made = {
                    name: evaluate(Job(0, child, rung), used)
                    for name, used in (("inherited", reading), ("scratch", context))
                }
                rows.append(
                    {"parent": parent.id, "share": share}
                    | {f"clean_{name}": s.clean for name, s in made.items()}
                    | {f"after_{name}": s.after_attack for name, s in made.items()}
                )
                print(json.dumps(rows[-1]), flush=True)
    found = {str(share): summary(rows, share) for share in options.shares}
    print(json.dumps(found, indent=2))
    if options.json:
        result = {"commit": commit(), "machine": machine(), "shares": found, "pairs": rows}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def summary(rows: list[Json], share: float) -> Json:
    """Mean clean accuracies, and the difference with a 95 % bootstrap interval over the pairs."""
    own = [row for row in rows if row["share"] == share]
    gain = np.array([row["clean_inherited"] - row["clean_scratch"] for row in own])
    rng = np.random.default_rng(0)
    means = gain[rng.integers(len(gain), size=(10_000, len(gain)))].mean(1)
    return {
        "pairs": len(own),
        "inherited": round(float(np.mean([r["clean_inherited"] for r in own])), 4),
        "scratch": round(float(np.mean([r["clean_scratch"] for r in own])), 4),
        "gain": round(float(gain.mean()), 4),
        "interval": [round(float(q), 4) for q in np.quantile(means, (0.025, 0.975))],
    }


if __name__ == "__main__":
    main()
