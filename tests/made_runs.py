"""Run folders of made-up results, hostile in every text that a page shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from made_results import made_result
from made_scores import made_score

from rosearch.attacks.result import AttackResult
from rosearch.results.decode import decode
from rosearch.results.store import Store
from rosearch.results.summary import Summary
from rosearch.space.cost import Sizes, params
from rosearch.space.genotype import to_dict
from rosearch.space.variation import Space, sample
from rosearch.strategies.population import front
from rosearch.types import Candidate, Fidelity, Final, Robustness, Trial, wilson

SIZES = Sizes({"plain": 30522, "synonym:wordnet:0.015:0": 20000}, 2)
TEACHER = 22_700_000
SCRIPT = "<script>window.pwned=1;alert(1)</script>"
IMAGE = '"><img src=x onerror="window.pwned=2">'
EVIL_ATTACK = "neighbours:/home/me/<img src=x onerror=alert(3)>.json"
POSTERIOR = {
    name: {"measured": mean + 0.1, "mean": mean, "interval": [mean - 0.02, mean + 0.02]}
    for name, mean in (("fitness", 1.9), ("accuracy", 0.78), ("robustness", 0.3))
}
EVIL_LABELS = ["<img src=x onerror=alert(2)>", "</script><b>pos"]


def made_trials(n: int, seed: int = 0) -> list[Trial]:
    """Trials of random genotypes with made-up scores; the last one failed."""
    rng = np.random.default_rng(seed)
    trials = []
    for index in range(n):
        genotype = sample(Space(SIZES), rng)
        parent = trials[index - 7].candidate.id if index > 9 else None
        clean, after = 0.84 - 0.15 * rng.random(), 0.55 * rng.random() ** 2
        score = made_score(
            clean=clean,
            n_clean=1000,
            after_attack=after,
            attack_success_rate=1 - after / clean,
            attacked=200,
            params=params(genotype, SIZES),
            flops=1,
            latency_ms=2.0,
            queries=9,
            train_seconds=9.0,
            attack_seconds=1.0,
            fitness=clean + after,
            fidelity=Fidelity(2, 0.5, 200, ("wordnet",)),
        )
        trials.append(Trial(Candidate(index, genotype, index, parent), score))
    return [*trials[:-1], replace(trials[-1], score=None, error=f"ValueError: {SCRIPT} {IMAGE}")]


def made_entry(
    name: str, size: int, clean: float, after: float, **held_out: float
) -> dict[str, Any]:
    """A model of the summary, on 1,000 clean and 400 attacked texts."""

    def attacked(share: float) -> dict[str, Any]:
        interval = wilson(round(400 * share), 400)
        return {
            "after_attack": share,
            "attack_success_rate": 1 - share / clean,
            "n": 400,
            "interval": [interval.low, interval.high],
            "queries_per_text": 30.0,
        }

    interval = wilson(round(1000 * clean), 1000)
    return {
        "id": name,
        "params": size,
        "compression": TEACHER / size,
        "clean": clean,
        "clean_interval": [interval.low, interval.high],
        "n_clean": 1000,
        **attacked(after),
        "held_out": {attack: attacked(share) for attack, share in held_out.items()},
        "latency_ms": 1.5,
        "seeds": [1, 2, 3],
        "clean_std": 0.004,
        "after_attack_std": 0.012,
        "validation_fitness": None,
        "genotype": None,
    }


def made_summary(trials: list[Trial]) -> Summary:
    """See `summary_of`."""
    return decode(Summary, summary_of(trials), "made up")


def summary_of(trials: list[Trial]) -> dict[str, Any]:
    """A finished run whose best student is strong on the search attack only."""
    evil = {EVIL_ATTACK: 0.1}
    chosen = sorted(front(trials), key=lambda t: -t.score.fitness if t.score else 0)[:2]
    best, second = (
        made_entry(t.candidate.id, t.score.params, clean, after, relatives=held, **evil)
        | {"genotype": to_dict(t.candidate.genotype)}
        for t, clean, after, held in zip(
            chosen, (0.81, 0.8), (0.45, 0.43), (0.08, 0.1), strict=True
        )
        if t.score
    )
    best |= {"points": ["balanced", "robust"], "posterior": POSTERIOR}
    second |= {"points": [SCRIPT], "posterior": POSTERIOR}
    reference = made_entry("reference", 2_557_058, 0.8, 0.05, relatives=0.07, **evil)
    teacher = made_entry("teacher", TEACHER, 0.9, 0.15, relatives=0.2, **evil)
    return {
        "task": "mr",
        "teacher": teacher | {"seeds": [0], "clean_std": 0.0, "after_attack_std": 0.0},
        "reference": reference,
        "best": best,
        "finalists": [best, second],
        "front": [],
        "candidates": len(trials),
        "seconds": 3725.0,
        "seed": 7,
        "versions": {"rosearch": "0.1.0", SCRIPT: IMAGE},
        "search_attack": "wordnet",
    }


def made_example(index: int, status: str, text: str, perturbed: str) -> AttackResult:
    return replace(
        made_result(index, status, text, perturbed),
        after=(0.7, 0.3) if status == "flipped" else (0.4, 0.6),
        first=f"First of pair {index} {SCRIPT}" if index % 2 else None,
    )


def made_run(folder: Path, finished: bool = True, trials: list[Trial] | None = None) -> Path:
    """A run folder whose texts, label names and attack names are hostile."""
    folder.mkdir(parents=True, exist_ok=True)
    run = Store(folder / "run.db", create=True)
    trials = made_trials(40) if trials is None else trials
    run.set_meta(
        label_names=EVIL_LABELS,
        started=1_700_000_000.0,
        machine={"cpu": f"made up {SCRIPT}", IMAGE: IMAGE},
        task=SCRIPT,
        rows=dict(SIZES.rows),
        config={"task": {"name": SCRIPT}},
    )
    run.add_trial(*trials)
    if finished:
        finish(run)
    return folder


def finish(run: Store) -> None:
    """Final results: three attacks on the best student, two on the reference student."""
    summary = made_summary(run.trials())
    assert summary.best is not None
    best = summary.best.id
    for seed in (1, 2, 3):
        attacks = {"wordnet": Robustness("wordnet", 400, 320, 180, 12_000)}
        run.add_final(Final(best, seed, None, 1, 810, 1000, attacks, 1.5, 60.0))
    run.add_final(Final("teacher", 0, None, TEACHER, 900, 1000, {}, 9.0, 1.0))
    text = f"{SCRIPT} {IMAGE}"
    for status, start in (("flipped", 0), ("survived", 10), ("skipped", 20)):
        examples = [
            made_example(i, status, f"a good film {text} {i}", f"a nice film {text} {i}")
            for i in range(start, start + 6)
        ]
        for attack in ("wordnet", "relatives", EVIL_ATTACK):
            run.add_examples(best, attack, examples)
        run.add_examples("reference", "wordnet", examples[:2])
        run.add_examples("reference", "relatives", examples[:3])
    run.set_meta(summary=summary.to_json())
