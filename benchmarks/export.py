"""Throughput of an int8 student against its float32 teacher: one thread, batch 1, real texts.

    python benchmarks/export.py runs/mr-... --json export.json

Both are ONNX graphs run by onnxruntime; the teacher in torch, as it was trained, is timed beside
them. Texts of the test split are encoded beforehand, each at its own length. The models take turns,
a round at a time; the ratio is that of the rates within a round. The goal for a student from the
front is 30 times the teacher's throughput.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rosearch.export.onnx_model import write_int8, write_onnx
from rosearch.export.source import Source, find_source
from rosearch.models.batches import model_inputs, takes_types, tokenized
from rosearch.models.classifier import Classifier
from rosearch.models.load import load_classifier
from rosearch.models.onnx_folder import graph_classifier
from rosearch.results.summary import machine, versions
from rosearch.types import Text

MAX_TOKENS = 512
GOAL = 30.0  # times the teacher's throughput
STUDENT, TEACHER = "student int8", "teacher fp32"

Rates = dict[str, list[float]]


def classifiers(
    run: str, teacher: str | None, folder: Path
) -> tuple[dict[str, Classifier], Source]:
    """Every model that is timed, and where they are from."""
    source = find_source(run, {}, teacher)
    if source.teacher is None:
        raise SystemExit(f"error: {source.notes[0]}")
    found: dict[str, Classifier] = {}
    for name, path in (("student", source.folder), ("teacher", source.teacher)):
        model, tokenizer = load_classifier(path)
        floats, int8 = folder / f"{name}.onnx", folder / f"{name}-int8.onnx"
        original = Classifier.of(model, tokenizer)
        write_onnx(model, floats, original.reads_types(source.task.test.texts[0]))
        write_int8(floats, int8)
        found[f"{name} int8"] = graph_classifier(int8, tokenizer)
        found[f"{name} fp32"] = graph_classifier(floats, tokenizer)
        found[f"{name} fp32 (torch)"] = original
    return found, source


def answering(classifier: Classifier, texts: Sequence[Text]) -> Callable[[], None]:
    """One pass over the texts or pairs at batch 1, ready to be timed."""
    types = takes_types(classifier.model, classifier.tokenizer)
    encoded = tokenized(classifier.tokenizer, texts, MAX_TOKENS, types)
    inputs = [model_inputs([one], pad_id=0) for one in encoded]  # one text has no padding

    def run() -> None:
        with torch.inference_mode():
            for one in inputs:
                _ = classifier.model(**one).logits

    return run


def rates(runs: Mapping[str, Callable[[], None]], texts: int, rounds: int) -> Rates:
    """Texts a second of each model in every round; a first round warms up."""
    found: Rates = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn:
                found[name].append(texts / (time.perf_counter() - start))
    return found


def spread(values: Sequence[float]) -> dict[str, float]:
    """Smallest, median and largest value."""
    return {
        "min": round(min(values), 2),
        "median": round(float(np.median(values)), 2),
        "max": round(max(values), 2),
    }


def commit() -> str:
    """Commit of the working tree, with a mark if it has changes."""
    run = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(run, capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"


def table(result: dict[str, Any]) -> str:
    """The result as text."""
    lines = [f"{'texts a second, batch 1':<24}{'min':>10}{'median':>10}{'max':>10}"]
    for name, row in result["texts_per_second"].items():
        lines.append(f"{name:<24}{row['min']:>10,.1f}{row['median']:>10,.1f}{row['max']:>10,.1f}")
    lines.append("")
    for name, row in result["ratios"].items():
        lines.append(f"{name}: {row['min']:.1f} to {row['max']:.1f}, median {row['median']:.1f}")
    return "\n".join(lines)


def main() -> None:
    """Run all, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a finished run, or RUN:ID")
    parser.add_argument("--teacher", help="folder of the teacher, if it is not in the cache")
    parser.add_argument("--json", type=Path, help="where to write the result")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of texts")
    parser.add_argument("--texts", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        models, source = classifiers(arguments.run, arguments.teacher, Path(scratch))
        available = source.task.test.texts
        rng = np.random.default_rng(arguments.seed)
        chosen = rng.permutation(len(available))[: arguments.texts]
        texts = [available[i] for i in chosen]
        runs = {name: answering(loaded, texts) for name, loaded in models.items()}
        load = os.getloadavg()[0]
        found = rates(runs, len(texts), arguments.rounds)
    ratios = {
        f"{STUDENT} / {other}": spread(np.divide(found[STUDENT], found[other]).tolist())
        for other in (TEACHER, "teacher fp32 (torch)", "teacher int8")
    }
    result = {
        "commit": commit(),
        "seed": arguments.seed,
        "machine": {**machine(), "load_before": round(load, 2)},
        "versions": versions(),
        "student": source.name,
        "task": source.task.name,
        "texts": len(texts),
        "rounds": arguments.rounds,
        "texts_per_second": {name: spread(values) for name, values in found.items()},
        "ratios": ratios,
    }
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    ratio = ratios[f"{STUDENT} / {TEACHER}"]["median"]
    assert ratio >= GOAL, f"{ratio:.1f} times the teacher's throughput, expected {GOAL:.0f}"


if __name__ == "__main__":
    main()
