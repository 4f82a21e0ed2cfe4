"""Results in words, for tables of any kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from rosearch.attacks.methods import members
from rosearch.results.classes import ClassEntry
from rosearch.results.entries import AttackEntry, ModelEntry
from rosearch.types import Interval

FALLBACK = (
    "no student is clearly better than always the same label, so the best one is a fallback that "
    "may have learned nothing"
)


def attack_label(name: str) -> str:
    """The name of an attack or suite; of lexicon files only their names, not where they lie.

    Long suites have spaces where tables may break them.
    """
    parts = [attack.partition(":") for attack in members(name)]
    joint = "+" if len(parts) < 3 else " + "
    return joint.join(f"{kind}{colon}{PurePath(path).name}" for kind, colon, path in parts)


def certified_lines(certified: Mapping[str, float]) -> list[str]:
    """What no attack can flip, for the terminal: a line for each kind of change."""
    if not certified:
        return []
    parts = [f"  {what}: {share:.3f}" for what, share in certified.items()]
    return ["certified, of all texts (right whatever is done to them):", *parts]


def share(value: float, interval: Interval | tuple[float, float]) -> str:
    """A share with its interval."""
    low, high = (interval.low, interval.high) if isinstance(interval, Interval) else interval
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def clean_words(entry: ModelEntry) -> str:
    """Clean accuracy of a model, and below it the balanced one and the calibration error."""
    plain = share(entry.clean, entry.clean_interval)
    words = both(plain, entry.balanced_clean, entry.balanced_clean_interval)
    if entry.calibration_error is None:  # of early versions
        return words
    return f"{words}\nECE {entry.calibration_error:.3f}"


def attacked_words(entry: AttackEntry) -> str:
    """After-attack accuracy, below it the balanced one, and texts that could not be changed."""
    plain = share(entry.after_attack, entry.interval)
    words = both(plain, entry.balanced_after_attack, entry.balanced_interval)
    if not entry.unchangeable:
        return words
    return f"{words}\nnothing to change: {entry.unchangeable} of {entry.n}"


def both(plain: str, balanced: float | None, interval: tuple[float, float] | None) -> str:
    """A plain accuracy in words, and below it the balanced one."""
    if balanced is None or interval is None:  # of early versions
        return plain
    return f"{plain}\n{share(balanced, interval)}"


def told(words: str) -> str:
    """A plain accuracy and what stands below it in one line."""
    first, *more = words.split("\n")
    return "; ".join([first, *(f"balanced {w}" if w[0].isdigit() else w for w in more)])


def class_columns(attacks: Mapping[str, AttackEntry]) -> list[str]:
    """Columns of `class_rows`."""
    return ["n", "recall", "precision", *(f"recall after {attack_label(a)}" for a in attacks)]


def class_rows(
    names: Sequence[str], classes: Sequence[ClassEntry], attacks: Mapping[str, AttackEntry]
) -> list[list[str]]:
    """A row for each label: its texts, recall and precision, and recall after each attack."""
    return [
        [
            name,
            f"{c.n:,}",
            share(c.recall, c.interval) if c.n else "-",
            f"{c.precision:.3f}",
            *(_recall_after(attack, i) for attack in attacks.values()),
        ]
        for i, (name, c) in enumerate(zip(names, classes, strict=True))
    ]


def _recall_after(attack: AttackEntry, label: int) -> str:
    if not attack.attacked_classes:
        return "-"
    c = attack.attacked_classes[label]
    return f"{share(c.after_attack, c.interval)} (n = {c.n})" if c.n else "-"
