"""`rosearch distill`, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rosearch.cli.by_label import class_table
from rosearch.cli.console import print_table
from rosearch.cli.groups import given, with_groups
from rosearch.cli.options import (
    AsJson,
    Seed,
    Settings,
    TaskOptions,
    TeacherOptions,
    with_settings,
)
from rosearch.cli.setting_options import option_of

if TYPE_CHECKING:
    from rosearch.results.entries import ModelEntry


@with_groups
def distill(
    *,
    genotype: Annotated[
        str,
        typer.Argument(help="A preset, a genotype file, a student folder, or RUN:ID."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the student; must not exist.")],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="The loss and training of a paper: {recipes}.",
            show_default="that of a search",
        ),
    ] = None,
    data: TaskOptions,
    teacher: TeacherOptions,
    epochs: Annotated[int | None, option_of("final.epochs", preset="quick")] = None,
    seed: Seed = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Train one architecture on the teacher's outputs, save it, evaluate it on the test split."""
    from rosearch.baselines.one_student import distill as train_one
    from rosearch.config import make_config
    from rosearch.results.genotypes import find_genotype

    flags = {**data.settings(), **teacher.settings(), **given(seed=seed)}
    flags["final"] = given(epochs=epochs)
    found, _ = find_genotype(genotype)
    config = make_config("quick", None, with_settings(flags, settings))
    entry = train_one(found, config, out, recipe)
    print_entry(entry, config.search.suites[0], out, as_json)


def print_entry(entry: ModelEntry, attack: str, out: Path, as_json: bool) -> None:
    """One trained student, saved in the folder `out`.

    Args:
        attack: of the search, of several suites the first.
    """
    from rosearch.results.entries import to_json
    from rosearch.results.words import attacked_words, certified_lines, clean_words, told

    if as_json:
        print(json.dumps(to_json(entry), indent=2))
        return

    print(
        f"{entry.params:,} parameters, {entry.compression:.1f}x smaller than the teacher\n"
        f"clean accuracy (test, n = {entry.n_clean}): {told(clean_words(entry))}\n"
        f"after attack (n = {entry.n}): {told(attacked_words(entry.searched))}"
    )
    for name, found in entry.further.items():
        note = " (held out)" if name in entry.held_out else ""
        print(f"after {name}{note}: {told(attacked_words(found))}")
    for line in certified_lines(entry.certified):
        print(line)
    if entry.classes:
        names = json.loads((out / "config.json").read_text("utf-8"))["id2label"]
        labels = [names[str(i)] for i in range(len(entry.classes))]
        attacks = {attack: entry.searched, **entry.further}
        print_table(class_table("by label (test)", labels, entry.classes, attacks))
    print(f"student: {out}")
