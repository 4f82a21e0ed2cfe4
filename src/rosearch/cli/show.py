"""`rosearch show`: architectures as text, JSON and drawings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rosearch.cli.console import check_writable
from rosearch.cli.streams import can_print

if TYPE_CHECKING:
    from rosearch.space.cost import Sizes
    from rosearch.space.genotype import Genotype


def show(
    what: Annotated[
        str | None,
        typer.Argument(
            help="A preset, a genotype file, a student folder, or RUN:ID.",
            show_default="lists the presets",
        ),
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(help="Draw it into this file.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the genotype as JSON.")] = False,
) -> None:
    """Draw an architecture."""
    from rosearch.results.genotypes import find_genotype
    from rosearch.space.presets import PRESETS

    if what is None:
        print("\n".join(PRESETS))
        return
    check_writable(svg)
    print_genotype(*find_genotype(what), svg, as_json)


def print_genotype(g: Genotype, sizes: Sizes, svg: Path | None, as_json: bool) -> None:
    """A genotype as text or JSON, and as an SVG file if asked for."""
    from rosearch.io.files import write_text
    from rosearch.report.dag_text import ASCII
    from rosearch.report.draw import draw_svg, draw_text
    from rosearch.space.cost import flops, params

    if svg:
        write_text(svg, draw_svg(g, sizes))
    if as_json:
        print(g.to_json())
        return
    text = draw_text(g, sizes)
    print(text if can_print(text) else text.translate(ASCII))
    print(f"{params(g, sizes):,} parameters, {flops(g, sizes) / 1e6:.1f} MFLOPs at 32 tokens")
