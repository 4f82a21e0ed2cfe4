"""A model by a protocol: clean, attacked in every row, replayed texts of others, certified."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rosearch.attacks.methods import resources_for
from rosearch.attacks.result import AttackResult, robustness
from rosearch.errors import UserError
from rosearch.evaluation.held_out import Standing, standing
from rosearch.io.files import write_text
from rosearch.io.progress import stage
from rosearch.models.calibration import at_temperature, best_temperature, calibration_error
from rosearch.models.classifier import Classifier
from rosearch.models.open import open_classifier
from rosearch.results.classes import class_entries, rounded
from rosearch.results.entries import AttackEntry, attack_entry
from rosearch.results.summary import machine, versions
from rosearch.results.words import attack_label
from rosearch.robustness.assessment import (
    FILE,
    Assessment,
    CleanEntry,
    RowEntry,
    Spent,
    TransferEntry,
)
from rosearch.robustness.evaluate import certain, labelled
from rosearch.robustness.journaled import Cost
from rosearch.robustness.origin import Origin, origin_of
from rosearch.robustness.protocol import Protocol, find_protocol
from rosearch.robustness.replay import Replayed, replays
from rosearch.robustness.report import ALL, adversarial, sample_words, worst_case
from rosearch.robustness.rows import SHIPPED, Bench, Done, carry_out, split_rows, suite_of
from rosearch.tasks import Task
from rosearch.tasks.sample import SEED
from rosearch.teacher.attack_folders import attack_folders
from rosearch.types import class_counts, wilson

EXAMPLES = "adversarial.jsonl"
LEAST_CHANGE = 1e-3  # of a temperature: a nearer one is taken for 1


@dataclass(frozen=True)
class AssessSettings:
    """How a model is measured.

    Attributes:
        n: texts of the test split that are attacked; at least 1.
        neighbours: file of nearest words for the rows that need one.
        device: where models run: `auto`, `cpu`, `cuda`, ...
    """

    protocol: str = "v1"
    n: int = 100
    neighbours: Path | None = None
    device: str = "auto"


def assess(
    folder: Path,
    task: Task,
    out: Path,
    settings: AssessSettings | None = None,
    name: str = "",
    teacher: Path | None = None,
) -> Assessment:
    """Measure a saved model by a protocol, on the test split; goes on where it was stopped.

    Args:
        folder: of a student, a Hugging Face classifier or an ONNX graph.
        out: gets `robustness.json`, `adversarial.jsonl` and `journal/`.
        name: what reports call the model; by default its folder.
        teacher: a model of the same task, whose neighbours and adversarial texts are tried.

    Raises:
        UserError: no such protocol, no texts, a model whose labels are not the task's, or journals
            of something else in `out`.
    """
    chosen = settings or AssessSettings()
    protocol = find_protocol(chosen.protocol)
    if chosen.n < 1:
        raise UserError(f"{chosen.n} texts to attack; it takes at least 1")
    origin = origin_of(folder, teacher)
    rows, skipped = split_rows(protocol, origin, chosen.neighbours)
    suites = {row.name: suite_of(row, chosen.neighbours) for row in rows}
    bench, clean = _bench(folder, task, out, chosen, protocol, list(suites.values()), origin)
    done = [carry_out(row, suites[row.name], bench) for row in rows]
    replayed = list(replays(protocol, origin, bench, done, chosen.device))
    costs = [*(one.cost for one in done), *(one.cost for one in replayed)]
    found = Assessment(
        protocol=protocol.name,
        model=name or folder.resolve().name,
        task=task.name,
        labels=task.label_names,
        n=len(bench.split),
        sample=sample_words(len(bench.split), len(task.test)),
        seed=SEED,
        complete=origin.complete,
        known=origin.settings,
        mechanisms=tuple(sorted(origin.mechanisms)),
        clean=clean,
        rows=tuple(_row_entry(one, origin, task) for one in done),
        skipped=skipped,
        worst=_worst(done, replayed, origin, task),
        transfer=tuple(_transfer_entry(one, task) for one in replayed),
        certified=_certified(bench),
        seconds=round(sum(cost.seconds for cost in costs), 1),
        machine=machine(),
        versions=versions(),
    )
    write_text(out / EXAMPLES, "".join(_examples(done, protocol, task)))
    write_text(out / FILE, json.dumps(found.to_json(), indent=2) + "\n")
    return found


def _bench(
    folder: Path,
    task: Task,
    out: Path,
    settings: AssessSettings,
    protocol: Protocol,
    suites: Sequence[str],
    origin: Origin,
) -> tuple[Bench, CleanEntry]:
    """What attacks are carried out on, and the clean results that come before."""
    split = labelled(task, "test").sample(settings.n)
    victim = open_classifier(folder, settings.device).fitted(task, split)
    with stage("clean texts, and preparing attacks", 2) as advance:
        clean = _clean(victim, task)
        advance(1, "")
        folders = attack_folders(suites, None, task, origin.body, origin.others.get("teacher"))
        resources = resources_for(suites, split.texts, folders)
        advance(1, "")
    temperatures = {SHIPPED: 1.0}
    calibrated = 1.0 if clean.temperature is None else clean.temperature
    if abs(calibrated - 1) > LEAST_CHANGE:
        temperatures["calibrated"] = calibrated
    temperatures |= {f"{t:g}": t for t in protocol.temperatures if t != 1}
    return Bench(victim, task, split, resources, temperatures, out / "journal"), clean


def _clean(victim: Classifier, task: Task) -> CleanEntry:
    """The whole test split, and the temperature that fits the validation split."""
    found, labels = victim.probabilities(task.test.texts), task.test.labels
    classes = class_counts(found.argmax(1), labels, found.shape[1])
    right = sum(c.correct for c in classes)
    temperature = _temperature(victim, task)
    calibrated = None if temperature is None else at_temperature(found, temperature)
    return CleanEntry(
        n=len(labels),
        accuracy=round(right / len(labels), 4),
        interval=rounded(wilson(right, len(labels))),
        **class_entries([classes]),
        calibration_error=round(calibration_error(found, labels), 4),
        temperature=temperature,
        calibrated_error=None
        if calibrated is None
        else round(calibration_error(calibrated, labels), 4),
    )


def _temperature(victim: Classifier, task: Task) -> float | None:
    if "validation" in task.hidden or not len(task.validation):
        return None
    said: np.ndarray = victim.probabilities(task.validation.texts)
    return round(best_temperature(said, task.validation.labels), 4)


def _row_entry(done: Done, origin: Origin, task: Task) -> RowEntry:
    told, why = standing(done.suite, origin.known, origin.complete)
    row, counts = done.row, robustness(done.row.name, done.results, task.test.labels)
    return RowEntry(
        name=row.name,
        attack=attack_label(done.suite),
        group=row.group,
        standing=told,
        why=why,
        adaptive=bool(origin.mechanisms & set(row.against)),
        limits=row.limits,
        outcome=attack_entry([counts]),
        by_temperature={name: round(share, 4) for name, share in done.after.items()},
        spent=_spent(done.cost, len(done.results)),
    )


def _spent(cost: Cost, n: int) -> Spent:
    ms = round(1000 * cost.seconds / n, 2)
    return Spent(queries=cost.queries, passes=cost.passes, ms_per_text=ms)


def _transfer_entry(one: Replayed, task: Task) -> TransferEntry:
    outcome = _entry(one.results, task)
    direct = _entry(one.direct, task).after_attack
    return TransferEntry(
        source=one.source,
        row=one.row,
        found=one.found,
        outcome=outcome,
        direct=direct,
        beyond=one.beyond,
        masked=outcome.after_attack < direct,
        spent=_spent(one.cost, len(one.results)),
    )


def _entry(results: Sequence[AttackResult], task: Task) -> AttackEntry:
    return attack_entry([robustness("", results, task.test.labels)])


def _worst(
    done: Sequence[Done], replayed: Sequence[Replayed], origin: Origin, task: Task
) -> dict[str, AttackEntry]:
    """Texts that survive every row: of each standing that there is, and of all with replays."""
    kinds: dict[Standing, list[list[AttackResult]]] = {}
    for one in done:
        told, _ = standing(one.suite, origin.known, origin.complete)
        kinds.setdefault(told, []).append(one.results)
    found = {str(kind): _entry(worst_case(several), task) for kind, several in kinds.items()}
    everything = [one.results for one in done]
    for replay in replayed:  # of the first texts only
        rest = [replace(r, queries=0) for r in done[0].results[len(replay.results) :]]
        everything.append([*replay.results, *rest])
    return {ALL: _entry(worst_case(everything), task), **found}


def _certified(bench: Bench) -> dict[str, float]:
    split = bench.split
    found = certain(bench.victim, split, bench.resources)
    return {what: round(count / len(split), 4) for what, count in found.items()}


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
