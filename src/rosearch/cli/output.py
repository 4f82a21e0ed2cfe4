"""What commands print and write."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rosearch.attacks.named_attack import Recipe
from rosearch.config.sections import RunConfig
from rosearch.errors import UserError
from rosearch.io.files import write_text
from rosearch.results.listing import Listed
from rosearch.results.summary import share
from rosearch.space.cost import Sizes, flops, params
from rosearch.space.genotype import Genotype
from rosearch.types import Json

RUN_COLUMNS = (
    "candidates",
    "best fitness",
    "after attack",
    "on test",
    "started",
    "time",
    "size",
)
WIDE = 200  # columns where the output is no terminal, so that tables are not cut


def check_writable(path: Path | None) -> None:
    """Refuse an output file that could not be written, before any work is done.

    Raises:
        UserError: its folder is missing or not writable, or it is a folder itself.
    """
    if path is None:
        return
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UserError(f"cannot write {path}: its folder must exist and be writable")


def print_summary(summary: Json, folder: Path, as_json: bool) -> None:
    """The final table of a run, or its JSON."""
    if as_json:
        print(json.dumps(summary, indent=2))
        return
    console = console_of()
    console.print(summary_table(summary))
    best = summary["best"]
    if best:
        console.print(f"students: {folder / 'students'}  (best: {best['id']})", soft_wrap=True)
    report = folder / "report.html"
    if report.exists():
        console.print(f"report:   {report}", soft_wrap=True)


def print_estimate(config: RunConfig, workers: int, as_json: bool) -> None:
    """What a run would take."""
    from rosearch.run.estimate import calibrate, in_words

    found = calibrate(config, workers)
    print(json.dumps(asdict(found), indent=2) if as_json else in_words(found))


def print_entry(entry: Json, out: Path, as_json: bool) -> None:
    """One trained student."""
    if as_json:
        print(json.dumps(entry, indent=2))
        return
    console = console_of()
    console.print(
        f"{entry['params']:,} parameters, {entry['compression']:.1f}x smaller than the teacher\n"
        f"clean accuracy (test, n = {entry['n_clean']}): "
        f"{share(entry['clean'], entry['clean_interval'])}\n"
        f"after attack (n = {entry['n']}): {share(entry['after_attack'], entry['interval'])}",
        highlight=False,
        markup=False,
    )
    for name, held_out in entry["held_out"].items():
        line = f"after {name} (held out): {share(held_out['after_attack'], held_out['interval'])}"
        console.print(line, highlight=False, markup=False)
    print(f"student: {out}")


def print_comparison(table: Json, folder: Path, as_json: bool) -> None:
    """The table of `rosearch compare`, or its JSON."""
    if as_json:
        print(json.dumps(table, indent=2))
        return
    console_of().print(comparison_table(table))
    print(f"students and results: {folder}", file=sys.stderr)


def comparison_table(table: Json) -> Table:
    """The rows of `rosearch.baselines.compare`, the largest of each kind first."""
    made = Table(
        "model", "kind",
        title=f"{table['task']}: TEST split; 95 % intervals in brackets; students: "
        f"{table['epochs']} epochs, {table['seeds']} seeds",
    )  # fmt: skip
    columns = ["parameters", "MB", "smaller", "clean", f"after attack: {table['search_attack']}"]
    columns += [f"held out: {name}" for name in table["held_out"]]
    for name in (*columns, "ms a text"):
        made.add_column(name, justify="right")
    for row in table["rows"]:
        attacked = [row, *(row["held_out"][name] for name in table["held_out"])]
        made.add_row(
            Text(row["name"]),
            row["kind"],
            f"{row['params']:,}",
            f"{row['megabytes']:.1f}",
            f"{row['compression']:.1f}x",
            share(row["clean"], row["clean_interval"]),
            *(share(entry["after_attack"], entry["interval"]) for entry in attacked),
            f"{row['latency_ms']:.2f}",
            style="bold" if row["kind"] == "search" else None,
        )
    return made


def print_runs(runs: Sequence[Listed], folder: Path, as_json: bool) -> None:
    """One line a run; reasons of unreadable ones below."""
    if as_json:
        print(json.dumps([run.to_json() for run in runs], indent=2))
        return
    if not runs:
        print(f"no runs in {folder}")
        return
    table = Table("run", "task", "state")
    for name in RUN_COLUMNS:
        table.add_column(name, justify="right")
    for run in runs:
        cells = (run.name, run.task or "-", run.state, *_run_cells(run))
        table.add_row(*(Text(printable(cell)) for cell in cells))
    console = console_of()
    console.print(table)
    for run in runs:
        if run.reason:
            console.print(Text(printable(f"{run.name}: {run.reason}")), soft_wrap=True)


def _run_cells(run: Listed) -> tuple[str, ...]:
    def share(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    started = None if run.started is None else datetime.fromtimestamp(run.started)
    return (
        "-" if run.done is None else f"{run.done}" + (f"/{run.total}" if run.total else ""),
        share(run.fitness),
        share(run.after_attack),
        share(run.final_after_attack),
        f"{started:%Y-%m-%d %H:%M}" if started else "-",
        "-" if run.seconds is None else str(timedelta(seconds=round(run.seconds))),
        f"{run.size / 1e6:.1f} MB",
    )


def printable(text: str) -> str:
    """A text of someone else's without what would steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def print_attacks(as_json: bool) -> None:
    """Every attack, what it needs and where it comes from."""
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


def attack_entry(recipe: Recipe) -> Json:
    """An attack in words."""
    needs = [f"lexicon {name}" for name in recipe.lexicons] + list(recipe.models)
    if recipe.own_lexicon:
        own = f"a lexicon of your own: {recipe.name}:FILE"
        needs.append(own if not recipe.lexicons else f"or {own}")
    if recipe.white_box:
        needs.append("gradients of the model")
    return {
        "name": recipe.name,
        "description": recipe.description,
        "needs": ", ".join(needs),
        "paper": recipe.paper,
        "departures": recipe.departures,
    }


def stdin_lines() -> Iterator[str]:
    """Lines of standard input without their ends; empty lines count as texts.

    Raises:
        UserError: nothing came, or it is not UTF-8.
    """
    empty = True
    try:
        for line in sys.stdin.buffer:
            empty = False
            yield line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UserError(f"standard input is not UTF-8: {error.reason}") from None
    if empty:
        raise UserError("no text given: name texts as arguments or send one a line to stdin")


def text_pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of texts, each one JSON object with `text` and `text_pair`, or with a tab between.

    Raises:
        UserError: a line is neither.
    """
    for number, line in enumerate(lines, start=1):
        found = _from_object(line) if line.lstrip().startswith("{") else None
        texts = found or line.split("\t")
        if len(texts) != 2:
            raise UserError(
                f"text {number} is no pair: {line!r:.50}; give "
                '{"text": "...", "text_pair": "..."} or two texts with a tab between'
            )
        yield texts[0], texts[1]


def _from_object(line: str) -> list[str] | None:
    """Both texts of a JSON object; None if it is none of that form, or its text is no Unicode."""
    try:
        found = json.loads(line)
        pair = [found["text"], found["text_pair"]]
        "".join(pair).encode("utf-8")
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return pair


def print_prediction(answer: Mapping[str, Any], as_json: bool) -> None:
    """One classified text or pair: JSON, or label, probability and texts separated by tabs."""
    if as_json:
        print(json.dumps(answer, ensure_ascii=False), flush=True)
    else:
        said = (answer["label"], f"{answer['probability']:.3f}", answer["text"])
        print(
            *said, *([answer["text_pair"]] if "text_pair" in answer else []), sep="\t", flush=True
        )


def print_genotype(g: Genotype, sizes: Sizes, svg: Path | None, as_json: bool) -> None:
    """A genotype as text or JSON, and as an SVG file if asked for."""
    from rosearch.report.dag_text import ASCII
    from rosearch.report.draw import draw_svg, draw_text

    if svg:
        write_text(svg, draw_svg(g, sizes))
    if as_json:
        print(g.to_json())
        return
    text = draw_text(g, sizes)
    encoding = sys.stdout.encoding or "utf-8"
    print(text if _can_write(text, encoding) else text.translate(ASCII))
    print(f"{params(g, sizes):,} parameters, {flops(g, sizes) / 1e6:.1f} MFLOPs at 32 tokens")


def _can_write(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def console_of() -> Console:
    """Standard output; tables are not cut where it is no terminal."""
    return Console() if sys.stdout.isatty() else Console(width=WIDE)


def summary_table(summary: Json) -> Table:
    """Teacher, reference and finalists on the test split."""
    held_out = list(summary["teacher"]["held_out"])
    table = Table(
        title=f"{summary['task']}: TEST split; 95 % intervals in brackets; held-out attacks were "
        "never used in search or training",
        caption=f"clean: n = {summary['teacher']['n_clean']}; "
        f"attacks: n = {summary['teacher']['n']}; means over the training seeds",
    )
    table.add_column("model")
    for name in ("parameters", "smaller", "clean", f"after attack: {summary['search_attack']}"):
        table.add_column(name, justify="right")
    for name in held_out:
        table.add_column(f"held out: {name}", justify="right")
    names = {id(summary["teacher"]): "teacher", id(summary["reference"]): "reference"}
    for entry in (summary["teacher"], summary["reference"], *summary["finalists"]):
        best = summary["best"] is not None and entry["id"] == summary["best"]["id"]
        table.add_row(
            names.get(id(entry), entry["id"]) + (" (best)" if best else ""),
            f"{entry['params']:,}",
            f"{entry['compression']:.1f}x",
            share(entry["clean"], entry["clean_interval"]),
            share(entry["after_attack"], entry["interval"]),
            *(
                share(entry["held_out"][a]["after_attack"], entry["held_out"][a]["interval"])
                for a in held_out
            ),
            style="bold" if best else None,
        )
    return table
