"""Attacks that go on where they were stopped, and what they cost."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rosearch.attacks.attack import AnyAttack
from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.engine import attacked
from rosearch.attacks.goals import UNTARGETED, Goal
from rosearch.attacks.lexicon import FILE
from rosearch.attacks.methods import lexicons_of, models_of
from rosearch.attacks.result import AttackResult
from rosearch.errors import UserError
from rosearch.models.answers import NetworkAnswers
from rosearch.models.calibration import plain_answers
from rosearch.models.classifier import Classifier
from rosearch.models.load import content_hash
from rosearch.robustness.journal import Journal
from rosearch.tasks import Split, Task
from rosearch.tasks.sample import LEAST_PER_CLASS, SEED
from rosearch.types import Json


@dataclass(frozen=True)
class Cost:
    """What attacks cost.

    Attributes:
        queries: texts that the victim was asked about.
        passes: texts that went through its network: what it had been asked before did not.
        seconds: of wall time.
    """

    queries: int = 0
    passes: int = 0
    seconds: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.queries + other.queries,
            self.passes + other.passes,
            self.seconds + other.seconds,
        )


def journaled(
    attacks: Sequence[AnyAttack],
    victim: Classifier,
    split: Split,
    journal: Journal,
    settled: Mapping[int, AttackResult] | None = None,
    title: str | None = None,
) -> tuple[list[AttackResult], Cost]:
    """The results of a suite, those that the journal holds among them, and what all of them cost.

    Args:
        settled: results by position of texts that are not to be attacked; they cost nothing.
        title: of a progress bar; None shows none.
    """
    lines = {i: line for i, line in journal.known.items() if i < len(split)}
    done = {i: AttackResult.from_json(line) for i, line in lines.items()}
    cost = _cost(lines.values())
    network = plain_answers(victim)
    passed, then = _passes(network), time.perf_counter()

    def keep(result: AttackResult) -> None:
        nonlocal cost, passed, then
        passes, now = _passes(network), time.perf_counter()
        line = {**asdict(result), "passes": passes - passed, "seconds": round(now - then, 6)}
        journal.add(line)
        cost, passed, then = cost + _cost([line]), passes, now

    done |= settled or {}
    results = attacked(
        attacks, victim, split.texts, split.labels, done=done, on_result=keep, title=title
    )
    return results, cost


def _passes(answers: object) -> int:
    return answers.passes if isinstance(answers, NetworkAnswers) else 0


def _cost(lines: Iterable[Json]) -> Cost:
    """Of the results that lines of a journal tell; early ones tell neither passes nor seconds."""
    each = (Cost(x["queries"], x.get("passes", 0), x.get("seconds", 0.0)) for x in lines)
    return sum(each, Cost())


def decisive(
    victim: Classifier,
    task: Task,
    split: str,
    goal: Goal = UNTARGETED,
    budget: int | None = None,
) -> list[object]:
    """What decides the result of a text besides the text and the attack.

    Raises:
        UserError: the victim is a function.
    """
    if victim.content is None:
        raise UserError("a journal needs a saved model: results of a function can't be told apart")
    order = [] if victim.order is None else [victim.order]
    sampled = [SEED, LEAST_PER_CLASS]
    return [victim.content, asdict(goal), budget, task.fingerprint, split, sampled, *order]


def key_of(attack: str, resources: AttackResources, decides: Sequence[object]) -> str:
    """Results are reused under equal keys."""
    files = [name.removeprefix(FILE) for name in lexicons_of(attack) if name.startswith(FILE)]
    read = [hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files]
    read += [content_hash(resources.models[name]) for name in models_of(attack)]
    read += [resources.made[name] for name in lexicons_of(attack) if name in resources.made]
    return hashlib.sha256(json.dumps([attack, read, *decides]).encode()).hexdigest()[:16]
