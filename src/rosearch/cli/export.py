"""`rosearch export`, and what it prints."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from rosearch.cli.by_label import BELOW, class_table
from rosearch.cli.console import nothing_left, print_table, same_answers, table_of
from rosearch.cli.groups import given, with_groups
from rosearch.cli.options import AsJson, Attacks, NewFolder, Seed, TaskOptions
from rosearch.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from rosearch.export.bundle import ExportReport
    from rosearch.export.hub import Target


@with_groups
def export(
    *,
    what: Annotated[
        str,
        typer.Argument(
            help="RUN (its best student), RUN:ID, or the folder of a student or of any Hugging "
            "Face classifier, or a hub id.",
            metavar="RUN|MODEL",
        ),
    ],
    form: Annotated[str, typer.Option("--format", help="hf, onnx or int8.")],
    out: NewFolder,
    data: TaskOptions,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Compare latency with this folder or hub id.", show_default="that of the run"
        ),
    ] = None,
    attacks: Attacks = None,
    n: Annotated[int, typer.Option("--n", help="Texts to attack.", min=1)] = 200,
    false_alarms: Annotated[
        float | None,
        typer.Option(
            help="Build in the threshold at which at most this share of the validation texts of "
            "the other label is taken for the rare one: 0.01, for instance.",
            show_default="none: the likeliest label",
            metavar="SHARE",
        ),
    ] = None,
    rare: Annotated[
        str | None,
        typer.Option(
            help="With --false-alarms: which label is the rare one.",
            metavar="LABEL",
            show_default="the rarer one, where they are uneven",
        ),
    ] = None,
    push_to_hub: Annotated[
        str | None,
        typer.Option(
            help="Also upload the folder as this model of the Hugging Face hub (name or "
            "owner/name), in private; the token is that of `hf auth login` or HF_TOKEN.",
            metavar="NAME",
        ),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="With --push-to-hub: everybody may see it.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="With --push-to-hub: say what would go, upload nothing."),
    ] = False,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Export a model to ship: checked against the original, measured, with a model card.

    The task options say which data a MODEL is checked with; a RUN has its own.
    """
    from rosearch.export import bundle
    from rosearch.export.threshold import FalseAlarms

    flags = {**data.settings(), **given(seed=seed)}
    alarms = FalseAlarms.asked(false_alarms, rare)
    target = _target(push_to_hub, not public, dry_run)  # before minutes of work
    with nothing_left(), same_answers():
        suites = tuple(attacks or ["wordnet"])
        found = bundle.export(what, form, out, flags, teacher, suites, n, alarms)
    print_export(found, as_json)
    if target is not None:
        _push(found, target, dry_run)


def _target(name: str | None, private: bool, dry_run: bool) -> Target | None:
    from rosearch.export import hub

    if name is None:
        if not private or dry_run:
            raise UserError("--public and --dry-run are of --push-to-hub NAME")
        return None
    if dry_run:  # works without a token and a network
        return hub.Target(hub.checked_name(name), private, exists=False)
    return hub.find_target(name, private)


def _push(report: ExportReport, target: Target, dry_run: bool) -> None:
    """Upload, or say on stderr what would go; stdout may be JSON."""
    from rosearch.export import hub

    def tell(line: str) -> None:
        print(line, file=sys.stderr)

    kind = "private" if target.private else "public"
    if not dry_run:
        tell(f"pushed to {target.repo} ({kind}): {hub.push(report.out, target)}")
        return
    tell(f"would push to {target.repo} ({kind}):")
    for path, size in hub.contents(report.out):
        tell(f"  {path} ({size:,} bytes)")
    for role, origin in (("data", report.source.data), ("made of", report.source.base)):
        if origin is not None:
            told = origin.licence or "not told"
            tell(f"{role}: {origin.hub or origin.name}, licence: {told}")
    tell(f"nothing was uploaded; to push this folder: {hub.by_hand(report.out, target)}")


def print_export(report: ExportReport, as_json: bool) -> None:
    """The parity check, quality and latency of an export, or its JSON."""
    if as_json:
        print(json.dumps(report.to_json(), indent=2))
        return
    from rosearch.export.int8 import FORM
    from rosearch.export.speed import speed_lines

    p = report.parity
    print(
        f"parity on {p.n} texts of the test split: the same label for {p.agreement:.1%}, "
        f"largest difference of a probability {p.difference:.2g}"
    )
    if report.threshold is not None:
        print(report.threshold.told(report.qualities[0].classes))
    print_table(_quality(report))
    print_table(_by_label(report))
    print_table(_latency(report))
    for line in (*speed_lines(report.speed), *report.source.notes):
        print(line)
    if report.form == "int8":
        print(f"int8: {FORM}")
    was = f" (was {report.original_size / 1e6:.1f} MB)" if report.original_size else ""
    print(f"{report.form}: {report.out}, {report.size / 1e6:.1f} MB{was}")


def _quality(report: ExportReport) -> Table:
    from rosearch.results.entries import attack_entry
    from rosearch.results.words import attacked_words

    attacks = list(report.qualities[0].attacks)
    title = f"{report.source.name} on {report.source.task.name} (test split)"
    columns = ["n", "clean", *(f"after {a}" for a in attacks)]
    table = table_of(["model"], columns, title, BELOW)
    for q in report.qualities:
        counts = [q.attacks[a] for a in attacks]
        table.add_row(
            q.name,
            str(q.n),
            q.words,
            *(f"{attacked_words(attack_entry([c]))} (n = {c.n})" for c in counts),
        )
    return table


def _by_label(report: ExportReport) -> Table:
    from rosearch.results.entries import attack_entry

    best = report.qualities[0]
    attacks = {name: attack_entry([counts]) for name, counts in best.attacks.items()}
    classes = best.by_class.get("classes", ())
    return class_table(f"{best.name} by label", report.source.task.label_names, classes, attacks)


def _latency(report: ExportReport) -> Table:
    table = table_of(
        ("", "form"), ("batch", "ms", "texts per second"), "latency, one thread, 32 tokens"
    )
    for row in report.latency:
        ms, rate = f"{row.ms:.2f}", f"{row.texts_per_second:,.0f}"
        table.add_row(row.who, row.form, str(row.batch), ms, rate)
    return table
