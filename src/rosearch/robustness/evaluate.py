"""How robust is a model? Attack it on a task's texts, keep every result, sum them up."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from rosearch.attacks.attack_resources import AttackResources, encoder_of
from rosearch.attacks.engine import iterate_suite
from rosearch.attacks.goals import Goal
from rosearch.attacks.lexicon import FILE
from rosearch.attacks.methods import (
    check_attack,
    lexicons_of,
    load_attacks,
    models_of,
    resources_for,
)
from rosearch.attacks.result import AttackResult, robustness
from rosearch.errors import UserError
from rosearch.io.progress import stage
from rosearch.io.resources import fetch
from rosearch.models.classifier import Classifier, Predict
from rosearch.models.load import content_hash
from rosearch.models.open import open_classifier
from rosearch.results.entries import attack_entry, to_json
from rosearch.robustness.journal import Journal
from rosearch.tasks import Split, Task
from rosearch.tasks.words import segment
from rosearch.teacher.masked_lm import attack_folders
from rosearch.types import Json, Robustness, Text

ALL = "all"  # the worst case over several attacks
Limits = tuple[Goal, int | None]  # and the query budget per text


@dataclass(frozen=True)
class Settings:
    """How a model is attacked.

    Attributes:
        attacks: names of attacks or suites.
        split: the texts to attack: the first `n` of a split.
        max_queries: query budget per text; None means no budget.
        total_queries: budget per attack for all texts. Every text gets an equal share, so that the
            outcome does not depend on the order in which texts are attacked; what an easy text
            leaves over is not passed on.
        target: name of the label that attacks must reach; None means any wrong label.
        masked_lm: folder or hub id of the masked language model for attacks that ask one; see
            `rosearch.teacher.masked_lm.masked_lm_folder`.
        similarity: whether to measure how alike flipped texts are to the original ones.
        device: where a model runs: `auto`, `cpu`, `cuda`, `cuda:1`, ...
    """

    attacks: tuple[str, ...] = ("wordnet",)
    split: str = "test"
    n: int = 200
    max_queries: int | None = None
    total_queries: int | None = None
    target: str | None = None
    masked_lm: str | None = None
    similarity: bool = True
    device: str = "auto"

    def check(self, label_names: Sequence[str]) -> None:
        """Refuse what cannot work.

        Raises:
            UserError: an unknown attack, split or target, or a budget below one query per text.
        """
        for name in self.attacks:
            check_attack(name)
        if self.split not in ("train", "validation", "test"):
            raise UserError(f"no split {self.split!r}; the splits are train, validation, test")
        if self.target is not None and self.target not in label_names:
            known = ", ".join(label_names)
            raise UserError(f"no label {self.target!r} to reach; the labels are {known}")
        if self.total_queries is not None and self.total_queries < self.n:
            raise UserError(
                f"a total of {self.total_queries} queries is less than one for each of {self.n} "
                "texts; raise it or attack fewer"
            )

    def budget(self, texts: int) -> int | None:
        """Query budget of one text."""
        limits = [self.max_queries, self.total_queries and self.total_queries // texts]
        return min((limit for limit in limits if limit is not None), default=None)


@dataclass(frozen=True)
class AttackReport:
    """Outcome of one or more attacks on one model.

    Attributes:
        label_names: as the model numbers them.
        results: attack -> one result a text, in the order of the texts.
        similarity: attack -> mean similarity of its flipped texts to the original ones; see
            `mean_similarity`. Attacks without any, or all if it was not measured, are missing.
    """

    model: str
    task: str
    split: str
    label_names: tuple[str, ...]
    results: Mapping[str, Sequence[AttackResult]]
    similarity: Mapping[str, float] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, Robustness]:
        """Attack -> counts; several attacks together are `all`, the worst case of each text."""
        counts = {name: robustness(name, results) for name, results in self.results.items()}
        if len(counts) > 1:
            counts[ALL] = robustness(ALL, worst_case(list(self.results.values())))
        return counts

    def to_json(self) -> Json:
        """Shares with intervals, JSON-ready."""
        from rosearch.results.summary import versions

        return {
            "model": self.model,
            "task": self.task,
            "split": self.split,
            "attacks": {
                name: {
                    "clean": round(c.clean, 4),
                    **to_json(attack_entry([c])),
                    "queries": c.queries,
                    "changed_words": changed_share(self.results.get(name, ())),
                    "similarity": self.similarity.get(name),
                }
                for name, c in self.counts.items()
            },
            "versions": versions(),
        }


def adversarial(results: Sequence[AttackResult]) -> list[AttackResult]:
    """Those that flipped the label by another text; white-box attacks leave no such text."""
    return [r for r in results if r.status == "flipped" and r.changed]


def changed_share(results: Sequence[AttackResult]) -> float | None:
    """Mean share of words changed in the texts that were flipped; None if none was."""
    shares = [len(r.changed) / len(segment(r.original).words) for r in adversarial(results)]
    return round(fmean(shares), 4) if shares else None


def mean_similarity(results: Sequence[AttackResult], encoder: Path) -> float | None:
    """Mean cosine of flipped and original texts by a sentence encoder; None if none was changed."""
    from rosearch.attacks.encoder import Cosines

    pairs = [(segment(r.original), segment(r.perturbed)) for r in adversarial(results)]
    return round(float(np.mean(Cosines(encoder_of(encoder))(pairs))), 4) if pairs else None


def _similarities(results: Mapping[str, Sequence[AttackResult]]) -> dict[str, float]:
    """Of every attack with flipped texts; nothing where MiniLM can't be had: it is no reason to
    lose the results of an attack."""
    try:
        encoder = fetch("minilm")
    except UserError as error:
        print(f"similarity was not measured: {error}", file=sys.stderr)
        return {}
    found = {name: mean_similarity(several, encoder) for name, several in results.items()}
    return {name: value for name, value in found.items() if value is not None}


def worst_case(results: Sequence[Sequence[AttackResult]]) -> list[AttackResult]:
    """Of each text the first result in which it is flipped, else its last; queries add up."""
    worst = []
    for several in zip(*results, strict=True):
        flipped = [r for r in several if r.status == "flipped"]
        chosen = flipped[0] if flipped else several[-1]
        worst.append(replace(chosen, queries=sum(r.queries for r in several)))
    return worst


def attack(
    model: str | Path | Predict,
    task: Task,
    settings: Settings | None = None,
    journal: Path | None = None,
    **changes: Any,
) -> AttackReport:
    """Attack a saved student, any Hugging Face classifier, or any function.

    Args:
        model: a folder, a hub id, or a function from texts (or pairs `(first, second)`, if the task
            has pairs) to probabilities (texts, C) in the order of the task's labels.
        settings: see `Settings`; single ones may be given by name: `n=50, max_queries=100`.
        journal: a JSON Lines file that gets every result at once. If it holds results of the same
            attack on the same model and texts, these are not computed again.

    Raises:
        UserError: see `Settings.check`; a model whose labels are not the task's; a journal that
            holds results of something else.
    """
    chosen = replace(settings or Settings(), **changes)
    chosen.check(task.label_names)
    split = first_texts(task, chosen)
    folders = attack_folders(chosen.attacks, chosen.masked_lm, task)
    resources = resources_for(chosen.attacks, split.texts, folders)
    victim = open_classifier(model, chosen.device)
    numbers = victim.numbers(task)
    labels = [numbers[label] for label in split.labels]
    limits = (_goal(chosen.target, numbers, task), chosen.budget(len(split)))
    results: dict[str, list[AttackResult]] = {}
    for name in chosen.attacks:
        key = _key(name, victim, resources, task, chosen.split, limits) if journal else ""
        with Journal(journal, name, key) as lines:
            results[name] = _attack(name, resources, limits, victim, split.texts, labels, lines)
    names = tuple(task.label_names[numbers.index(i)] for i in range(task.classes))
    alike = _similarities(results) if chosen.similarity else {}
    return AttackReport(victim.name, task.name, chosen.split, names, results, alike)


def _attack(
    name: str,
    resources: AttackResources,
    limits: Limits,
    victim: Classifier,
    texts: Sequence[Text],
    labels: Sequence[int],
    journal: Journal,
) -> list[AttackResult]:
    """The results of one attack or suite, in the order of the texts."""
    done = {i: AttackResult.from_json(line) for i, line in journal.known.items() if i < len(texts)}
    left = [i for i in range(len(texts)) if i not in done]
    attacks = load_attacks(name, resources, *limits)
    survived = sum(r.status == "survived" for r in done.values())
    with stage(f"attacking with {name}", len(texts)) as advance:
        advance(len(done), "")
        examples = ((texts[i], labels[i]) for i in left)
        for result in iterate_suite(attacks, victim, examples):
            i = left[result.index]
            done[i] = replace(result, index=i)
            journal.add(asdict(done[i]))
            survived += result.status == "survived"
            advance(1, f"after attack {survived / len(done):.3f} so far")
    return [done[i] for i in range(len(texts))]


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


def first_texts(task: Task, settings: Settings) -> Split:
    """The texts to attack."""
    data: Split = getattr(task, settings.split)
    return Split(data.texts[: settings.n], data.labels[: settings.n])


def _goal(target: str | None, numbers: Sequence[int], task: Task) -> Goal:
    return Goal(None if target is None else numbers[task.label_names.index(target)])


def _key(
    attack: str,
    victim: Classifier,
    resources: AttackResources,
    task: Task,
    split: str,
    limits: Limits,
) -> str:
    """What decides the result of a text besides the text: results are reused under equal keys."""
    if victim.content is None:
        raise UserError("a journal needs a saved model: results of a function can't be told apart")
    files = [name.removeprefix(FILE) for name in lexicons_of(attack) if name.startswith(FILE)]
    read = [hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files]
    read += [content_hash(resources.models[name]) for name in models_of(attack)]
    goal, budget = limits
    recipe = [attack, read, victim.content, asdict(goal), budget, task.fingerprint, split]
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]
