"""What each way of training gives a student with votes in a frame: same genotype, same size.

    python benchmarks/training.py --task mr --out build/training.jsonl

Each way changes one thing: the sources that the worst case is taken over, with the other left out
(its attack then is an unseen one), the temperature of the teacher's targets, weights averaged over
the last third of the epochs, phrases which the teacher labelled, and misspelt words
that are read through the reader. All figures are of the validation split: the choice among these
is a choice like any other. A stopped benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import commit
from torch import Tensor

from rosearch.attacks.engine import attacked
from rosearch.attacks.result import robustness
from rosearch.config import make_config
from rosearch.distill.train import train_student
from rosearch.distill.votes import EPOCHS
from rosearch.encodings.reading import Reading
from rosearch.evaluation.context import Context
from rosearch.models.classifier import Classifier
from rosearch.run.prepare import prepare
from rosearch.space.presets import preset
from rosearch.space.votes import FrameVotes
from rosearch.student.model import StudentForSequenceClassification
from rosearch.tasks.named import task_of
from rosearch.types import Fidelity, Json

ATTACKS = ("wordnet", "encoder", "characters", "wordnet+encoder+characters")
BOTH = ("wordnet", "encoder")


@dataclass(frozen=True)
class Way:
    """One way of training: what differs from whole texts and both sources."""

    sources: tuple[str, ...] = BOTH
    distill: Mapping[str, Any] | None = None
    averaged: bool = False


WAYS: Mapping[str, Way] = {
    "texts alone": Way(),
    "wordnet only": Way(sources=("wordnet",)),
    "encoder only": Way(sources=("encoder",)),
    "temperature 1": Way(distill={"temperature": 1.0}),
    "temperature 5": Way(distill={"temperature": 5.0}),
    "averaged weights": Way(averaged=True),
    "phrases": Way(distill={"phrases": 2}),
    "relatives too": Way(distill={"phrases": 2, "lexicons": ["relatives"]}),
    "misspelt 0.2": Way(distill={"characters": 0.2}),
}


class Average:
    """Mean of the weights over the last epochs: what early stopping would ask for a loss.

    Attributes:
        first: number of the first epoch that counts.
    """

    def __init__(self, first: int) -> None:
        self.first, self.epoch, self.sums = first, 0, dict[str, Tensor]()

    def __call__(self, model: StudentForSequenceClassification) -> float:
        if self.epoch >= self.first:
            for name, value in model.state_dict().items():
                self.sums[name] = self.sums.get(name, 0) + value.detach().double()
        self.epoch += 1
        return -float(self.epoch)  # always better: training goes on to its end

    def weights(self) -> dict[str, Tensor]:
        return {name: total / (self.epoch - self.first) for name, total in self.sums.items()}


def context_of(options: argparse.Namespace, way: Way) -> Context:
    """Everything that trainings with the texts and sources of a way share."""
    given = {"name": options.task}
    if options.train:
        given = {"train": options.train, **dict(pair.split("=", 1) for pair in options.column)}
    config = make_config(
        "quick",
        None,
        {
            "task": given,
            "seed": 0,
            "encoding": {"lexicons": list(way.sources)},
            "search": {"attack": "+".join(ATTACKS[:3])},
            "final": {"held_out": []},
            "distill": {"device": "cpu", "phrases": 0, "lexicons": [], **(way.distill or {})},
        },
    )
    return prepare(config, task_of(config.task, config.seed)).context


# By what they are made of; processes that are forked have them without being sent them.
CONTEXTS: dict[Any, Context] = {}


def made_of(way: Way) -> tuple[object, ...]:
    """What ways share a context by."""
    asked = way.distill or {}
    return way.sources, *(str(asked.get(key)) for key in ("phrases", "characters", "lexicons"))


def measured(name: str, seed: int, n: int) -> Json:
    """One student, and what it keeps on the validation split."""
    torch.set_num_threads(1)
    way = WAYS[name]
    context = CONTEXTS[made_of(way)]
    g = replace(preset("frame-conv"), reading=Reading(), votes=FrameVotes(share=0.5))
    fidelity = Fidelity(EPOCHS, 1.0, n, ATTACKS)
    average = Average(EPOCHS - EPOCHS // 3)
    config = replace(context.distill, **(way.distill or {}))
    if way.averaged:
        config = replace(config, patience=EPOCHS)
    validate = average if way.averaged else None
    model = train_student(g, context.train, config, fidelity, seed, validate=validate)
    if way.averaged:
        model.load_state_dict(average.weights())
    student = Classifier.of(model, context.train.tokenizer(g))
    classes, split = student.counts(context.validation), context.validation.sample(n)
    found: dict[str, Any] = {}
    for suite in ATTACKS:
        results = attacked(context.attacks(suite, exact=False), student, split.texts, split.labels)
        kept = robustness(suite, results, context.validation.labels)
        found[suite] = [round(c.survived / max(c.n, 1), 4) for c in kept.classes]
    recalls = [round(c.correct / max(c.n, 1), 4) for c in classes]
    return {"way": name, "seed": seed, "recalls": recalls, "after": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="mr")
    parser.add_argument("--train", help="a file instead, with --column text_column=...")
    parser.add_argument("--column", action="append", default=[])
    parser.add_argument("--ways", nargs="+", default=list(WAYS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n", type=int, default=200, help="validation texts to attack")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("build/training.jsonl"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    lines = options.out.read_text().splitlines() if options.out.exists() else []
    done = {(row["way"], row["seed"]) for row in map(json.loads, lines)}
    open_jobs = [
        (name, seed)
        for name in options.ways
        for seed in range(1, options.seeds + 1)
        if (name, seed) not in done
    ]
    for way in (WAYS[name] for name, _ in open_jobs):
        if made_of(way) not in CONTEXTS:
            CONTEXTS[made_of(way)] = context_of(options, way)
    forked = multiprocessing.get_context("fork")
    with (
        options.out.open("a") as file,
        ProcessPoolExecutor(options.workers, mp_context=forked) as pool,
    ):
        for job in as_completed([pool.submit(measured, *job, options.n) for job in open_jobs]):
            row = {**job.result(), "n": options.n, "commit": commit()}
            print(json.dumps(row), file=file, flush=True)
    table(options.out)


def table(path: Path) -> None:
    """Balanced accuracy, clean and after each attack: mean over the seeds, and each seed's."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    print("| way | clean | " + " | ".join(f"`{name}`" for name in ATTACKS) + " |")
    print("|---" * (len(ATTACKS) + 2) + "|")
    for name in dict.fromkeys(row["way"] for row in rows):
        mine = [row for row in rows if row["way"] == name]
        cells = [[np.mean(row["recalls"]) for row in mine]]
        cells += [[np.mean(row["after"][attack]) for row in mine] for attack in ATTACKS]
        told = (f"{np.mean(c):.3f} ({', '.join(f'{x:.3f}' for x in c)})" for c in cells)
        print(f"| {name} | " + " | ".join(told) + " |")


if __name__ == "__main__":
    main()
