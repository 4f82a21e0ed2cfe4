"""How the adversarial texts of one model do on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rosearch.attacks.result import Status, robustness
from rosearch.models.open import open_classifier
from rosearch.robustness.report import AttackReport, adversarial
from rosearch.tasks import Task
from rosearch.types import Robustness


def transfer(
    report: AttackReport, models: Sequence[str | Path], task: Task, device: str = "auto"
) -> dict[str, dict[str, Robustness]]:
    """Replay the adversarial texts that were found on one model against others.

    Returns:
        model -> attack -> counts: `correct` are the texts that the model gets right and that were
        flipped on the attacked model, `survived` those of them that it still gets right.
    """
    found: dict[str, dict[str, Robustness]] = {}
    for model in models:
        other = open_classifier(model, device).in_order(task.label_names, task.label_map)
        found[str(model)] = {}
        for attack, results in report.results.items():
            flipped = adversarial(results)
            labels = [r.label for r in flipped]
            right = other.correct([r.asked[0] for r in flipped], labels)
            still = right & other.correct([r.asked[1] for r in flipped], labels)
            states = map(_status, right, still)
            replayed = [
                replace(r, status=s, queries=2) for r, s in zip(flipped, states, strict=True)
            ]
            found[str(model)][attack] = robustness(attack, replayed)
    return found


def _status(right: bool, still: bool) -> Status:
    return ("survived" if still else "flipped") if right else "skipped"
