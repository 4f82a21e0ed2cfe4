"""`rosearch evaluate`, and what it prints."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rosearch.cli.by_label import BALANCED
from rosearch.cli.console import print_table, printable, table_of, when_stopped
from rosearch.cli.groups import with_groups
from rosearch.cli.options import AsJson, OptionalTaskOptions
from rosearch.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from rosearch.export.source import Source
    from rosearch.robustness.assessment import Assessment
    from rosearch.robustness.tables import Table


@with_groups
def evaluate(
    *,
    model: Annotated[
        str,
        typer.Argument(
            help="Folder of a student, of any Hugging Face classifier or ONNX graph, a hub id, "
            "RUN (its best student) or RUN:ID, of which all training seeds are measured.",
            metavar="MODEL",
        ),
    ],
    data: OptionalTaskOptions,
    protocol: Annotated[
        str,
        typer.Option(
            help="What is measured: v3; v2 without joined and disguised texts; v1 with few replays."
        ),
    ] = "v3",
    n: Annotated[int, typer.Option("--n", help="Texts of the test split to attack.", min=1)] = 100,
    neighbours: Annotated[
        Path | None,
        typer.Option(
            help="Your own nearest words, for the rows that read them: a lexicon or vectors.",
            metavar="FILE",
            show_default="none: these rows are left out",
        ),
    ] = None,
    rare: Annotated[
        str | None,
        typer.Option(
            help="Which of two labels is told at 0.1 and 1 % false alarms: spam, for instance.",
            metavar="LABEL",
            show_default="the rarer one, where they are uneven",
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="A classifier of the same task whose neighbours and adversarial texts are tried.",
            metavar="MODEL",
            show_default="of a run's student: its own",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for all that is written; given again, the evaluation goes on there.",
            show_default="MODEL/robustness, and the section in MODEL/README.md",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure how robust a classifier is by a fixed protocol, and write it into its model card."""
    from rosearch.export.robustness_section import update_card
    from rosearch.export.source import find_source
    from rosearch.robustness.assess import AssessSettings, assess
    from rosearch.robustness.protocol import find_protocol

    find_protocol(protocol)
    source = find_source(model, data.settings(), teacher, test_alone=True)
    place, card = _places(model, source, out)
    settings = AssessSettings(protocol, n, neighbours, device, rare)
    model_of = (source.name, source.teacher, source.seeds)
    with when_stopped(f"the same command goes on from {place}"):
        found = assess(source.folder, source.task, place, settings, *model_of)
    update_card(card, found)
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        print_assessment(found)
        print(f"written: {place}, and the section on robustness of {card}")


def _places(model: str, source: Source, out: Path | None) -> tuple[Path, Path]:
    """The folder for what is written, and the model card.

    Raises:
        UserError: it can't be written there.
    """
    if out is not None:
        base = next(path for path in (out, *out.absolute().parents) if path.exists())
        if not base.is_dir() or not os.access(base, os.W_OK):
            raise UserError(f"cannot write {out}; choose another --out")
        return out, out / "README.md"
    own = Path(model).is_dir() or Path(model.rpartition(":")[0]).is_dir()  # else a hub's copy
    if not own or not os.access(source.folder, os.W_OK):
        raise UserError(f"cannot write into the folder of {source.name}; name another with --out")
    return source.folder / "robustness", source.folder / "README.md"


def print_assessment(found: Assessment) -> None:
    """All that was measured, as tables."""
    from rosearch.results.words import share
    from rosearch.robustness.tables import tables

    c = found.clean
    seeds = f", means of {found.training_seeds} training seeds" * (found.training_seeds > 1)
    print(
        f"{found.model} on {found.task}, protocol {found.protocol}, attacked: {found.sample}"
        f"{seeds}\n"
        f"clean accuracy (test, n = {c.n}): {share(c.accuracy, c.interval)}; balanced "
        f"{share(c.balanced_clean, c.balanced_clean_interval)}; macro-F1 {c.macro_f1:.3f}"
    )
    each = zip(found.labels, c.classes, strict=True)
    print("recall: " + "; ".join(f"{name} {share(k.recall, k.interval)}" for name, k in each))
    calibrated = ""
    if c.temperature is not None:
        calibrated = f"; {c.calibrated_error:.3f} at the temperature {c.temperature:.3g}"
    print(f"expected calibration error: {c.calibration_error:.3f}{calibrated}")
    for table in tables(found):
        print_table(_shown(table))
        for note in table.notes:
            print(note)
    for name, reason in found.skipped.items():
        print(f"not carried out: {name}: {reason}")


def _shown(table: Table) -> RichTable:
    from rich.markup import escape
    from rich.text import Text

    title = escape(printable(table.title))
    second = any("\n" in cell for row in table.rows for cell in row)
    made = table_of(table.names, table.numbers, title, BALANCED if second else None)
    for row in table.rows:
        made.add_row(*map(Text, row))
    return made
