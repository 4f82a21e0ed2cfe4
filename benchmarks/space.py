"""Speed of the search space on one thread: genotypes, building students, inference of presets.

    python benchmarks/space.py --json space.json

Sampling, hashing and costing together should reach 5,000 genotypes a second, and building a
student should take less than 50 ms. Inference is measured against the teacher MiniLM, batch 1 and
32, 32 tokens each; medians of several runs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import commit

from rosearch.encodings.plain import PLAIN
from rosearch.encodings.synonym import Synonym
from rosearch.encodings.vocabulary import Vocabulary
from rosearch.io import resources
from rosearch.models.load import load_classifier
from rosearch.results.summary import machine, versions
from rosearch.space.cost import Sizes, flops, params
from rosearch.space.genotype import Genotype
from rosearch.space.presets import DESCRIPTIONS, preset
from rosearch.space.variation import Space, sample
from rosearch.student.build import build_student

TOKENS = 32
ROWS = 30_522  # of the teacher's vocabulary
VOCABULARY = Vocabulary(tuple(map(str, range(ROWS))), tuple((i,) for i in range(ROWS)), 0)
ENOUGH_GENOTYPES = 5_000  # a second
ENOUGH_MS = 50.0  # to build a student

Rows = list[dict[str, Any]]


def seconds(run: Callable[[], object]) -> float:
    """Wall time of a call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def median_ms(run: Callable[[], object], runs: int) -> float:
    """Median milliseconds, after two calls to warm up."""
    run(), run()
    return 1000 * float(np.median([seconds(run) for _ in range(runs)]))


def genotypes_per_second(space: Space, seed: int, n: int) -> float:
    """Sample, hash and cost n genotypes; the best of three rounds, as noise only slows."""
    rng = np.random.default_rng(seed)

    def run() -> None:
        for _ in range(n):
            g = sample(space, rng)
            assert g.hash
            params(g, space.sizes)
            flops(g, space.sizes)

    return n / min(seconds(run) for _ in range(3))


def building_ms(space: Space, seed: int, n: int) -> list[float]:
    """Milliseconds to build n sampled students whose embedding starts from the teacher's."""
    rng = np.random.default_rng(seed)
    start = rng.normal(size=(ROWS, 128)).astype(np.float32)

    def build(g: Genotype) -> object:
        return build_student(g, VOCABULARY, ("a", "b"), seed, start)

    chosen = [sample(space, rng) for _ in range(n + 1)]
    return [1000 * seconds(lambda g=g: build(g)) for g in chosen][1:]  # the first one warms up


def inference_ms(model: Any, batch: int, runs: int) -> float:
    """Milliseconds of one forward pass."""
    ids = torch.randint(1000, 20_000, (batch, TOKENS))
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        return median_ms(lambda: model(input_ids=ids, attention_mask=mask), runs)


def inference(runs: int) -> Rows:
    """The teacher, with a new head, and every preset."""
    teacher, _ = load_classifier(resources.fetch("minilm"), classes=2)
    models: dict[str, Any] = {"teacher minilm": teacher.eval()}
    rows: Rows = []
    for name in ("teacher minilm", *DESCRIPTIONS):
        model = models.get(name)
        if model is None:
            model = build_student(preset(name), VOCABULARY, ("a", "b"), 0).eval()
        rows.append(
            {
                "model": name,
                "params": sum(p.numel() for p in model.parameters()),
                **{f"ms_batch_{b}": inference_ms(model, b, runs) for b in (1, 32)},
            }
        )
    for row in rows:
        for b in (1, 32):
            row[f"speedup_batch_{b}"] = rows[0][f"ms_batch_{b}"] / row[f"ms_batch_{b}"]
    return rows


def table(result: dict[str, Any]) -> str:
    """The result as text."""
    lines = [
        f"sample + hash + cost   {result['genotypes_per_second']:,.0f} genotypes/s",
        f"build a student        median {result['build_ms_median']:.1f} ms, "
        f"largest of {result['built']} {result['build_ms_max']:.1f} ms",
        "",
        f"{'model':<16}{'parameters':>12}{'batch 1':>11}{'batch 32':>11}{'speed-up':>16}",
    ]
    for row in result["inference"]:
        lines.append(
            f"{row['model']:<16}{row['params']:>12,}{row['ms_batch_1']:>8.2f} ms"
            f"{row['ms_batch_32']:>8.1f} ms"
            f"{row['speedup_batch_1']:>7.1f} x{row['speedup_batch_32']:>5.1f} x"
        )
    return "\n".join(lines)


def main() -> None:
    """Run all, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the result")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=15, help="runs of each inference")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    space = Space(Sizes({"plain": ROWS, Synonym().key: 19_300}, 2))
    plain = Space(Sizes({"plain": ROWS}, 2), codings=(PLAIN,))
    built = building_ms(plain, arguments.seed, 30)
    result = {
        "commit": commit(),
        "seed": arguments.seed,
        "machine": machine(),
        "versions": versions(),
        "genotypes_per_second": genotypes_per_second(space, arguments.seed, 5_000),
        "built": len(built),
        "build_ms_median": float(np.median(built)),
        "build_ms_max": max(built),
        "inference": inference(arguments.runs),
    }
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    speed = result["genotypes_per_second"]
    assert speed >= ENOUGH_GENOTYPES, f"{speed:.0f} genotypes/s, expected {ENOUGH_GENOTYPES}"
    took = result["build_ms_median"]
    assert took < ENOUGH_MS, f"building a student took {took:.1f} ms, expected below {ENOUGH_MS}"


if __name__ == "__main__":
    main()
