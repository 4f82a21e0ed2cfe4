"""A model by a protocol: clean, attacked in every row, replayed texts of others, certified."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rosearch.attacks.methods import resources_for
from rosearch.errors import UserError
from rosearch.io.files import write_text
from rosearch.io.progress import stage
from rosearch.models.calibration import best_temperature
from rosearch.models.classifier import Classifier
from rosearch.models.open import open_classifier
from rosearch.results.summary import machine, versions
from rosearch.results.words import attack_label
from rosearch.robustness.alarms import alarm_entries, rare_label
from rosearch.robustness.assessment import FILE, Assessment
from rosearch.robustness.evaluate import labelled
from rosearch.robustness.origin import Origin, origin_of
from rosearch.robustness.pooled import (
    certified_entries,
    clean_entry,
    row_entry,
    transfer_entry,
    worst_entries,
)
from rosearch.robustness.protocol import NEWEST, Protocol, find_protocol
from rosearch.robustness.replay import replays
from rosearch.robustness.report import adversarial, sample_words
from rosearch.robustness.rows import (
    CALIBRATED,
    SHIPPED,
    Bench,
    Done,
    carry_out,
    split_rows,
    suite_of,
)
from rosearch.tasks import Task
from rosearch.tasks.sample import SEED
from rosearch.teacher.attack_folders import attack_folders

EXAMPLES = "adversarial.jsonl"


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
    rows, skipped = split_rows(protocol, origin, chosen.neighbours)
    suites = [suite_of(row, chosen.neighbours) for row in rows]
    benches = _benches((folder, *seeds), task, out / "journal", chosen, suites, origin)
    runs = [[carry_out(*one, bench) for one in zip(rows, suites, strict=True)] for bench in benches]
    replayed = [
        list(replays(protocol, origin, bench, done, chosen.device, out / "journal"))
        for bench, done in zip(benches, runs, strict=True)
    ]
    at = () if rare is None else alarm_entries(rare, protocol.false_alarms, benches, runs)
    certified, intervals = certified_entries(benches)
    costs = [one.cost for done in runs for one in done] + [one.cost for one in replayed[0]]
    n = len(benches[0].split)
    found = Assessment(
        protocol=protocol.name,
        model=name or folder.resolve().name,
        task=task.name,
        labels=task.label_names,
        n=n,
        sample=sample_words(n, len(task.test), task.max_words),
        seed=SEED,
        complete=origin.complete,
        known=origin.settings,
        mechanisms=tuple(sorted(origin.mechanisms)),
        clean=clean_entry(benches),
        rows=tuple(row_entry(same, origin, task) for same in zip(*runs, strict=True)),
        skipped=skipped,
        worst=worst_entries(runs, replayed, origin, task),
        transfer=tuple(transfer_entry(same, task) for same in zip(*replayed, strict=True)),
        certified=certified,
        certified_intervals=intervals,
        training_seeds=len(runs),
        alarms=tuple(at),
        seconds=round(sum(cost.seconds for cost in costs), 1),
        machine=machine(),
        versions=versions(),
    )
    write_text(out / EXAMPLES, "".join(_examples(runs[0], protocol, task)))
    write_text(out / FILE, json.dumps(found.to_json(), indent=2) + "\n")
    return found


def _benches(
    folders: Sequence[Path],
    task: Task,
    journals: Path,
    settings: AssessSettings,
    suites: Sequence[str],
    origin: Origin,
) -> list[Bench]:
    """What attacks are carried out on: one for each training seed."""
    split = labelled(task, "test").sample(settings.n)
    victims = [open_classifier(one, settings.device).fitted(task, split) for one in folders]
    with stage("preparing attacks", 1) as advance:
        read = attack_folders(suites, None, task, origin.body, origin.others.get("teacher"))
        resources = resources_for(suites, split.texts, read)
        advance(1, "")
    places = [journals, *(journals / "seeds" / one.name for one in folders[1:])]
    swept = find_protocol(settings.protocol).temperatures
    return [
        Bench(victim, task, split, resources, _sweep(victim, task, swept), place)
        for victim, place in zip(victims, places, strict=True)
    ]


def _sweep(victim: Classifier, task: Task, others: Sequence[float]) -> dict[str, float]:
    """Temperatures by name: as shipped, the one that fits the validation split, the others."""
    found = {SHIPPED: 1.0}
    if "validation" not in task.hidden and len(task.validation):
        said = victim.probabilities(task.validation.texts)
        found[CALIBRATED] = round(best_temperature(said, task.validation.labels), 4)
    return found | {f"{t:g}": t for t in others if t != 1}


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
