"""What is reported of a model by a protocol: of each training seed, measured on the same texts, one
bench and what was done on it.

Shares are means over the seeds, intervals over texts and seeds: what seeds differ by widens them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, variance

from rosearch.attacks.result import AttackResult, robustness
from rosearch.evaluation.held_out import standing
from rosearch.models.calibration import at_temperature, calibration_error
from rosearch.results.classes import Pair, class_entries, mean_of, rounded
from rosearch.results.entries import AttackEntry, attack_entry
from rosearch.results.words import attack_label
from rosearch.robustness.assessment import CleanEntry, RowEntry, ShareEntry, Spent, TransferEntry
from rosearch.robustness.evaluate import certain
from rosearch.robustness.journaled import Cost
from rosearch.robustness.origin import Origin
from rosearch.robustness.replay import Replayed
from rosearch.robustness.report import ALL, worst_case
from rosearch.robustness.rows import CALIBRATED, Bench, Done
from rosearch.tasks import Task
from rosearch.types import Stratum, class_counts, effective, mean, recalls, wilson


def pooled(runs: Sequence[Sequence[Stratum]]) -> Pair:
    """95 % interval of the mean share over seeds, one list of strata for each.

    The variance of the mean over texts and that of the mean over seeds add up.
    """
    shares = [mean(strata) for strata in runs]
    share = fmean(shares)
    n = effective([mean_of(same) for same in zip(*runs, strict=True)])
    if len(shares) > 1 and 0 < share < 1:
        between = variance(shares) / len(shares)
        n = 1 / (1 / n + between / (share * (1 - share)))
    return rounded(wilson(share * n, n))


def share_entry(hits: Sequence[int], n: int) -> ShareEntry:
    """Hits of each seed among the same n texts."""
    return ShareEntry(round(fmean(hits) / n, 4), pooled([[Stratum(k, n)] for k in hits]), n)


def clean_entry(benches: Sequence[Bench]) -> CleanEntry:
    """The whole test split, as shipped and at the temperature that fits the validation split."""
    test = benches[0].task.test
    said = [bench.victim.probabilities(test.texts) for bench in benches]
    classes = [class_counts(one.argmax(1), test.labels, one.shape[1]) for one in said]
    right = share_entry([sum(c.correct for c in own) for own in classes], len(test))
    by_class = class_entries(classes)
    by_class["balanced_clean_interval"] = pooled([recalls(own) for own in classes])
    errors = [calibration_error(one, test.labels) for one in said]
    fitted = [b.temperatures[CALIBRATED] for b in benches if CALIBRATED in b.temperatures]
    calibrated = [
        calibration_error(at_temperature(one, t), test.labels)
        for one, t in zip(said, fitted, strict=False)
    ]
    return CleanEntry(
        n=right.n,
        accuracy=right.share,
        interval=right.interval,
        **by_class,
        calibration_error=round(fmean(errors), 4),
        temperature=round(fmean(fitted), 4) if fitted else None,
        calibrated_error=round(fmean(calibrated), 4) if fitted else None,
    )


def row_entry(runs: Sequence[Done], origin: Origin, task: Task) -> RowEntry:
    """One row."""
    first = runs[0]
    told, why = standing(first.suite, origin.known, origin.complete)
    each = [_attacked([run.results], task).after_attack for run in runs]
    return RowEntry(
        name=first.row.name,
        attack=attack_label(first.suite),
        group=first.row.group,
        standing=told,
        why=why,
        adaptive=bool(origin.mechanisms & set(first.row.against)),
        limits=first.row.limits,
        outcome=_attacked([run.results for run in runs], task),
        by_temperature={
            name: round(fmean(run.after[name] for run in runs), 4) for name in first.after
        },
        spent=_spent([run.cost for run in runs], len(first.results)),
        by_seed=tuple(each) if len(each) > 1 else (),
    )


def _attacked(runs: Sequence[Sequence[AttackResult]], task: Task) -> AttackEntry:
    counts = [robustness("", results, task.test.labels) for results in runs]
    return replace(
        attack_entry(counts),
        interval=pooled([run.strata("accuracy") for run in counts]),
        balanced_interval=pooled([run.strata("balanced") for run in counts]),
    )


def _spent(costs: Sequence[Cost], n: int) -> Spent:
    total, seeds = sum(costs, Cost()), len(costs)
    ms = round(1000 * total.seconds / n / seeds, 2)
    return Spent(
        queries=round(total.queries / seeds), passes=round(total.passes / seeds), ms_per_text=ms
    )


def transfer_entry(runs: Sequence[Replayed], task: Task) -> TransferEntry:
    """The texts of one row of one other model."""
    first = runs[0]
    outcome = _attacked([run.results for run in runs], task)
    direct = _attacked([run.direct for run in runs], task).after_attack
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


def worst_entries(
    runs: Sequence[Sequence[Done]],
    replayed: Sequence[Sequence[Replayed]],
    origin: Origin,
    task: Task,
) -> dict[str, AttackEntry]:
    """Texts that survive every row: of each standing that there is, and of all with replays."""
    rows = [[one.results for one in done] for done in runs]
    kinds = [str(standing(d.suite, origin.known, origin.complete)[0]) for d in runs[0]]
    every = [
        [*own, *(_lengthened(one.results, own[0]) for one in more)]
        for own, more in zip(rows, replayed, strict=True)
    ]
    found = {ALL: _attacked([worst_case(several) for several in every], task)}
    for kind in dict.fromkeys(kinds):
        chosen = [[r for r, k in zip(own, kinds, strict=True) if k == kind] for own in rows]
        found[kind] = _attacked([worst_case(several) for several in chosen], task)
    return found


def _lengthened(results: list[AttackResult], whole: list[AttackResult]) -> list[AttackResult]:
    """Those of a replay, which are of the first texts only, and what is known of the others."""
    return [*results, *(replace(r, queries=0) for r in whole[len(results) :])]


def certified_entries(benches: Sequence[Bench]) -> tuple[dict[str, float], dict[str, Pair]]:
    """Shares of the attacked texts that no attack can flip, and their intervals."""
    n = len(benches[0].split)
    counts = [certain(bench.victim, bench.split, bench.resources) for bench in benches]
    found = {what: share_entry([own.get(what, 0) for own in counts], n) for what in counts[0]}
    shares = {what: one.share for what, one in found.items()}
    return shares, {what: one.interval for what, one in found.items()}
