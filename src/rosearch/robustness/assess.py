"""A model by a protocol: clean, attacked in every row, replayed texts of others, certified."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.methods import resources_for
from rosearch.errors import UserError
from rosearch.io.files import write_text
from rosearch.io.progress import stage
from rosearch.models.calibration import at_temperature, best_temperature, calibration_error
from rosearch.models.classifier import Classifier
from rosearch.models.open import open_classifier
from rosearch.results.words import attack_label
from rosearch.robustness.alarms import alarms, rare_label
from rosearch.robustness.assessment import FILE, Assessment
from rosearch.robustness.evaluate import certain, labelled
from rosearch.robustness.measured import Clean, Measured, assessment
from rosearch.robustness.origin import Origin, origin_of
from rosearch.robustness.protocol import NEWEST, Protocol, Row, find_protocol
from rosearch.robustness.replay import replays
from rosearch.robustness.report import adversarial
from rosearch.robustness.rows import SHIPPED, Bench, Done, carry_out, split_rows, suite_of
from rosearch.tasks import Split, Task
from rosearch.teacher.attack_folders import attack_folders
from rosearch.types import class_counts

EXAMPLES = "adversarial.jsonl"
LEAST_CHANGE = 1e-3  # of a temperature: a nearer one is taken for 1


@dataclass(frozen=True)
class AssessSettings:
    """How a model is measured.

    Attributes:
        n: texts of the test split that are attacked; at least 1.
        neighbours: file of nearest words for the rows that need one.
        device: where models run: `auto`, `cpu`, `cuda`, ...
        rare: the label whose recall is told at few false alarms; None: see `rare_label`.
    """

    protocol: str = NEWEST
    n: int = 100
    neighbours: Path | None = None
    device: str = "auto"
    rare: str | None = None


@dataclass(frozen=True)
class _Plan:
    """What is done with each training seed of a model.

    Attributes:
        rows: name -> the row and its attack.
        others: folder of results on other models.
    """

    task: Task
    split: Split
    protocol: Protocol
    origin: Origin
    rows: dict[str, tuple[Row, str]]
    resources: AttackResources
    rare: int | None
    device: str
    others: Path


def assess(
    folder: Path,
    task: Task,
    out: Path,
    settings: AssessSettings | None = None,
    name: str = "",
    teacher: Path | None = None,
    seeds: Sequence[Path] = (),
) -> Assessment:
    """Measure a saved model by a protocol, on the test split; goes on where it was stopped.

    Args:
        folder: of a student, a Hugging Face classifier or an ONNX graph.
        out: gets `robustness.json`, `adversarial.jsonl` and `journal/`.
        name: what reports call the model; by default its folder.
        teacher: a model of the same task, whose neighbours and adversarial texts are tried.
        seeds: folders of the same model trained with other seeds, which are measured, too.

    Raises:
        UserError: no such protocol, no texts, a model whose labels are not the task's, no threshold
            for a rare label, or journals of something else in `out`.
    """
    chosen = settings or AssessSettings()
    protocol = find_protocol(chosen.protocol)
    if chosen.n < 1:
        raise UserError(f"{chosen.n} texts to attack; it takes at least 1")
    rare = rare_label(task, chosen.rare)
    origin = origin_of(folder, teacher)
    there, skipped = split_rows(protocol, origin, chosen.neighbours)
    rows = {row.name: (row, suite_of(row, chosen.neighbours)) for row in there}
    split = labelled(task, "test").sample(chosen.n)
    victims = [open_classifier(one, chosen.device).fitted(task, split) for one in (folder, *seeds)]
    resources = _resources([suite for _, suite in rows.values()], task, split, origin)
    own = out / "journal"
    plan = _Plan(task, split, protocol, origin, rows, resources, rare, chosen.device, own)
    journals = [own, *(own / "seeds" / one.name for one in seeds)]
    runs = [_measured(plan, *one) for one in zip(victims, journals, strict=True)]
    title = name or folder.resolve().name
    found = assessment(runs, task, origin, protocol.name, title, split, skipped)
    write_text(out / EXAMPLES, "".join(_examples(runs[0].done, protocol, task)))
    write_text(out / FILE, json.dumps(found.to_json(), indent=2) + "\n")
    return found


def _resources(suites: Sequence[str], task: Task, split: Split, origin: Origin) -> AttackResources:
    with stage("preparing attacks", 1) as advance:
        folders = attack_folders(suites, None, task, origin.body, origin.others.get("teacher"))
        found = resources_for(suites, split.texts, folders)
        advance(1, "")
    return found


def _measured(plan: _Plan, victim: Classifier, journals: Path) -> Measured:
    """All of one training seed."""
    clean = _clean(victim, plan.task)
    sweep = _temperatures(clean, plan.protocol)
    bench = Bench(victim, plan.task, plan.split, plan.resources, sweep, journals)
    done = [carry_out(row, suite, bench) for row, suite in plan.rows.values()]
    replayed = replays(plan.protocol, plan.origin, bench, done, plan.device, plan.others)
    rates = plan.protocol.false_alarms
    return Measured(
        clean,
        done,
        list(replayed),
        certain(victim, plan.split, plan.resources),
        [] if plan.rare is None else list(alarms(plan.rare, rates, bench, done)),
    )


def _temperatures(clean: Clean, protocol: Protocol) -> dict[str, float]:
    """Those of the sweep by name, as shipped first."""
    found = {SHIPPED: 1.0}
    calibrated = 1.0 if clean.temperature is None else clean.temperature
    if abs(calibrated - 1) > LEAST_CHANGE:
        found["calibrated"] = calibrated
    return found | {f"{t:g}": t for t in protocol.temperatures if t != 1}


def _clean(victim: Classifier, task: Task) -> Clean:
    """The whole test split, and the temperature that fits the validation split."""
    found, labels = victim.probabilities(task.test.texts), task.test.labels
    temperature = _temperature(victim, task)
    calibrated = None if temperature is None else at_temperature(found, temperature)
    return Clean(
        class_counts(found.argmax(1), labels, found.shape[1]),
        calibration_error(found, labels),
        temperature,
        None if calibrated is None else calibration_error(calibrated, labels),
    )


def _temperature(victim: Classifier, task: Task) -> float | None:
    if "validation" in task.hidden or not len(task.validation):
        return None
    said: np.ndarray = victim.probabilities(task.validation.texts)
    return round(best_temperature(said, task.validation.labels), 4)


def _examples(done: Sequence[Done], protocol: Protocol, task: Task) -> Iterator[str]:
    """A few adversarial texts of each row, as lines of JSON."""
    for one in done:
        for result in adversarial(one.results)[: protocol.examples]:
            after = max(range(len(result.after)), key=result.after.__getitem__)
            line = {
                "row": one.row.name,
                "attack": attack_label(result.attack),
                "index": result.index,
                **({} if result.first is None else {"first": result.first}),
                "original": result.original,
                "perturbed": result.perturbed,
                "label": task.label_names[result.label],
                "said": task.label_names[after],
            }
            yield json.dumps(line) + "\n"
