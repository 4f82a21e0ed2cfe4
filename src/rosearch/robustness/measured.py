"""What was measured of each training seed of a model, and how it becomes one assessment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from rosearch.attacks.result import AttackResult, robustness
from rosearch.evaluation.held_out import standing
from rosearch.results.classes import rounded
from rosearch.results.entries import AttackEntry
from rosearch.results.summary import machine, versions
from rosearch.results.words import attack_label
from rosearch.robustness.alarms import Alarms
from rosearch.robustness.assessment import (
    AlarmEntry,
    Assessment,
    CleanEntry,
    RowEntry,
    ShareEntry,
    Spent,
    TransferEntry,
)
from rosearch.robustness.journaled import Cost
from rosearch.robustness.origin import Origin
from rosearch.robustness.pooled import attacked, clean_classes, pooled
from rosearch.robustness.replay import Replayed
from rosearch.robustness.report import ALL, sample_words, worst_case
from rosearch.robustness.rows import SHIPPED, Done
from rosearch.tasks import Split, Task
from rosearch.tasks.sample import SEED
from rosearch.types import ClassCounts, Stratum, wilson


@dataclass(frozen=True)
class Clean:
    """The whole test split, not attacked; see `CleanEntry`."""

    classes: tuple[ClassCounts, ...]
    calibration_error: float
    temperature: float | None
    calibrated_error: float | None


@dataclass(frozen=True)
class Measured:
    """All that was measured of one training seed."""

    clean: Clean
    done: list[Done]
    replayed: list[Replayed]
    certified: Mapping[str, int]
    alarms: list[Alarms]


def assessment(
    runs: Sequence[Measured],
    task: Task,
    origin: Origin,
    protocol: str,
    model: str,
    split: Split,
    skipped: Mapping[str, str],
) -> Assessment:
    """One assessment of all training seeds."""
    n, sure = len(split), [run.certified for run in runs]
    rows = zip(*(run.done for run in runs), strict=True)
    replayed = zip(*(run.replayed for run in runs), strict=True)
    alarms = zip(*(run.alarms for run in runs), strict=True)
    costs = [one.cost for run in runs for one in run.done]
    costs += [one.cost for one in runs[0].replayed]  # those of other seeds are the same
    shares = {what: fmean(one.get(what, 0) for one in sure) for what in sure[0]}
    return Assessment(
        protocol=protocol,
        model=model,
        task=task.name,
        labels=task.label_names,
        n=n,
        sample=sample_words(n, len(task.test)),
        seed=SEED,
        complete=origin.complete,
        known=origin.settings,
        mechanisms=tuple(sorted(origin.mechanisms)),
        clean=_clean_entry([run.clean for run in runs]),
        rows=tuple(_row_entry(same, origin, task) for same in rows),
        skipped=skipped,
        worst=_worst(runs, origin, task),
        transfer=tuple(_transfer_entry(same, task) for same in replayed),
        certified={what: round(count / n, 4) for what, count in shares.items()},
        certified_intervals={what: rounded(wilson(k, n)) for what, k in shares.items()},
        training_seeds=len(runs),
        alarms=tuple(_alarm_entry(same, task) for same in alarms),
        seconds=round(sum(cost.seconds for cost in costs), 1),
        machine=machine(),
        versions=versions(),
    )


def _clean_entry(runs: Sequence[Clean]) -> CleanEntry:
    every = [
        [Stratum(sum(c.correct for c in run.classes), sum(c.n for c in run.classes))]
        for run in runs
    ]
    n = every[0][0].n
    fitted = [run.temperature for run in runs if run.temperature is not None]
    errors = [run.calibrated_error for run in runs if run.calibrated_error is not None]
    return CleanEntry(
        n=n,
        accuracy=round(fmean(strata[0].successes for strata in every) / n, 4),
        interval=pooled(every),
        **clean_classes([run.classes for run in runs]),
        calibration_error=round(fmean(run.calibration_error for run in runs), 4),
        temperature=round(fmean(fitted), 4) if fitted else None,
        calibrated_error=round(fmean(errors), 4) if errors else None,
    )


def _row_entry(runs: Sequence[Done], origin: Origin, task: Task) -> RowEntry:
    first = runs[0]
    told, why = standing(first.suite, origin.known, origin.complete)
    counts = [robustness(first.row.name, run.results, task.test.labels) for run in runs]
    names = max((run.after for run in runs), key=len)  # a seed may need no calibration
    return RowEntry(
        name=first.row.name,
        attack=attack_label(first.suite),
        group=first.row.group,
        standing=told,
        why=why,
        adaptive=bool(origin.mechanisms & set(first.row.against)),
        limits=first.row.limits,
        outcome=attacked(counts),
        by_temperature={
            name: round(fmean(run.after.get(name, run.after[SHIPPED]) for run in runs), 4)
            for name in names
        },
        spent=_spent([run.cost for run in runs], len(first.results)),
        by_seed=tuple(round(c.after_attack, 4) for c in counts) if len(runs) > 1 else (),
    )


def _spent(costs: Sequence[Cost], n: int) -> Spent:
    total = sum(costs, Cost())
    ms = round(1000 * total.seconds / n / len(costs), 2)
    return Spent(
        queries=round(total.queries / len(costs)),
        passes=round(total.passes / len(costs)),
        ms_per_text=ms,
    )


def _transfer_entry(runs: Sequence[Replayed], task: Task) -> TransferEntry:
    first = runs[0]
    outcome = _entry([run.results for run in runs], task)
    direct = _entry([run.direct for run in runs], task).after_attack
    return TransferEntry(
        source=first.source,
        row=first.row,
        found=first.found,
        outcome=outcome,
        direct=direct,
        beyond=sum(run.beyond for run in runs),
        masked=outcome.after_attack < direct,
        spent=_spent([first.cost], len(first.results)),
    )


def _entry(runs: Sequence[Sequence[AttackResult]], task: Task) -> AttackEntry:
    return attacked([robustness("", results, task.test.labels) for results in runs])


def _worst(runs: Sequence[Measured], origin: Origin, task: Task) -> dict[str, AttackEntry]:
    """Texts that survive every row: of each standing that there is, and of all with replays."""
    kinds = {
        one.suite: standing(one.suite, origin.known, origin.complete)[0] for one in runs[0].done
    }
    found = {ALL: _entry([worst_case(_everything(run)) for run in runs], task)}
    for kind in dict.fromkeys(kinds.values()):
        several = [[d.results for d in run.done if kinds[d.suite] == kind] for run in runs]
        found[str(kind)] = _entry([worst_case(rows) for rows in several], task)
    return found


def _everything(run: Measured) -> list[list[AttackResult]]:
    """The results of all rows and replays, which are of the first texts only."""
    found = [one.results for one in run.done]
    for replay in run.replayed:
        rest = [replace(r, queries=0) for r in run.done[0].results[len(replay.results) :]]
        found.append([*replay.results, *rest])
    return found


def _alarm_entry(runs: Sequence[Alarms], task: Task) -> AlarmEntry:
    first = runs[0]
    rare = [Stratum(run.clean[first.label].correct, run.clean[first.label].n) for run in runs]
    calm = [run.clean[1 - first.label] for run in runs]
    return AlarmEntry(
        label=task.label_names[first.label],
        rate=first.rate,
        calm=first.calm,
        thresholds=tuple(run.threshold for run in runs),
        false_alarms=_share([Stratum(c.n - c.correct, c.n) for c in calm]),
        recall=_share(rare),
        after={
            name: _share([Stratum(run.after[name].survived, run.after[name].n) for run in runs])
            for name in first.after
        },
    )


def _share(runs: Sequence[Stratum]) -> ShareEntry:
    n = runs[0].n
    mean = fmean(one.successes for one in runs) / n
    return ShareEntry(round(mean, 4), pooled([[one] for one in runs]), n)
