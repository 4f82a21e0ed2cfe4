"""What `rosearch attack` prints and writes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from rosearch.attacks.engine import AttackResult
from rosearch.cli.output import console_of
from rosearch.results.summary import share
from rosearch.robustness.evaluate import AttackReport, changed_share
from rosearch.tasks.words import segment
from rosearch.types import Robustness


def print_assessment(
    found: AttackReport,
    transferred: Mapping[str, Mapping[str, Robustness]],
    shown: int,
    as_json: bool,
) -> None:
    """What attacks on a model found, and how their texts do on other models."""
    if as_json:
        replayed = {
            model: {
                name: {
                    "texts": c.n,
                    "right_before": c.correct,
                    "still_right": c.survived,
                    "attack_success_rate": round(c.success_rate, 4),
                }
                for name, c in attacks.items()
            }
            for model, attacks in transferred.items()
        }
        entry = found.to_json() | ({"transfer": replayed} if replayed else {})
        print(json.dumps(entry, indent=2))
        return
    print_attack(found, shown)
    if transferred:
        print_transfer(transferred)


def print_attack(found: AttackReport, shown: int) -> None:
    """Table of the attacks, and some attacked texts as word diffs."""
    console = console_of()
    table = Table(title=f"{found.model} on {found.task} ({found.split} split)", title_style="bold")
    for name in (
        *("attack", "n", "clean", "after attack"),
        *("success rate", "queries", "changed", "similarity"),
    ):
        table.add_column(name, justify="left" if name == "attack" else "right")
    for name, c in found.counts.items():
        changed = changed_share(found.results.get(name, ()))
        table.add_row(
            name,
            str(c.n),
            f"{c.clean:.3f}",
            share(c.after_attack, (c.interval.low, c.interval.high)),
            f"{c.success_rate:.3f}",
            f"{c.queries / c.n:.1f}",
            "" if changed is None else f"{changed:.1%}",
            f"{found.similarity[name]:.2f}" if name in found.similarity else "",
        )
    table.caption = (
        "queries: mean per text; of flipped texts, changed: share of words, similarity: mean "
        "cosine by MiniLM; all: worst case"
    )
    console.print(table)
    for name, results in found.results.items():
        for result in [r for r in results if r.status == "flipped"][:shown]:
            console.print(_diff(name, result, found.label_names), soft_wrap=True)


def print_transfer(found: Mapping[str, Mapping[str, Robustness]]) -> None:
    """How adversarial texts found on one model do on others."""
    table = Table(title="transfer of the adversarial texts that were found", title_style="bold")
    for name in ("model", "attack", "texts", "right before", "still right", "success rate"):
        table.add_column(name, justify="left" if name in ("model", "attack") else "right")
    for model, attacks in found.items():
        for name, c in attacks.items():
            counts = (str(c.n), str(c.correct), str(c.survived), f"{c.success_rate:.3f}")
            table.add_row(model, name, *counts)
    console_of().print(table)


def results_table(found: AttackReport) -> str:
    """Every attacked text as a row of CSV; `first` is the first text of a pair, else empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    columns = ("index", "label", "status", "first", "original", "perturbed", "queries")
    more = ("changed", "label_before", "label_after", "probability_before", "probability_after")
    writer.writerow(("attack", *columns, *more))
    names = found.label_names
    for attack, results in found.results.items():
        for r in results:
            before, after = int_max(r.before), int_max(r.after)
            texts = [r.first, r.original, r.perturbed]
            words = [r.index, names[r.label], r.status, *texts, r.queries]
            said = [names[before], names[after], r.before[before], r.after[after]]
            writer.writerow((attack, *words, len(r.changed), *said))
    return stream.getvalue()


def _diff(attack: str, result: AttackResult, names: tuple[str, ...]) -> Text:
    """Original and perturbed text, the changed words marked; the first text of a pair above."""
    old = segment(result.original)
    new = dict(zip(result.changed, result.replacements, strict=True))
    line = Text(f"\n{attack}: ", style="bold")
    before, after = int_max(result.before), int_max(result.after)
    line.append(
        f"{names[before]} {result.before[before]:.2f} -> {names[after]} {result.after[after]:.2f}\n"
    )
    if result.first is not None:
        line.append(f"{result.first}\n", style="not bold dim")
    if result.status == "flipped" and not new:
        line.append("(embeddings changed, words did not) ", style="not bold dim")
    line.append(old.gaps[0], style="not bold")
    for i, word in enumerate(old.words):
        if i in new:
            line.append(f"[-{word}-]", style="not bold red")
            line.append(f"{{+{new[i]}+}}", style="not bold green")
        else:
            line.append(word, style="not bold")
        line.append(old.gaps[i + 1], style="not bold")
    return line


def int_max(values: tuple[float, ...]) -> int:
    """Index of the largest value."""
    return max(range(len(values)), key=values.__getitem__)
