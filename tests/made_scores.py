"""Scores of made-up numbers, with one attack suite."""

from __future__ import annotations

from dataclasses import replace

from rosearch.types import Fidelity, Robustness, Score


def made_score(
    clean: float,
    n_clean: int,
    after_attack: float,
    attack_success_rate: float,
    attacked: int,
    params: int,
    flops: int,
    latency_ms: float,
    queries: int,
    train_seconds: float,
    attack_seconds: float,
    fitness: float,
    fidelity: Fidelity,
) -> Score:
    """A score; its counts need not be whole numbers."""
    survived = after_attack * attacked
    kept = 1 - attack_success_rate
    suite = fidelity.attack
    counts = Robustness(suite, attacked, survived / kept if kept else attacked, survived, queries)
    measured = {"params": params, "flops": flops, "latency_ms": latency_ms}
    return Score(
        clean, n_clean, {suite: counts}, measured, train_seconds, attack_seconds, fitness, fidelity
    )


def with_numbers(
    score: Score,
    clean: float | None = None,
    after_attack: float | None = None,
    params: int | None = None,
) -> Score:
    """The score with other numbers."""
    if clean is not None:
        score = replace(score, clean=clean)
    if after_attack is not None:
        changed = {k: replace(c, survived=after_attack * c.n) for k, c in score.attacks.items()}
        score = replace(score, attacks=changed)
    if params is not None:
        score = replace(score, measurements={**score.measurements, "params": params})
    return score
