"""Rows of a protocol carried out on one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rosearch.attacks.attack import AnyAttack
from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.limits import Limits, capped
from rosearch.attacks.methods import check_attack, lexicons_of, load_attacks
from rosearch.attacks.result import AttackResult, robustness
from rosearch.attacks.sources.encoder import ENCODER
from rosearch.errors import MissingExtra
from rosearch.io.files import writing_to
from rosearch.models.calibration import at_threshold, tempered
from rosearch.models.classifier import Classifier
from rosearch.robustness.journal import Journal
from rosearch.robustness.journaled import Cost, decisive, journaled, key_of
from rosearch.robustness.origin import Origin
from rosearch.robustness.protocol import NEIGHBOURS, Protocol, Row
from rosearch.tasks import Split, Task

SHIPPED, CALIBRATED = "as shipped", "calibrated"


@dataclass(frozen=True)
class Bench:
    """What all rows are carried out on.

    Attributes:
        split: the attacked texts.
        temperatures: name -> of the probabilities that attacks see; the first is 1, as shipped.
        journals: folder of the results so far.
        threshold: the label and the log-odds of it above which the victim says it; None: it says
            what is likeliest.
    """

    victim: Classifier
    task: Task
    split: Split
    resources: AttackResources
    temperatures: dict[str, float]
    journals: Path
    threshold: tuple[int, float] | None = None

    @property
    def decides(self) -> list[object]:
        """See `decisive`."""
        above = [] if self.threshold is None else [list(self.threshold)]
        return [*decisive(self.victim, self.task, "test"), *above]


@dataclass(frozen=True)
class Done:
    """What came of a row.

    Attributes:
        results: one a text: the first in which it was flipped, at any temperature, else the last;
            queries of all temperatures together.
        after: temperature -> share of the texts that are still right after it and those before it.
    """

    row: Row
    suite: str
    results: list[AttackResult]
    after: dict[str, float]
    cost: Cost


def suite_of(row: Row, neighbours: Path | None) -> str:
    """The attack of a row, with the user's file in it."""
    return row.attack.replace(NEIGHBOURS, str(neighbours))


def unavailable(row: Row, origin: Origin, neighbours: Path | None) -> str | None:
    """Why a row can't be carried out; None if it can.

    Raises:
        UserError: an attack that `check_attack` refuses for another reason than a missing package.
    """
    if NEIGHBOURS in row.attack and neighbours is None:
        return "no file of nearest words: give --neighbours FILE"
    if row.group == "adaptive" and not origin.mechanisms & set(row.against):
        return f"the model has nothing that it was written against: {', '.join(row.against)}"
    suite = suite_of(row, neighbours)
    try:
        check_attack(suite)
    except MissingExtra as error:
        return str(error)
    if ENCODER.name in lexicons_of(suite) and "teacher" not in origin.others:
        return "no teacher whose neighbours it could take: give --teacher MODEL"
    return None


def split_rows(
    protocol: Protocol, origin: Origin, neighbours: Path | None
) -> tuple[list[Row], dict[str, str]]:
    """The rows that can be carried out, and why others can't."""
    reasons = {row.name: unavailable(row, origin, neighbours) for row in protocol.rows}
    there = [row for row in protocol.rows if reasons[row.name] is None]
    return there, {name: reason for name, reason in reasons.items() if reason is not None}


def carry_out(row: Row, suite: str, bench: Bench) -> Done:
    """One row: the attack at each temperature on the texts that are left by those before.

    A temperature changes no decision, so whoever attacks may choose it. A text is right if it
    survives all.
    """
    attacks = attacks_of(suite, row.limits, bench.resources)
    results: list[AttackResult] = []
    spent = [0] * len(bench.split)
    after: dict[str, float] = {}
    total = Cost()
    for name, temperature in bench.temperatures.items():
        settled = {i: r for i, r in enumerate(results) if r.status != "survived"}
        found, cost = _at(row, suite, attacks, bench, name, temperature, settled)
        for i, result in enumerate(found):
            spent[i] += 0 if i in settled else result.queries
        results, total = found, total + cost
        after[name] = robustness(name, results, bench.task.test.labels).after_attack
    told = [replace(r, queries=queries) for r, queries in zip(results, spent, strict=True)]
    return Done(row, suite, told, after, total)


def attacks_of(suite: str, limits: Limits | None, resources: AttackResources) -> list[AnyAttack]:
    """The attacks of a suite under limits."""
    return [capped(attack, limits) for attack in load_attacks(suite, resources)]


def _at(
    row: Row,
    suite: str,
    attacks: Sequence[AnyAttack],
    bench: Bench,
    name: str,
    temperature: float,
    settled: dict[int, AttackResult],
) -> tuple[list[AttackResult], Cost]:
    """A row at one temperature."""
    limits = None if row.limits is None else asdict(row.limits)
    key = key_of(suite, bench.resources, [*bench.decides, limits, round(temperature, 6)])
    shown = name == SHIPPED and bench.threshold is None
    title = f"attacking with {row.name}" if shown else None
    plain, above = bench.victim, bench.threshold
    victim = tempered(plain if above is None else at_threshold(plain, *above), temperature)
    path = bench.journals / f"{row.name}.jsonl"
    with writing_to(path.parent, "results"), Journal(path, name, key) as journal:
        return journaled(attacks, victim, bench.split, journal, settled, title)
