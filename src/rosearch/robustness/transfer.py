"""How the adversarial texts of one model do on others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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
    ours = {name: task.label_names.index(name) for name in report.label_names}
    for model in models:
        other = open_classifier(model, device)
        numbers = other.numbers(task)
        found[str(model)] = {}
        for attack, results in report.results.items():
            flipped = adversarial(results)
            labels = [numbers[ours[report.label_names[r.label]]] for r in flipped]
            right = other.correct([r.asked[0] for r in flipped], labels)
            still = right & other.correct([r.asked[1] for r in flipped], labels)
            found[str(model)][attack] = Robustness(
                attack, len(flipped), int(right.sum()), int(still.sum()), 2 * len(flipped)
            )
    return found
