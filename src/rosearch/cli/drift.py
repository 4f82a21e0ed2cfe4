"""`rosearch drift`, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from rosearch.cli.console import print_table, printable, table_of
from rosearch.cli.groups import with_groups
from rosearch.cli.options import TaskOptions

if TYPE_CHECKING:
    from rosearch.robustness.drift import Drift

# How a file is written: of new texts, too.
_FORM = {"text_column", "text_pair_column", "label_column", "delimiter", "encoding", "max_words"}


@with_groups
def drift(
    *,
    what: Annotated[
        str,
        typer.Argument(
            help="RUN (its best student), RUN:ID, or the folder of a student or of any Hugging "
            "Face classifier.",
            metavar="RUN|MODEL",
        ),
    ],
    texts: Annotated[Path, typer.Option(help="New texts: a data file.", metavar="FILE")],
    data: TaskOptions,
    least: Annotated[
        float, typer.Option(help="Difference of a share that matters.", min=0, max=1)
    ] = 0.05,
    fail: Annotated[
        bool, typer.Option("--fail", help="Exit with 1 if it is time to search again.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Compare new texts with a model's task: words, confidence, labels; say when to search again.

    Labels are used where the file has them, for some of its texts or all. The column options are
    those of the new file and, of a model without a run, of its task, whose test split is measured
    once and kept in the model's folder.
    """
    from rosearch.export.baseline import columns_of, model_and_baseline
    from rosearch.robustness.drift import compare
    from rosearch.robustness.new_texts import new_texts
    from rosearch.robustness.profile import profile

    given = cast("dict[str, Any]", data.settings()["task"])
    own = columns_of(what)
    new = new_texts(texts, {**own, **given})
    places = {k: v for k, v in given.items() if k not in _FORM} if own else given
    model, before = model_and_baseline(what, {"task": places} if places.keys() - _FORM else {})
    new.check_pairs(before.pairs)
    new = new.cut(given.get("max_words", before.max_words))
    now = profile(model, new.texts, new.numbered(before.label_names))
    found = compare(before.profile, now, before.label_names, least)
    print_drift(found, before.task, as_json)
    if fail and found.search_again:
        raise typer.Exit(1)


def print_drift(found: Drift, task: str, as_json: bool) -> None:
    """A row for each figure, then the verdict; or JSON."""
    from rosearch.results.words import share

    if as_json:
        print(json.dumps(found.to_json(), indent=2))
        return
    n = f"{found.texts:,} new texts, {found.labelled:,} of them labelled"
    table = table_of(
        ["figure"],
        [f"{printable(task)} (test split)", "new texts", "p (Holm)", ""],
        title=f"{n}; 95 % intervals in brackets",
    )
    for change in found.changes:
        table.add_row(
            printable(change.what),
            share(change.before.value, change.before.interval),
            share(change.now.value, change.now.interval),
            f"{change.p:.2g}",
            "shifted" if change.shifted(found.least) else "",
        )
    print_table(table)
    for line in found.words:
        print(printable(line))
