"""The section on robustness of a model card, made of what a protocol measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rosearch.export.card import code, plain, table
from rosearch.io.files import write_text
from rosearch.results.words import share, told
from rosearch.robustness.assessment import Assessment
from rosearch.robustness.tables import Table, tables

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
    parts = (_head(found), *map(_shown, tables(found)), *_skipped(found))
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


def _shown(one: Table) -> str:
    rows = [
        [*map(code, row[: len(one.names)]), *map(_lines, row[len(one.names) :])] for row in one.rows
    ]
    made = table([*one.names, *one.numbers], rows)
    return "\n\n".join([f"**{plain(one.title)}**", made, *map(plain, one.notes)])


def _lines(cell: str) -> str:
    return told(cell).replace("; ", "<br>")


def _skipped(found: Assessment) -> Iterator[str]:
    if found.skipped:
        lines = [f"- {code(name)}: {plain(reason)}" for name, reason in found.skipped.items()]
        yield "Not carried out:\n\n" + "\n".join(lines)
