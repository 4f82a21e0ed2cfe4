"""Drawings for the terminal: rails of the edges, and what trimming saved."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np

from rosearch.encodings.plain import PLAIN
from rosearch.report.dag_text import ASCII, rails
from rosearch.report.draw import draw_svg, draw_text
from rosearch.space.cost import Sizes, node_params
from rosearch.space.genotype import Genotype, Node
from rosearch.space.presets import PRESETS
from rosearch.space.variation import Space, sample

SIZES = Sizes({"plain": 3000}, 2, trimmed={"plain": 1500})


def drawn(inputs: list[list[int]]) -> list[str]:
    return [line.rstrip() for line in rails(inputs)]


def test_rails_of_small_graphs():
    assert drawn([[], [0], [1]]) == ["●", "●", "●"]
    assert drawn([[], [0], [0, 1], [2]]) == ["●", "├─●", "●─┘", "●"]
    assert drawn([[], [0], [0], [0], [1, 2, 3]]) == ["●", "├─●", "├─│─●", "● │ │", "●─┴─┘"]
    assert drawn([[], [0], [0, 1], [0, 1, 2], [3]]) == ["●", "├─●", "├─┼─●", "●─┴─┘", "●"]
    assert drawn([[], [0, 0], [1]]) == ["●", "●", "●"]


def test_every_edge_ends_in_a_mark_of_its_row():
    rng = np.random.default_rng(1)
    space = Space(SIZES, codings=(PLAIN,), max_nodes=12)
    for _ in range(200):
        g = sample(space, rng)
        inputs = [(), *(node.inputs for node in g.nodes), g.outputs]
        lines = rails(inputs)
        assert len({len(line) for line in lines}) == 1
        last = {s: row for row, sources in enumerate(inputs) for s in sources}
        for row, (line, sources) in enumerate(zip(lines, inputs, strict=True)):
            assert line.count("●") == 1
            taken_over = any(last[s] == row for s in sources)  # the dot stands on that rail
            marks = sum(line.count(mark) for mark in "├┼┤┴┘")
            assert marks == len(set(sources)) - taken_over


def test_rails_in_ascii():
    assert rails([[], [0], [0, 1], [2]])[1].translate(ASCII).rstrip() == "+-o"
    assert "".join(rails([[], [0], [0], [0], [1, 2, 3]])).translate(ASCII).isascii()


def test_text_shows_nodes_edges_ops_widths_and_parameters():
    nodes = (Node((0,), "conv3"), Node((0, 1), "ff2", combine="concat", norm="layer"))
    text = draw_text(Genotype(64, 96, nodes), SIZES)
    head, first, *rows, output, trim = text.splitlines()
    assert "width 96" in head
    assert "embedding 64 -> 96" in first
    for i, (node, row) in enumerate(zip(nodes, rows, strict=True), start=1):
        assert f" {i}  {node.op} " in row
        assert row.endswith(f"{node_params(node, 96):,}")
    assert "concat(0, 1), layer norm" in rows[1]
    assert "output" in output
    assert "3,000 of 4,500 embedding rows kept, 96,000 parameters saved" in trim


def test_svg_tells_what_trimming_saved():
    g = Genotype(64, 96, (Node((0,), "conv3"),))
    root = ElementTree.fromstring(draw_svg(g, SIZES))
    texts = [element.text or "" for element in root.iter()]
    assert any("96,000 parameters saved" in text for text in texts)
    assert any("embedding 64, width 96" in text for text in texts)
    assert "saved" not in draw_svg(g, Sizes({"plain": 3000}, 2))


def test_a_cell_that_reads_the_frame_says_so():
    texts = [
        e.text or "" for e in ElementTree.fromstring(draw_svg(PRESETS["frame-conv"](), None)).iter()
    ]
    assert "function words and marks, no positions" in texts


def test_a_student_of_votes_alone_has_no_cell_to_frame():
    g = replace(PRESETS["votes"](), repeat=3)
    root = ElementTree.fromstring(draw_svg(g, None))
    assert not root.findall(".//*[@class='cell']")
    assert "repeat" not in draw_text(g, None)
