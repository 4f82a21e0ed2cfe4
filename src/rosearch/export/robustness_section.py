"""The section on robustness of a model card, made of what a protocol measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rosearch.export.card import code, plain, table
from rosearch.io.files import write_text
from rosearch.results.entries import AttackEntry
from rosearch.results.words import attacked_words, share, told
from rosearch.robustness.alarm_words import alarm_columns, alarm_rows, alarm_title
from rosearch.robustness.assessment import Assessment, RowEntry

BEGIN, END = "<!-- robustness by RoSearch -->", "<!-- end of robustness by RoSearch -->"


def update_card(path: Path, found: Assessment) -> None:
    """Put the section into a model card, in place of an earlier one; the rest stays as it is."""
    text = path.read_text(encoding="utf-8") if path.is_file() else f"# {plain(found.model)}\n"
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if begun and not ended:  # somebody cut the end off: nothing of theirs is taken out
        before, after = text.replace(BEGIN, ""), ""
    made = f"{BEGIN}\n{section(found)}\n{END}"
    write_text(path, f"{before.rstrip()}\n\n{made}\n{after.lstrip()}")


def section(found: Assessment) -> str:
    """The section, Markdown."""
    parts = (_head(found), _rows(found), _worst(found), *_further(found))
    return "\n\n".join(part.strip() for part in parts)


def _head(found: Assessment) -> str:
    c = found.clean
    calibrated = ""
    if c.temperature is not None:
        calibrated = f", {c.calibrated_error:.3f} at the temperature {c.temperature:.2f}"
    return f"""
## Robustness, protocol {found.protocol}

Test split of {code(found.task)}. Clean (n = {c.n:,}): accuracy {share(c.accuracy, c.interval)},
balanced {share(c.balanced_clean, c.balanced_clean_interval)}, macro-F1 {c.macro_f1:.3f}, expected
calibration error {c.calibration_error:.3f}{calibrated}. Attacked: {found.sample}; shares of **all**
of these that stay right, with 95 % Wilson intervals, at the temperature worst for each text.
{_seeds(found)}{_origin(found)}
"""


def _seeds(found: Assessment) -> str:
    if found.training_seeds == 1:
        return ""
    return f"Means of {found.training_seeds} training seeds, intervals over texts and seeds.\n"


def _origin(found: Assessment) -> str:
    if found.complete:
        return "Held out is what neither encoding nor training nor search knew."
    return "Unknown origin: nothing tells what its training knew."


def _rows(found: Assessment) -> str:
    head = ["attack", "to this model", "after attack", "as shipped", "queries a text", "ms a text"]
    return table(head, [_row(row) for row in found.rows])


def _row(row: RowEntry) -> list[str]:
    shipped = next(iter(row.by_temperature.values()))
    told_by = row.standing + (", adaptive" if row.adaptive else "")
    return [
        code(row.name),
        told_by,
        _lines(row.outcome),
        f"{shipped:.3f}",
        f"{row.outcome.queries_per_text:.0f}",
        f"{row.spent.ms_per_text:.1f}",
    ]


def _lines(entry: AttackEntry) -> str:
    return told(attacked_words(entry)).replace("; ", "<br>")


def _worst(found: Assessment) -> str:
    rows = [[kind, _lines(entry)] for kind, entry in found.worst.items()]
    return f"Worst case, right after every attack:\n\n{table(['attacks', 'survive'], rows)}"


def _further(found: Assessment) -> Iterator[str]:
    if found.alarms:
        made = table(["texts", *alarm_columns(found)], list(alarm_rows(found)))
        yield f"{plain(alarm_title(found))}:\n\n{made}"
    if found.transfer:
        head = ["texts found on", "attack", "after replay", "after direct attack", ""]
        rows = [
            [t.source, code(t.row), _lines(t.outcome), f"{t.direct:.3f}", "masked" * t.masked]
            for t in found.transfer
        ]
        yield f"Adversarial texts of other models, replayed:\n\n{table(head, rows)}"
    if found.certified:
        around = found.certified_intervals
        rows = [
            [what, share(value, around[what]) if what in around else f"{value:.3f}"]
            for what, value in found.certified.items()
        ]
        yield f"Certified, whatever an attack does:\n\n{table(['change', 'certified'], rows)}"
    if found.skipped:
        lines = [f"- {code(name)}: {plain(reason)}" for name, reason in found.skipped.items()]
        yield "Not carried out:\n\n" + "\n".join(lines)
