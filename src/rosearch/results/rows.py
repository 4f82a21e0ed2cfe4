"""Rows of the store as trials and finals; scores as JSON, those of earlier versions, too."""

from __future__ import annotations

import json
from dataclasses import asdict

from rosearch.space.genotype import from_json
from rosearch.types import (
    AttackedClass,
    Candidate,
    ClassCounts,
    Fidelity,
    Final,
    Json,
    Robustness,
    Score,
    Trial,
    learned,
)

COSTS = ("params", "flops", "latency_ms")
# Index, rung, genotype, seed, parent, score, error.
TrialRow = tuple[int, int, str, int, str | None, str | None, str | None]


def trial_row(trial: Trial) -> tuple[int | str | None, ...]:
    """A trial as it is stored: index, rung, hash, genotype, seed, parent, score, error."""
    c = trial.candidate
    score = None if trial.score is None else score_text(trial.score)
    return c.index, trial.rung, c.id, c.genotype.to_json(), c.seed, c.parent, score, trial.error


def trial_of(row: TrialRow) -> Trial:
    """The trial of a row."""
    idx, rung, genotype, seed, parent, score, error = row
    candidate = Candidate(idx, from_json(genotype), seed, parent)
    found = None if score is None else score_of(json.loads(score))
    return Trial(candidate, found, error, rung)


def final_of(data: Json) -> Final:
    """The final result of parsed JSON."""
    return Final(**{**data, **_counted(data)})


def score_text(score: Score) -> str:
    """A score as JSON text."""
    return json.dumps(asdict(score))


def score_of(data: Json) -> Score:
    """The score of parsed JSON."""
    if "attacks" not in data:
        return _flat(data)
    fidelity = {**data["fidelity"], "attacks": tuple(data["fidelity"]["attacks"])}
    return Score(**{**data, **_counted(data), "fidelity": Fidelity(**fidelity)})


def _counted(data: Json) -> Json:
    """Counts of attacks and of classes, which early versions did not count apart."""
    return {
        "attacks": {name: _robustness(counts) for name, counts in data["attacks"].items()},
        "classes": tuple(ClassCounts(**counts) for counts in data.get("classes", ())),
    }


def _robustness(counts: Json) -> Robustness:
    classes = tuple(AttackedClass(**found) for found in counts.get("classes", ()))
    return Robustness(**{**counts, "classes": classes})


def after_attack_of(data: Json) -> float:
    """After-attack accuracy in the metric of its run, of parsed JSON that may hold little else."""
    return score_of(data).robustness if "attacks" in data else float(data["after_attack"])


def learned_in(data: Json) -> bool:
    """Whether a student of parsed JSON is `learned`."""
    return learned([ClassCounts(**counts) for counts in data.get("classes", ())])


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
