"""An assessment as tables of words, for the terminal and for model cards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rosearch.results.words import attacked_words, share
from rosearch.robustness.assessment import AlarmEntry, Assessment, RowEntry, ShareEntry
from rosearch.robustness.report import ALL

STANDINGS = {
    "known": "known: encoding, training or search knew the attack, its lexicon or its kind",
    "held out": "held out: none of them knew it",
    "unknown": "unknown origin: nothing tells what the model knows of these",
}


@dataclass(frozen=True)
class Table:
    """Columns of names, then columns of numbers; cells may have a second line.

    Attributes:
        notes: what is to be said below.
    """

    title: str
    names: tuple[str, ...]
    numbers: tuple[str, ...]
    rows: list[list[str]]
    notes: tuple[str, ...] = ()


def tables(found: Assessment) -> Iterator[Table]:
    """All that was measured but for the clean texts."""
    for kind, title in STANDINGS.items():
        rows = [_row(row) for row in found.rows if row.standing == kind]
        numbers = ("after attack", "as shipped", "calibrated", "queries", "passes", "ms a text")
        if rows:
            yield Table(title, ("attack",), numbers, rows)
    worst = [[kind, attacked_words(entry)] for kind, entry in found.worst.items()]
    yield Table("worst case", ("attacks",), ("right after all of them",), worst)
    if found.alarms:
        yield _alarms(found)
    if found.transfer:
        yield _transfer(found)
    if found.certified:
        around = found.certified_intervals
        sure = [
            [what, share(value, around[what]) if what in around else f"{value:.3f}"]
            for what, value in found.certified.items()
        ]
        yield Table("certified: right whatever is done", ("change",), ("of all texts",), sure)


def _row(row: RowEntry) -> list[str]:
    shipped, *_ = row.by_temperature.values()
    calibrated = row.by_temperature.get("calibrated")
    return [
        row.name + " (adaptive)" * row.adaptive,
        attacked_words(row.outcome),
        f"{shipped:.3f}",
        "-" if calibrated is None else f"{calibrated:.3f}",
        f"{row.spent.queries:,}",
        f"{row.spent.passes:,}",
        f"{row.spent.ms_per_text:.1f}",
    ]


def _transfer(found: Assessment) -> Table:
    numbers = ("texts", "found", "after replay", "after direct attack", "flipped by replay only")
    rows = [
        [
            t.source,
            t.row,
            str(t.outcome.n),
            str(t.found),
            share(t.outcome.after_attack, t.outcome.interval),
            f"{t.direct:.3f}",
            str(t.beyond),
        ]
        for t in found.transfer
    ]
    masked = tuple(
        f"masked: {t.row}: texts of the {t.source} do better than the direct attack"
        for t in found.transfer
        if t.masked
    )
    title = "adversarial texts of other models, replayed"
    return Table(title, ("found on", "attack"), numbers, rows, masked)


def _alarms(found: Assessment) -> Table:
    """By the likeliest label and at each threshold."""
    alarms, label = found.alarms, found.labels.index(found.alarms[0].label)
    rare, calm = found.clean.classes[label], found.clean.classes[1 - label]
    plain = (share(rare.recall, rare.interval), f"{1 - calm.recall:.3f}")
    rows = [
        ["clean", f"{rare.n:,}", plain[0], *(_said(one.recall) for one in alarms)],
        ["false alarms", f"{calm.n:,}", plain[1], *(_said(one.false_alarms) for one in alarms)],
    ]
    kept = {row.name: row.outcome.attacked_classes[label] for row in found.rows}
    likeliest = {name: share(own.after_attack, own.interval) for name, own in kept.items()}
    for name, entry in alarms[0].after.items():
        after = (_said(one.after[name]) for one in alarms)
        shown = "worst case of all rows" if name == ALL else f"after {name}"
        rows.append([shown, f"{entry.n:,}", likeliest.get(name, "-"), *after])
    title = (
        f"recall of {alarms[0].label} where the other label is taken for it as often as said; "
        f"thresholds of {alarms[0].calm:,} validation texts, which attacks aim at"
    )
    return Table(title, ("texts",), ("n", "likeliest label", *map(_rate, alarms)), rows)


def _rate(one: AlarmEntry) -> str:
    return f"{one.rate:.1%} false alarms" + " (no text)" * (one.rate * one.calm < 1)


def _said(entry: ShareEntry) -> str:
    return share(entry.share, entry.interval)
