"""What models say of the texts of each label, as tables of the report."""

from __future__ import annotations

from rosearch.report.tables import Cell, Row, Table, models, percent, share_cell
from rosearch.results.entries import ModelEntry
from rosearch.results.summary import Summary
from rosearch.results.words import attack_label


def class_tables(summary: Summary) -> list[tuple[str, Table]]:
    """What the best student, the reference and the teacher say of each label."""
    return [
        (name, _class_table(summary, entry))
        for name, entry in reversed(models(summary)[:3])
        if entry.classes
    ]


def _class_table(summary: Summary, entry: ModelEntry) -> Table:
    attacks = {summary.search_attack: entry.searched, **entry.further}
    held_out = [f"{'held-out' if a in entry.held_out else 'search'} attack" for a in attacks]
    columns = [("Label", ""), ("Recall", "clean"), ("Precision", "clean")]
    columns += [
        ("Recall after attack", f"{kind} {attack_label(a)}")
        for kind, a in zip(held_out, attacks, strict=True)
    ]
    rows = []
    for i, (label, c) in enumerate(zip(summary.label_names, entry.classes, strict=True)):
        cells = [share_cell(c.recall, c.interval, c.n), Cell(percent(c.precision))]
        for found in attacks.values():
            of = found.attacked_classes[i]
            cells.append(share_cell(of.after_attack, of.interval, of.n))
        rows.append(Row(label, (), tuple(cells), False))
    return Table(tuple(columns), tuple(rows))
