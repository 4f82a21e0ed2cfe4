"""What is told of each label, as tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rosearch.cli.console import printable, table_of

if TYPE_CHECKING:
    from rich.table import Table

    from rosearch.results.classes import ClassEntry
    from rosearch.results.entries import AttackEntry
    from rosearch.robustness.report import AttackReport

BALANCED = "second lines: balanced over the labels"
BELOW = f"{BALANCED}; ECE: expected calibration error of clean texts"


def class_table(
    title: str,
    names: Sequence[str],
    classes: Sequence[ClassEntry],
    attacks: Mapping[str, AttackEntry],
) -> Table:
    """What a model says of the texts of each label, clean and after attacks."""
    from rich.text import Text

    from rosearch.results.words import class_columns, class_rows

    made = table_of(["label"], class_columns(attacks), title=title)
    for row in class_rows(names, classes, attacks):
        made.add_row(*(Text(printable(cell)) for cell in row))
    return made


def attacked_table(found: AttackReport) -> Table:
    """Recall of each label before and after each attack."""
    from rich.text import Text

    from rosearch.results.entries import attack_entry
    from rosearch.results.words import share

    table = table_of(("attack", "label"), ("n", "recall", "recall after"), "by label")
    for name, counts in found.counts.items():
        for label, c in zip(
            found.label_names, attack_entry([counts]).attacked_classes, strict=True
        ):
            after = share(c.after_attack, c.interval) if c.n else "-"
            shown = Text(printable(label))
            table.add_row(name, shown, str(c.n), f"{c.clean:.3f}" if c.n else "-", after)
    return table
