"""What commands print and write."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rosearch.api import AttackReport
from rosearch.errors import UserError
from rosearch.files import write_text
from rosearch.live import share, summary_table
from rosearch.space.cost import Sizes, flops, params
from rosearch.space.genotype import Genotype
from rosearch.types import Json

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
    console = _console()
    console.print(summary_table(summary))
    best = summary["best"]
    if best:
        console.print(f"students: {folder / 'students'}  (best: {best['id']})", soft_wrap=True)
    report = folder / "report.html"
    if report.exists():
        console.print(f"report:   {report}", soft_wrap=True)


def print_entry(entry: Json, out: Path, as_json: bool) -> None:
    """One trained student."""
    if as_json:
        print(json.dumps(entry, indent=2))
        return
    console = _console()
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


def print_attack(found: AttackReport, shown: int) -> None:
    """Table of the attacks, and some attacked texts as word diffs."""
    console = _console()
    table = Table(title=f"{found.model} on {found.task} ({found.split} split)", title_style="bold")
    for name in ("attack", "n", "clean", "after attack", "success rate", "queries per text"):
        table.add_column(name, justify="left" if name == "attack" else "right")
    for name, c in found.counts.items():
        interval = (c.interval.low, c.interval.high)
        table.add_row(
            name,
            str(c.n),
            f"{c.clean:.3f}",
            share(c.after_attack, interval),
            f"{c.success_rate:.3f}",
            f"{c.queries / c.n:.1f}",
        )
    console.print(table)
    for name, results in found.examples.items():
        for result in [r for r in results if r.status == "flipped"][:shown]:
            console.print(_diff(name, result, found.label_names), soft_wrap=True)


def attack_lines(found: AttackReport) -> str:
    """Every attacked text as a line of JSON."""
    return "".join(
        json.dumps({"attack": name, **asdict(result)}, ensure_ascii=False) + "\n"
        for name, results in found.examples.items()
        for result in results
    )


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


def print_prediction(answer: Mapping[str, Any], as_json: bool) -> None:
    """One classified text: JSON, or label, probability and text separated by tabs."""
    if as_json:
        print(json.dumps(answer, ensure_ascii=False), flush=True)
    else:
        print(f"{answer['label']}\t{answer['probability']:.3f}\t{answer['text']}", flush=True)


def print_genotype(g: Genotype, sizes: Sizes, svg: Path | None, as_json: bool) -> None:
    """A genotype as text or JSON, and as an SVG file if asked for."""
    from rosearch.report.draw import draw_svg, draw_text
    from rosearch.report.rails import ASCII

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


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=WIDE)


MARKS = {
    "same": ("{}", "not bold"),
    "gone": ("[-{}-]", "not bold red"),
    "new": ("{{+{}+}}", "not bold green"),
}


def _diff(attack: str, result: Any, names: tuple[str, ...]) -> Text:
    """Original and perturbed text, the changed words marked."""
    from rosearch.attack.text import segment
    from rosearch.report.gallery import diff

    line = Text(f"\n{attack}: ", style="bold")
    before, after = int_max(result.before), int_max(result.after)
    line.append(
        f"{names[before]} {result.before[before]:.2f} -> {names[after]} {result.after[after]:.2f}\n"
    )
    if result.status == "flipped" and not result.changed:
        line.append("(its embeddings changed, the text did not) ", style="not bold dim")
    for kind, piece in diff(segment(result.original), segment(result.perturbed)):
        mark, style = MARKS[kind]
        line.append(mark.format(piece), style=style)
    return line


def int_max(values: tuple[float, ...]) -> int:
    """Index of the largest value."""
    return max(range(len(values)), key=values.__getitem__)
