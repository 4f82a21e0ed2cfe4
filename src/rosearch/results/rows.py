"""Scores as JSON in the store, those of earlier versions included."""

from __future__ import annotations

import json
from dataclasses import asdict

from rosearch.types import Fidelity, Json, Robustness, Score

COSTS = ("params", "flops", "latency_ms")


def score_text(score: Score) -> str:
    """A score as JSON text."""
    return json.dumps(asdict(score))


def score_of(data: Json) -> Score:
    """The score of parsed JSON."""
    if "attacks" not in data:
        return _flat(data)
    fidelity = {**data["fidelity"], "attacks": tuple(data["fidelity"]["attacks"])}
    attacks = {name: Robustness(**counts) for name, counts in data["attacks"].items()}
    return Score(**{**data, "attacks": attacks, "fidelity": Fidelity(**fidelity)})


def after_attack_of(data: Json) -> float:
    """After-attack accuracy of parsed JSON, which may hold little else."""
    return score_of(data).after_attack if "attacks" in data else float(data["after_attack"])


def _flat(data: Json) -> Score:
    """A score as versions up to 0.1 stored it: one suite, its outcome as two shares."""
    how = {k: v for k, v in data["fidelity"].items() if k != "attack"}
    suite = str(data["fidelity"]["attack"])
    return Score(
        clean=data["clean"],
        n_clean=data["n_clean"],
        attacks={suite: _counts(suite, data)},
        measurements={name: data[name] for name in COSTS},
        train_seconds=data["train_seconds"],
        attack_seconds=data["attack_seconds"],
        fitness=data["fitness"],
        fidelity=Fidelity(attacks=(suite,), **how),
    )


def _counts(suite: str, data: Json) -> Robustness:
    """The counts behind an after-attack accuracy and a success rate.

    Where the attack always succeeded they do not tell how many texts were right before it: about
    as many as of the whole split.
    """
    n, rate = data["attacked"], data["attack_success_rate"]
    survived = round(data["after_attack"] * n)
    correct = round(survived / (1 - rate)) if rate < 1 else max(1, round(data["clean"] * n))
    return Robustness(suite, n, correct, survived, data["queries"])
