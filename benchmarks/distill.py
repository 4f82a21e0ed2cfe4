"""Sentences a second of student training: RoSearch against the Hugging Face `Trainer`.

    pip install accelerate
    python benchmarks/distill.py --json distill.json

The same student, texts, batch size and loss, plainly distilled on one thread: (a) `Trainer` with
the teacher in the loop, as distillation is usually written; (b) `Trainer` with the teacher's
logits in the data set; (c) RoSearch. They take turns, a round at a time, and ratios are of the
rates within a round. The goals are 5 times (a) and 2 times (b). Then what each of our choices
gives: one of them is taken back at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import commit

import rosearch.models.batches
from rosearch.config import DistillConfig, make_config
from rosearch.distill.data import EncodedTrain
from rosearch.distill.losses import soft_and_hard
from rosearch.distill.train import Training
from rosearch.evaluation.context import Context
from rosearch.io.quiet import quiet_transformers
from rosearch.models.load import load_classifier
from rosearch.results.summary import machine
from rosearch.run.prepare import prepare
from rosearch.space.presets import preset
from rosearch.student.build import build_student
from rosearch.tasks.named import task_of
from rosearch.types import Fidelity

GOALS = {"Trainer, teacher in the loop": 5.0, "Trainer, cached logits": 2.0}
OURS = "RoSearch"
PLAIN = DistillConfig(substitution=0.0)
Timed = Callable[[], float]  # runs some steps; sentences a second


def student(name: str, context: Context, data: EncodedTrain) -> Any:
    """A fresh student."""
    return build_student(
        preset(name), data.vocabulary, context.train.label_names, 0, data.embedding
    )


def ours(name: str, context: Context, steps: int, config: DistillConfig = PLAIN) -> Timed:
    """Our training loop, on its first steps."""
    data = context.train.encoded["plain"]
    share = steps * config.batch_size / len(data.texts)

    def run() -> float:
        model = student(name, context, data)
        fidelity = Fidelity(1, min(1.0, share), 0, ())
        training = Training(model, preset(name), context.train, config, fidelity, 0)
        start = time.perf_counter()
        training.run()
        return len(training.schedule.chosen) / (time.perf_counter() - start)

    return run


def trainer(name: str, context: Context, teacher: Any, steps: int) -> Timed:
    """The Hugging Face `Trainer` on as many steps.

    Args:
        teacher: the teacher's model; None takes its logits from the data set.
    """
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    data = context.train.encoded["plain"]

    class Distiller(Trainer):
        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, **more: Any
        ) -> Any:
            labels, targets = inputs.pop("labels"), inputs.pop("targets", None)
            if targets is None:
                with torch.no_grad():
                    targets = teacher(**inputs).logits
            logits = model(**inputs).logits
            c = PLAIN
            return soft_and_hard(logits, targets, labels, c.temperature, c.soft_weight).mean()

    rows = np.random.default_rng(0).permutation(len(data.texts))[: steps * PLAIN.batch_size]
    logits = np.asarray(context.train.targets, dtype=np.float32)
    cached = {} if teacher is not None else {"targets": logits}
    examples = [
        {"input_ids": data.texts[i].tolist(), "labels": context.train.labels[i]}
        | {name: values[i] for name, values in cached.items()}
        for i in rows
    ]

    def run() -> float:
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder,
                per_device_train_batch_size=PLAIN.batch_size,
                num_train_epochs=1,
                learning_rate=PLAIN.learning_rate,
                use_cpu=True,
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
                remove_unused_columns=False,
            )
            made = Distiller(
                student(name, context, data),
                arguments,
                DataCollatorWithPadding(data.tokenizer()),
                examples,
            )
            start = time.perf_counter()
            made.train()
            return len(rows) / (time.perf_counter() - start)

    return run


@contextmanager
def dense_embedding() -> Any:
    """AdamW on the whole embedding."""
    import rosearch.distill.train as train

    class Dense:
        def __init__(self, model: Any, table: Any, config: DistillConfig, more: Any) -> None:
            self.model = model
            self.inner = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

        def step(self, factor: float) -> None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.inner.step()
            self.inner.zero_grad()

    original, train.Optimiser = train.Optimiser, Dense  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        train.Optimiser = original  # type: ignore[misc]


@contextmanager
def pool_of(batches: int) -> Any:
    """Batches that are sorted by length together."""
    original, rosearch.models.batches.POOL = rosearch.models.batches.POOL, batches
    try:
        yield
    finally:
        rosearch.models.batches.POOL = original


def inside(block: Callable[[], Any], run: Timed) -> Timed:
    """A run in a context."""

    def wrapped() -> float:
        with block():
            return run()

    return wrapped


def frozen(name: str, context: Context, steps: int) -> Timed:
    """Our loop with an embedding that isn't trained."""

    @contextmanager
    def block() -> Any:
        original = build_student.__globals__["StudentForSequenceClassification"].__init__

        def init(self: Any, config: Any) -> None:
            original(self, config)
            self.input.table.weight.requires_grad_(False)

        cls = build_student.__globals__["StudentForSequenceClassification"]
        cls.__init__ = init
        try:
            yield
        finally:
            cls.__init__ = original

    return inside(block, ours(name, context, steps))


def choices(name: str, context: Context, trimmed: Context, steps: int) -> dict[str, Timed]:
    """Our loop with one of its choices changed."""
    plain = ours(name, context, steps)
    sized = {
        f"batches of {size}": ours(
            name, context, steps * 32 // size, replace(PLAIN, batch_size=size)
        )
        for size in (16, 64)
    }
    return {
        OURS: plain,
        "float32": ours(name, context, steps, replace(PLAIN, precision="float32")),
        "AdamW on the whole embedding": inside(dense_embedding, plain),
        "frozen embedding": frozen(name, context, steps),
        "trimmed vocabulary": ours(name, trimmed, steps),
        "no buckets": inside(lambda: pool_of(1), plain),
        "buckets in pools of 10": inside(lambda: pool_of(10), plain),
        **sized,
    }


def rounds(runs: dict[str, Timed], n: int) -> dict[str, list[float]]:
    """Rates of n rounds, in which the runs take turns; one round before them is not counted."""
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(n + 1):
        for name, run in runs.items():
            with quiet_transformers():
                rate = run()
            if number:
                rates[name].append(rate)
    return rates


def ratios(rates: dict[str, list[float]], base: str, over: str) -> list[float]:
    """Quartiles of the ratio of rates within a round."""
    found = np.array(rates[over]) / np.array(rates[base])
    return [round(float(q), 2) for q in np.quantile(found, (0.5, 0.25, 0.75))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="mr")
    parser.add_argument("--students", nargs="+", default=["textcnn", "bilstm", "transformer1"])
    parser.add_argument("--steps", type=int, default=40, help="batches of 32 per round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    config = make_config("quick", None, {"task": {"name": options.task}, "seed": 0})
    task = task_of(config.task, config.seed)
    prepared = prepare(config, task)
    trimmed = prepare(replace(config, encoding=replace(config.encoding, trim=True)), task).context
    torch.set_num_threads(1)
    teacher = load_classifier(prepared.teacher_folder)[0].eval()
    found: dict[str, Any] = {}
    for name in options.students:
        against = rounds(
            {
                OURS: ours(name, prepared.context, options.steps),
                "Trainer, teacher in the loop": trainer(
                    name, prepared.context, teacher, options.steps
                ),
                "Trainer, cached logits": trainer(name, prepared.context, None, options.steps),
            },
            options.rounds,
        )
        tried = rounds(choices(name, prepared.context, trimmed, options.steps), options.rounds)
        found[name] = {
            "sentences_per_second": {k: round(float(np.median(v))) for k, v in against.items()},
            "ratios": {other: ratios(against, other, OURS) for other in GOALS},
            "choices": {k: ratios(tried, OURS, k) for k in tried if k != OURS},
        }
        print(name, json.dumps(found[name], indent=2), flush=True)
    result = {"commit": commit(), "machine": machine(), "goals": GOALS, "students": found}
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
