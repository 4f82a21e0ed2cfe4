"""A rare label at thresholds in words, for tables of any kind."""

from __future__ import annotations

from collections.abc import Iterator

from rosearch.results.words import share
from rosearch.robustness.assessment import AlarmEntry, Assessment, ShareEntry
from rosearch.robustness.report import ALL


def alarm_title(found: Assessment) -> str:
    """What the table is of, where there is one."""
    label, calm = found.alarms[0].label, found.alarms[0].calm
    return (
        f"Recall of {label} where the other label may be taken for it as often as the column says "
        f"(thresholds of {calm:,} validation texts; attacks aim at the threshold)"
    )


def alarm_columns(found: Assessment) -> list[str]:
    """Columns of `alarm_rows`."""
    rates = [f"{one.rate:.1%} false alarms" + _no_text(one) for one in found.alarms]
    return ["n", "likeliest label", *rates]


def _no_text(one: AlarmEntry) -> str:
    return " (no text)" if one.rate * one.calm < 1 else ""


def alarm_rows(found: Assessment) -> Iterator[list[str]]:
    """Recall clean and after each attack, and how many false alarms there are on clean test texts;
    by the likeliest label and at each threshold."""
    alarms, label = found.alarms, found.labels.index(found.alarms[0].label)
    rare, calm = found.clean.classes[label], found.clean.classes[1 - label]
    plain = (share(rare.recall, rare.interval), f"{1 - calm.recall:.3f}")
    yield ["clean", f"{rare.n:,}", plain[0], *(_said(one.recall) for one in alarms)]
    false = [_said(one.false_alarms) for one in alarms]
    yield ["false alarms, clean", f"{calm.n:,}", plain[1], *false]
    outcomes = {row.name: row.outcome for row in found.rows}
    for name, entry in alarms[0].after.items():
        kept = "-"
        if name in outcomes:
            own = outcomes[name].attacked_classes[label]
            kept = share(own.after_attack, own.interval)
        after = [_said(one.after[name]) for one in alarms]
        shown = "worst case" if name == ALL else f"after {name}"
        yield [shown, f"{entry.n:,}", kept, *after]


def _said(entry: ShareEntry) -> str:
    return share(entry.share, entry.interval)
