"""Drawings of a genotype: one line, a table for the terminal, and an SVG of the graph."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from rosearch.encodings.genes import Choice, genes_of
from rosearch.encodings.plain import PLAIN
from rosearch.report.dag_text import rails
from rosearch.report.layout import Layout, Point, place
from rosearch.space.cost import (
    Sizes,
    input_params,
    node_params,
    output_params,
    params,
    saved_params,
    vote_params,
)
from rosearch.space.genotype import Genotype, Node

BOX, SMALL, WIDE = (194.0, 62.0), (194.0, 42.0), (244.0, 62.0)  # width, height
MARGIN = 14.0
CELL_MARGIN = 16.0
ENTRY = 14.0  # pixels between two arrows that enter the same box
STYLE = """
.dag{--ink:#1d2327;--soft:#566069;--line:#8a939b;--box:#fff;--edge:#c9ced2;--end:#eef1f1;
--cell:#f6f7f6;font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
@media screen and (prefers-color-scheme:dark){.dag{--ink:#e8eaec;--soft:#a9b2ba;--line:#7c868f;
--box:#242a2f;--edge:#49525a;--end:#1e3235;--cell:#1b2024}}
.dag rect{fill:var(--box);stroke:var(--edge)}.dag .end rect{fill:var(--end)}
.dag rect.cell{fill:var(--cell);stroke-dasharray:5 4}
.dag path{fill:none;stroke:var(--line);stroke-width:1.5}
.dag text{fill:var(--soft);font-size:11px;text-anchor:middle}
.dag text.op{fill:var(--ink);font-size:14px;font-weight:600}
.dag text.cell{text-anchor:start}
""".replace("\n", "")


@dataclass(frozen=True)
class Box:
    """One box: its lines of text (the second one is the bold one) and the boxes it reads."""

    kind: str
    lines: tuple[str, str, str]
    inputs: tuple[int, ...]
    tip: str

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        if self.kind == "node":
            return BOX
        return WIDE if self.lines[0] else SMALL


def draw_line(genotype: Genotype) -> str:
    """One line that tells two architectures apart: operations, width, repeats, encoding."""
    parts = [f"votes of words, {_genes(genotype.votes)}"] if genotype.votes else []
    if genotype.has_cell:
        parts += [", ".join(node.op for node in genotype.nodes), f"width {genotype.width}"]
        parts += [_repeats(genotype)] if genotype.repeat > 1 else []
    if genotype.encoding != PLAIN.name:
        parts.append(f"{genotype.encoding} encoding")
    if genotype.reading is not None:
        parts.append(f"{genotype.reading_key} before")
    if genotype.defence is not None:
        parts.append(f"{genotype.defence_key} at inference")
    return "; ".join(parts)


def draw_text(genotype: Genotype, sizes: Sizes | None) -> str:
    """The graph for the terminal, one line per node; totals only where `sizes` are known."""
    g = genotype
    if not g.has_cell:
        return "\n".join([_head(g, sizes), *_remarks(g, sizes)])
    end = f"{_merge(g)}, layer norm, {g.pooling} pooling, classifier"
    edges = rails([(), *(node.inputs for node in g.nodes), g.outputs])
    rows = [(edges[0], "0", "input", _input_text(g), _count(_input_params(g, sizes)))]
    for i, node in enumerate(g.nodes, start=1):
        cost = _count(node_params(node, g.width))
        rows.append((edges[i], str(i), node.op, _node_text(node), cost))
    rows.append((edges[-1], "", "output", end, _count(_output_params(g, sizes))))
    wide = [max(len(row[k]) for row in rows) for k in range(5)]
    lines = [
        f"{line} {a:>{wide[1]}}  {b:<{wide[2]}}  {c:<{wide[3]}}  {d:>{wide[4]}}".rstrip()
        for line, a, b, c, d in rows
    ]
    if g.repeat > 1:
        lines.append(f"nodes 1 to {len(g.nodes)} are the cell, {_repeats(g)}; 0 is what it reads")
    return "\n".join([_head(g, sizes), *lines, *_remarks(g, sizes)])


def _head(g: Genotype, sizes: Sizes | None) -> str:
    what = f", width {g.width}" if g.has_cell else f", {g.encoding} encoding"
    return f"student {g.hash}{what}" + (f": {params(g, sizes):,} parameters" if sizes else "")


def _remarks(g: Genotype, sizes: Sizes | None) -> list[str]:
    """What a student has beside its cell, a line each."""
    lines = []
    if g.votes is not None:
        lines.append(f"votes of words ({_genes(g.votes)}): {g.votes.text}")
    if g.reading is not None:
        lines.append(f"{g.reading_key} of texts before their tokens: {g.reading.text}")
    if g.defence is not None:
        lines.append(f"{g.defence_key} at inference, {g.passes} forward passes: {g.defence.text}")
    if sizes and saved_params(g, sizes):
        lines.append(f"trimmed vocabulary: {_trimmed(g, sizes)}")
    return lines


def _genes(choice: Choice) -> str:
    return ", ".join(f"{name} {value}" for name, value in genes_of(choice).items())


def draw_svg(genotype: Genotype, sizes: Sizes | None) -> str:
    """The graph as a self-contained SVG element; parameters of both ends where `sizes` are known.

    One `<g class="node" data-node="i">` per node; colours follow the reader's colour scheme.
    """
    boxes = _boxes(genotype, sizes)
    layout = place(
        [box.inputs for box in boxes], [b.size[0] for b in boxes], [b.size[1] for b in boxes]
    )
    frame, label = _cell_frame(genotype, boxes, layout)
    pad = CELL_MARGIN + MARGIN
    width, height = layout.width + 2 * pad, layout.height + 2 * MARGIN
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" class="dag" role="img" '
        f'width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{_n(-(width - layout.width) / 2)} {_n(-MARGIN)} {_n(width)} {_n(height)}" '
        f'aria-label="{escape(draw_line(genotype))}">',
        f"<style>{STYLE}</style>",
        frame,
        *(_arrows(v, boxes, layout) for v in range(len(boxes))),
        *(_box_svg(v, box, layout.centres[v]) for v, box in enumerate(boxes)),
        label,
        "</svg>",
    ]
    return "".join(parts)


def _boxes(g: Genotype, sizes: Sizes | None) -> list[Box]:
    """Input, nodes (box i is node i), merge of loose ends if there are several, output."""
    if not g.has_cell:
        return _vote_boxes(g, sizes)
    e, w = g.embedding_dim, g.width
    dims = f"embedding {e}, width {w}"
    place_text = "no positions" if g.position == "none" else f"{g.position} positions"
    what = "function words and marks" if g.framed else f"{g.encoding} encoding"
    first = f"{what}, {place_text}"
    tip = f"input, trimmed: {_trimmed(g, sizes)}" if sizes and saved_params(g, sizes) else "input"
    boxes = [Box("end", (first, dims, _cost(_input_params(g, sizes))), (), tip)]
    for i, node in enumerate(g.nodes, start=1):
        before = [f"{i}"]
        before += [node.combine] if len(node.inputs) > 1 else []
        before += ["layer norm"] if node.norm == "layer" else []
        after: list[str] = [node.activation] if node.activation != "none" else []
        after += [_cost(node_params(node, w))]
        lines = (" \u00b7 ".join(before), node.op, " \u00b7 ".join(after))
        boxes.append(Box("node", lines, node.inputs, f"node {i}: {node.op} {_node_text(node)}"))
    ends = g.outputs
    if len(ends) > 1:
        boxes.append(Box("merge", ("", "mean", "of loose ends"), ends, _merge(g)))
        ends = (len(boxes) - 1,)
    boxes.append(Box("end", ("", f"{g.pooling} pooling", "after layer norm"), ends, "pooling"))
    cost = _cost(_output_params(g, sizes))
    classes = f"{sizes.classes} classes" if sizes else ""
    out = " \u00b7 ".join(part for part in (classes, cost) if part)
    boxes.append(Box("end", ("", "classifier", out), (len(boxes) - 1,), "classifier"))
    if g.votes is not None:
        tip = f"sum of the words' votes ({_genes(g.votes)}) and of the bounded cell"
        boxes.append(
            Box("end", ("", "+ votes of words", _vote_cost(g, sizes)), (len(boxes) - 1,), tip)
        )
    return boxes


def _vote_boxes(g: Genotype, sizes: Sizes | None) -> list[Box]:
    """Of a student without a cell."""
    assert g.votes is not None
    tip = f"input, trimmed: {_trimmed(g, sizes)}" if sizes and saved_params(g, sizes) else "input"
    return [
        Box("end", ("", f"{g.encoding} encoding", "words"), (), tip),
        Box("end", ("", "votes", _vote_cost(g, sizes)), (0,), f"votes ({_genes(g.votes)})"),
        Box("end", ("", "sum", "over words"), (1,), "sum of the votes"),
    ]


def _vote_cost(g: Genotype, sizes: Sizes | None) -> str:
    return _cost(None if sizes is None else vote_params(g, sizes))


def _box_svg(v: int, box: Box, centre: Point) -> str:
    (x, y), (w, h) = centre, box.size
    tag = f'class="{box.kind}"' + (f' data-node="{v}"' if box.kind == "node" else "")
    at = (y - 17, y + 4, y + 21) if h == BOX[1] else (0.0, y - 2, y + 13)
    texts = [
        f'<text{cls} x="{_n(x)}" y="{_n(ty)}">{escape(line)}</text>'
        for line, ty, cls in zip(box.lines, at, ("", ' class="op"', ""), strict=True)
        if line
    ]
    rect = (
        f'<rect x="{_n(x - w / 2)}" y="{_n(y - h / 2)}" width="{_n(w)}" height="{_n(h)}" rx="9"/>'
    )
    return f"<g {tag}><title>{escape(box.tip)}</title>{rect}{''.join(texts)}</g>"


def _arrows(v: int, boxes: list[Box], layout: Layout) -> str:
    """The arrows into box v; an input that is read twice is marked."""
    counts = Counter(boxes[v].inputs)
    x, y = layout.centres[v]
    top = y - boxes[v].size[1] / 2
    routes = {s: _route(s, v, boxes, layout) for s in counts}
    order = sorted(counts, key=lambda s: (routes[s][-1][0], s))
    drawn = []
    for k, s in enumerate(order):
        end = (x + ENTRY * (k - (len(order) - 1) / 2), top)
        drawn.append(_curve([*routes[s], end]))
        if counts[s] > 1:
            tx, ty = end[0] + 14, top - 8
            drawn.append(f'<text x="{_n(tx)}" y="{_n(ty)}">x{counts[s]}</text>')
    return "".join(drawn)


def _route(s: int, v: int, boxes: list[Box], layout: Layout) -> list[Point]:
    """From the bottom of box s down its rail to just above the row of v."""
    x, y = layout.centres[s]
    points = [(x, y + boxes[s].size[1] / 2)]
    for row in range(layout.rows[s] + 1, layout.rows[v]):
        rail_x, rail_y = layout.rails[s, row]
        points += [(rail_x, rail_y - BOX[1] / 2), (rail_x, rail_y + BOX[1] / 2)]
    return points


def _curve(points: list[Point]) -> str:
    """Curves between the rows, straight lines along the rails, an arrow head at the end."""
    path = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for k, ((x1, y1), (x2, y2)) in enumerate(pairwise(points)):
        middle = _n((y1 + y2) / 2)
        path.append(
            f"V{_n(y2)}" if k % 2 else f"C{_n(x1)} {middle} {_n(x2)} {middle} {_n(x2)} {_n(y2)}"
        )
    x, y = points[-1]
    head = f"M{_n(x - 4)} {_n(y - 6)}L{_n(x)} {_n(y)}L{_n(x + 4)} {_n(y - 6)}"
    return f'<path d="{"".join(path)}{head}"/>'


def _cell_frame(g: Genotype, boxes: list[Box], layout: Layout) -> tuple[str, str]:
    """A dashed frame around the repeated cell, and its label; empty for a single cell or none."""
    if g.repeat == 1 or not g.has_cell:
        return "", ""
    inside = [v for v in range(1, len(boxes)) if boxes[v].kind != "end"]
    rows = {layout.rows[v] for v in inside}
    xs = [layout.centres[v][0] + side * BOX[0] / 2 for v in inside for side in (-1, 1)]
    xs += [point[0] for (_, row), point in layout.rails.items() if row in rows]
    ys = [layout.centres[v][1] + side * boxes[v].size[1] / 2 for v in inside for side in (-1, 1)]
    left, top = min(xs) - CELL_MARGIN, min(ys) - CELL_MARGIN
    width = max(xs) - left + CELL_MARGIN
    height = max(ys) - top + CELL_MARGIN
    frame = (
        f'<rect class="cell" x="{_n(left)}" y="{_n(top)}" width="{_n(width)}" '
        f'height="{_n(height)}" rx="14"/>'
    )
    label = f'<text class="cell" x="{_n(left + 4)}" y="{_n(top - 5)}">{escape(_repeats(g))}</text>'
    return frame, label


def _trimmed(g: Genotype, sizes: Sizes) -> str:
    rows, gone = sizes.rows[g.encoding_key], sizes.trimmed[g.encoding_key]
    saved = saved_params(g, sizes)
    return f"{rows:,} of {rows + gone:,} embedding rows kept, {saved:,} parameters saved"


def _repeats(g: Genotype) -> str:
    return f"{g.repeat} x repeat" + (" (shared)" if g.shared else "")


def _merge(g: Genotype) -> str:
    ends = ", ".join(map(str, g.outputs))
    return f"mean({ends})" if len(g.outputs) > 1 else ends


def _input_text(g: Genotype) -> str:
    factor = "" if g.embedding_dim == g.width else f" -> {g.width}"
    positions = "no" if g.position == "none" else g.position
    return f"embedding {g.embedding_dim}{factor}, {positions} positions, {g.encoding} encoding"


def _node_text(node: Node) -> str:
    """What a node reads and does around its operation."""
    read = ", ".join(map(str, node.inputs))
    text = f"{node.combine}({read})" if len(node.inputs) > 1 else f"reads {read}"
    if node.norm == "layer":
        text += ", layer norm"
    if node.activation != "none":
        text += f", {node.activation}"
    return text


def _input_params(g: Genotype, sizes: Sizes | None) -> int | None:
    return None if sizes is None else input_params(g, sizes)


def _output_params(g: Genotype, sizes: Sizes | None) -> int | None:
    return None if sizes is None else output_params(g, sizes)


def _count(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _cost(count: int | None) -> str:
    return "" if count is None else f"{count:,} parameters"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
