"""`rosearch attack`, and what it prints and writes."""

from __future__ import annotations

import csv as csv_files
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rosearch.cli.by_label import BALANCED, attacked_table
from rosearch.cli.console import check_writable, console_of, print_table, table_of, when_stopped
from rosearch.cli.groups import given, with_groups
from rosearch.cli.options import AsJson, Attacks, Seed, TaskOptions
from rosearch.cli.setting_options import option_of
from rosearch.errors import UserError

if TYPE_CHECKING:
    from rich.text import Text

    from rosearch.attacks.named_attack import NamedAttack
    from rosearch.attacks.result import AttackResult
    from rosearch.robustness.report import AttackReport
    from rosearch.types import Json, Robustness


@with_groups
def attack(
    *,
    model: Annotated[
        str | None,
        typer.Argument(
            help="Folder of a student or of any Hugging Face classifier, a hub id, RUN (its best "
            "student) or RUN:ID. Without a task option, a run's student is attacked on its task.",
            metavar="MODEL",
            show_default=False,
        ),
    ] = None,
    more: Annotated[
        list[str] | None, typer.Argument(help="Further models for --transfer-to.", hidden=True)
    ] = None,
    data: TaskOptions,
    attacks: Attacks = None,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    n: Annotated[int, typer.Option("--n", help="Texts to attack.", min=1)] = 200,
    max_queries: Annotated[int | None, option_of("search.max_queries", preset="quick")] = None,
    total_queries: Annotated[
        int | None,
        typer.Option(
            help="Query budget per attack, shared equally by the texts.",
            min=1,
            show_default="no limit",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Label to reach.", metavar="LABEL", show_default="any wrong one"),
    ] = None,
    transfer_to: Annotated[
        list[str] | None,
        typer.Option(help="Replay the texts that were found against these.", metavar="MODEL..."),
    ] = None,
    seed: Seed = None,
    masked_lm: Annotated[
        str | None,
        typer.Option(
            help="Folder or hub id of the masked language model that bae and bert-attack ask.",
            metavar="MODEL",
            show_default="minilm with a head fitted to the train texts",
        ),
    ] = None,
    similarity: Annotated[
        bool,
        typer.Option(
            "--similarity/--no-similarity",
            help="Measure how alike flipped texts are to the original ones, with MiniLM.",
        ),
    ] = True,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    listed: Annotated[
        bool, typer.Option("--list", help="Describe every attack, and attack nothing.")
    ] = False,
    jsonl: Annotated[
        Path | None,
        typer.Option(
            help="Every result, as soon as it is there; given again, the attack goes on there.",
            metavar="FILE",
        ),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Every result as a table.", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
    shown: Annotated[int, typer.Option("--show", help="Attacked texts to show.", min=0)] = 3,
) -> None:
    """Attack any Hugging Face classifier or student, and report how robust it is."""

    if listed:
        print_attacks(as_json)
        return
    if model is None or (more and not transfer_to):
        raise UserError("give one MODEL to attack; `rosearch attack --list` describes the attacks")
    from rosearch.export.source import model_and_task
    from rosearch.io.files import write_text
    from rosearch.robustness import evaluate
    from rosearch.robustness.settings import AttackSettings
    from rosearch.robustness.transfer import transfer

    for file in (jsonl, csv):
        check_writable(file)
    victim, task = model_and_task(model, {**data.settings(), **given(seed=seed)})
    settings = AttackSettings(
        tuple(attacks or ["wordnet"]),
        split,
        n,
        max_queries,
        total_queries,
        target,
        masked_lm,
        similarity,
        device,
    )
    kept = f"the same command goes on from {jsonl}" if jsonl else "nothing was written"
    with when_stopped(kept):
        found = evaluate.attack(victim, task, settings, jsonl)
    if csv:  # before anything that may yet fail
        write_text(csv, results_table(found))
    replayed = transfer(found, [*(transfer_to or ()), *(more or ())], task, device)
    print_assessment(found, replayed, shown, as_json)


def print_attacks(as_json: bool) -> None:
    """Every attack, what it needs and where it comes from."""
    from rich.text import Text

    from rosearch.attacks.methods import ATTACKS

    entries = [attack_entry(recipe) for recipe in ATTACKS.values()]
    if as_json:
        print(json.dumps(entries, indent=2))
        return
    console = console_of()
    for entry in entries:
        console.print(Text(entry["name"], style="bold"))
        for key in ("description", "needs", "paper", "departures"):
            if entry[key]:
                console.print(Text(f"    {key}: {entry[key]}"), soft_wrap=True)


def attack_entry(recipe: NamedAttack) -> Json:
    """An attack in words."""
    from rosearch.attacks.named_attack import NOTHING_MORE

    needs = [f"lexicon {name}" for name in recipe.lexicons] + list(recipe.models)
    if recipe.own_lexicon:
        own = f"a lexicon of your own: {recipe.name}:FILE"
        needs.append(own if not recipe.lexicons else f"or {own}")
    if recipe.white_box:
        needs.append("gradients of the model")
    return {
        "name": recipe.name,
        "description": recipe.description,
        "needs": ", ".join(needs) or NOTHING_MORE,
        "paper": recipe.paper,
        "departures": recipe.departures,
    }


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
                    "by_label": {
                        label: {"texts": k.n, "right_before": k.correct, "still_right": k.survived}
                        for label, k in zip(found.label_names, c.classes, strict=False)
                    },
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
    from rosearch.results.entries import attack_entry
    from rosearch.results.words import attacked_words, certified_lines
    from rosearch.robustness.report import changed_share

    table = table_of(
        ["attack"],
        ("n", "clean", "after attack", "success rate", "queries", "changed", "similarity"),
        title=f"{found.model} on {found.task} ({found.split} split, {found.sample})",
        title_style="bold",
        caption=f"{BALANCED}; queries: mean per text; of flipped texts, changed: share of words, "
        "similarity: mean cosine by MiniLM; all: worst case",
    )
    for name, c in found.counts.items():
        changed = changed_share(found.results.get(name, ()))
        table.add_row(
            name,
            str(c.n),
            f"{c.clean:.3f}\n{c.before('balanced'):.3f}",
            attacked_words(attack_entry([c])),
            f"{c.success_rate:.3f}",
            f"{c.queries / c.n:.1f}",
            "" if changed is None else f"{changed:.1%}",
            f"{found.similarity[name]:.2f}" if name in found.similarity else "",
        )
    print_table(table)
    print_table(attacked_table(found))
    for line in certified_lines(found.certified_shares):
        print(line)
    console = console_of()
    for name, results in found.results.items():
        for result in [r for r in results if r.status == "flipped"][:shown]:
            console.print(_diff(name, result, found.label_names), soft_wrap=True)


def print_transfer(found: Mapping[str, Mapping[str, Robustness]]) -> None:
    """How adversarial texts found on one model do on others."""
    table = table_of(
        ("model", "attack"),
        ("texts", "right before", "still right", "success rate"),
        title="transfer of the adversarial texts that were found",
        title_style="bold",
    )
    for model, attacks in found.items():
        for name, c in attacks.items():
            counts = (str(c.n), str(c.correct), str(c.survived), f"{c.success_rate:.3f}")
            table.add_row(model, name, *counts)
    print_table(table)


def results_table(found: AttackReport) -> str:
    """Every attacked text as a row of CSV; `first` is the first text of a pair, else empty."""
    stream = io.StringIO()
    writer = csv_files.writer(stream, lineterminator="\n")
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
    from rich.text import Text

    from rosearch.tasks.words import segment

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
