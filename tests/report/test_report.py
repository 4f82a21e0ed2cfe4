"""The report page, built from a store of made-up results."""

import json
import re
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from made_runs import (
    EVIL_ATTACK,
    EVIL_LABELS,
    IMAGE,
    SCRIPT,
    SIZES,
    made_example,
    made_run,
    made_summary,
    made_trials,
)

from rosearch.encodings.reader import FILE, Reader
from rosearch.encodings.synonym import Synonym
from rosearch.errors import MissingExtra, UserError
from rosearch.report.draw import draw_line, draw_svg, draw_text
from rosearch.report.gallery import diff, gallery
from rosearch.report.page import write_report
from rosearch.report.tables import caveats, verdict
from rosearch.results.folder import RunFolder
from rosearch.results.store import Store
from rosearch.results.words import attack_label
from rosearch.space.cost import params
from rosearch.space.genotype import Genotype, Node
from rosearch.space.variation import Space, sample
from rosearch.strategies.population import front
from rosearch.tasks.words import segment
from rosearch.types import Trial

SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    """Tags with attributes, scripts and visible text; fails where tags do not nest."""

    VOID = frozenset({"meta", "br", "img", "link", "hr", "input"})

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.scripts: list[str] = []
        self.words = ""
        self.open: list[str] = []
        self.source = path.read_text("utf-8")
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] != "style":
            self.words += data
        if self.rows and {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data.replace("\u00a0", " ")

    def run(self, number: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.scripts[0])["runs"][number]
        return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(write_report(made_run(tmp_path_factory.mktemp("run"))))


def test_the_headline_table_holds_the_numbers(finished: Page) -> None:
    head, *rows = finished.rows[:5]
    names = ("Teacher", "Reference", "Best student", "Finalist 2")
    assert all(row[0].startswith(name) for row, name in zip(rows, names, strict=True))
    assert any("held-out attack relatives" in title for title in head)
    best = rows[2]
    assert best[2] == f"{made_summary(made_trials(40)).best.compression:.1f}x"
    assert best[3].startswith("81.0 %78.5 to 83.3n = 1,000sd over seeds 0.4")
    assert best[4].startswith("45.0 %40.2 to 49.9n = 400")
    assert best[5].startswith("44.4 %38.4 to 49.2of 320 right before")
    assert best[6].startswith("8.0 %5.7 to 11.1n = 400success rate 90.1 %")
    assert best[8] == "1.5 ms"


def test_what_the_finalists_were_chosen_by_is_told(finished: Page) -> None:
    best = next(row for row in finished.rows if row[0].startswith("Balanced and robust"))
    assert best[1] == "1.9001.880 to 1.920measured 2.000"
    assert best[3] == "30.0 %28.0 to 32.0measured 40.0 %"
    assert "balanced and robust point" in finished.rows[3][0]


def test_the_verdict_tells_the_bad_held_out_number_too(finished: Page) -> None:
    text = finished.words.replace("\u00a0", " ")
    assert "keeps 90.0 % of its clean accuracy (81.0 % against 90.0 %)" in text
    assert "wordnet it is still right on 45.0 % (the reference student 5.0 %, the teacher" in text
    assert "on 8.0 % (relatives; the reference student 7.0 %, the teacher 20.0 %) and 10.0" in text
    assert "is not clearly more robust than the reference student (the intervals overlap) " in text
    assert (
        "overlap) under the held-out attack relatives and the held-out attack neighbours:" in text
    )
    assert "1 h 2 min 5 s" in text


def test_what_students_know_and_what_is_held_out_is_told(tmp_path: Path) -> None:
    config = {
        "search": {"attack": "wordnet+characters"},
        "distill": {"lexicons": ["roget"]},
        "final": {"held_out": ["thesaurus", "phonetic"]},
    }
    folder = made_run(tmp_path / "run")
    with closing(Store(folder / "run.db")) as store:
        store.set_meta(config=config)
    words = Page(write_report(folder)).words
    assert "search.attack = 'wordnet+characters': characters, inner-letters, wordnet" in words
    assert "distill.lexicons = ['roget']: roget" in words
    assert "Held out, and of no kind of these: thesaurus, phonetic." in words
    with closing(Store(folder / "run.db")) as store:
        store.set_meta(config={"search": {"attack": "of a plugin"}})
    assert "What the students of this run know" not in Page(write_report(folder)).words


def test_the_front_has_the_trials_that_none_beats(finished: Page) -> None:
    trials = [t for t in made_trials(40) if t.score]
    run = finished.run()
    assert run["id"] == [t.candidate.id for t in trials]
    assert run["clean"] == [round(t.score.clean, 4) for t in trials if t.score]
    kept = {t.candidate.id for t in front(trials)}
    assert {run["id"][i] for i in run["front"]} == kept
    assert run["id"][run["best"]] == made_summary(made_trials(40)).best.id
    volume = run["hypervolume"]["volume"]
    assert len(volume) == 39
    assert volume == sorted(volume)


def test_hostile_texts_are_text(finished: Page) -> None:
    names = [tag for tag, _ in finished.tags]
    assert names.count("script") == 3  # data, plotly, ours
    assert "img" not in names
    assert not any(key.startswith("on") for _, attrs in finished.tags for key in attrs)
    assert "<" not in finished.scripts[0]
    shown = EVIL_ATTACK.split("/")[-1]
    for text in (SCRIPT, IMAGE, shown, *EVIL_LABELS, f"made up {SCRIPT}", f"ValueError: {SCRIPT}"):
        assert text in finished.words


def test_a_hostile_name_of_the_folder_cannot_leave_the_data(tmp_path: Path) -> None:
    page = Page(write_report(made_run(tmp_path / IMAGE, finished=False)))
    assert "<" not in page.scripts[0]
    assert page.run()["name"] == IMAGE
    assert SCRIPT in page.words  # the task's name


def test_the_page_loads_nothing(finished: Page) -> None:
    assert not {"link", "iframe", "object", "embed", "base"} & {tag for tag, _ in finished.tags}
    loading = {"src", "href", "srcset", "data", "action", "poster", "xlink:href"}
    assert not any(loading & set(attributes) for _, attributes in finished.tags)
    # plotly.js names map servers, for map plots; the policy below keeps it from asking them.
    own = finished.source.replace(finished.scripts[1], "")
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|sendBeacon", own)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", own)
    assert "showSendToCloud: false" in finished.scripts[2]
    policy = next(a["content"] for t, a in finished.tags if a.get("http-equiv")) or ""
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "http" not in policy


def test_the_gallery_shows_real_diffs_of_both_models_under_every_attack(finished: Page) -> None:
    shots = [attrs for tag, attrs in finished.tags if "shot" in (attrs.get("class") or "")]
    assert len(shots) == 3 * 18 + 6 + 9
    assert finished.source.count("<del>good</del><ins>nice</ins>") == len(shots)
    assert {shot["data-attack"] for shot in shots} == {
        "wordnet",
        "relatives",
        attack_label(EVIL_ATTACK),
    }
    first = [shot for shot in shots if "hidden" not in shot]
    assert {(shot["data-role"], shot["data-attack"]) for shot in first} == {("best", "wordnet")}
    assert {shot["data-kind"] for shot in first} == {"flipped", "survived"}
    assert len(first) == 8
    assert "best student under wordnet: 6 fooled, 6 held, 6 wrong before" in finished.words
    assert finished.words.count("; the reference student on it:") == 2 * 3 + 3 * 3
    assert "/home/me" not in finished.source


def test_the_gallery_shows_the_first_text_of_a_pair(finished: Page) -> None:
    assert f"First of pair 1 {SCRIPT}" in finished.words
    assert "First of pair 0" not in finished.words


def test_a_running_search_has_a_report(tmp_path: Path) -> None:
    page = Page(write_report(made_run(tmp_path, finished=False)))
    assert "search is still running" in page.words
    assert "40 candidates have been" in page.words
    assert sum(tag == "svg" for tag, _ in page.tags) >= 3


@pytest.mark.parametrize("trials", [[], made_trials(1)])
def test_a_run_without_a_score_has_a_report(tmp_path: Path, trials: list[Trial]) -> None:
    path = write_report(made_run(tmp_path, finished=False, trials=trials))
    page = Page(path)
    assert "No candidate has been scored yet" in page.words
    assert len(page.scripts) == 1  # the data: neither plotly nor anything else that runs
    assert sorted(p.name for p in tmp_path.glob("report*")) == ["report.html"]


def test_a_finished_run_without_a_student_has_a_report(tmp_path: Path) -> None:
    made_run(tmp_path, finished=False, trials=made_trials(1))
    nothing = replace(made_summary(made_trials(9)), best=None, finalists=(), candidates=1)
    Store(tmp_path / "run.db").set_meta(summary=nothing.to_json())
    assert "None of the 1 candidates was trained" in Page(write_report(tmp_path)).words


def test_a_text_with_a_lone_surrogate_can_be_written(tmp_path: Path) -> None:
    made_run(tmp_path, finished=False)
    Store(tmp_path / "run.db").set_meta(task="odd \ud800 text")
    assert "odd ? text" in Page(write_report(tmp_path)).words


def test_a_folder_without_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run store"):
        write_report(tmp_path)


@pytest.mark.parametrize("module", ["jinja2", "plotly.offline"])
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"{module}.*rosearch\[report\]"):
        write_report(made_run(tmp_path, finished=False))
    assert not list(tmp_path.glob("report*"))


def test_the_report_never_imports_torch(tmp_path: Path) -> None:
    made_run(tmp_path, finished=False)
    code = (
        "import sys; from pathlib import Path; from rosearch.report.page import write_report\n"
        f"write_report(Path({str(tmp_path)!r}))\n"
        "assert not {'torch', 'transformers', 'datasets'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_verdict_says_so_where_no_held_out_attack_was_run() -> None:
    summary = made_summary(made_trials(9))
    bare = replace(summary, best=replace(summary.best, held_out={}))
    assert "no held-out attack was run" in verdict(bare)
    assert caveats(bare) == []


def test_a_student_below_the_reference_is_told() -> None:
    summary = made_summary(made_trials(9))
    reference = summary.reference
    strong = {"relatives": replace(reference.held_out["relatives"], interval=(0.5, 0.6))}
    assert caveats(replace(summary, reference=replace(reference, held_out=strong))) == [
        "The best student is less robust than the reference student under "
        "the held-out attack relatives."
    ]


def test_the_path_of_a_lexicon_stays_private() -> None:
    assert attack_label("neighbours:/home/me/words.json") == "neighbours:words.json"
    suite = "wordnet+neighbours:/home/me/a+b.json+neighbours:/tmp/c.json"
    assert attack_label(suite) == "wordnet + neighbours:a+b.json + neighbours:c.json"


def test_a_diff_survives_another_number_of_words() -> None:
    pieces = diff(segment("so very good."), segment("so nice and good."))
    assert "".join(text for kind, text in pieces if kind != "new") == "so very good."
    assert "".join(text for kind, text in pieces if kind != "gone") == "so nice and good."
    assert pieces[0] == ("same", "so ")


def test_the_first_text_of_a_pair_is_shown_as_text(tmp_path: Path) -> None:
    store = Store(made_run(tmp_path) / "run.db")
    example = replace(
        made_example(0, "flipped", "a good film", "a nice film"), first=f"Is it? {SCRIPT}"
    )
    store.add_examples(store.meta().summary.best.id, "wordnet", [example])
    assert f"Is it? {SCRIPT}" in Page(write_report(tmp_path)).words


def test_what_the_best_student_read_is_shown(tmp_path: Path) -> None:
    store = Store(made_run(tmp_path) / "run.db")
    best = store.meta().summary.best.id
    store.add_examples(best, "wordnet", [made_example(0, "flipped", "a good film", "a goood film")])
    assert "Read as" not in Page(write_report(tmp_path)).words
    folder = RunFolder(tmp_path).student(best)
    folder.mkdir(parents=True, exist_ok=True)
    Reader({"a": -1.0, "good": -2.0, "film": -3.0}, {}, (), {}).save(folder / FILE)
    assert "Read as: goood \u2192 good" in Page(write_report(tmp_path)).words
    (folder / FILE).write_text('{"words": []}', encoding="utf-8")
    assert "Read as" not in Page(write_report(tmp_path)).words


def test_a_gallery_holds_the_first_texts_of_each_outcome() -> None:
    skipped = [made_example(i, "skipped", "a b", "a b") for i in range(40)]
    flipped = [made_example(i, "flipped", "a b", "a c") for i in range(40, 42)]
    made = gallery({("best", "wordnet"): skipped + flipped}, ["x", "y"])
    assert [s.index for s in made.shots] == [40, 41, *range(25)]
    assert made.labels == ("x", "y")
    assert made.opening == frozenset(range(8))
    assert gallery({}, []).shots == ()


def sampled(n: int, space: Space) -> list[Genotype]:
    rng = np.random.default_rng(3)
    return [sample(space, rng) for _ in range(n)]


def test_every_drawing_is_well_formed_and_has_a_box_per_node() -> None:
    for genotype in sampled(150, Space(SIZES)) + sampled(100, Space(SIZES, max_nodes=12)):
        root = ElementTree.fromstring(draw_svg(genotype, SIZES))
        boxes = root.findall(f"{SVG}g[@class='node']")
        assert [b.get("data-node") for b in boxes] == [
            str(i) for i in range(1, len(genotype.nodes) + 1)
        ]
        assert [box.findall(f"{SVG}text")[1].text for box in boxes] == [
            node.op for node in genotype.nodes
        ]
        edges = sum(len(set(node.inputs)) for node in genotype.nodes)
        merges = len(genotype.outputs) + (len(genotype.outputs) > 1)
        assert len(root.findall(f"{SVG}path")) == edges + merges + 1


def test_boxes_do_not_overlap_and_stay_inside() -> None:
    for genotype in sampled(60, Space(SIZES, max_nodes=12)):
        root = ElementTree.fromstring(draw_svg(genotype, SIZES))
        left, top, wide, high = map(float, (root.get("viewBox") or "").split())
        rects = [
            [float(r.get(key) or 0) for key in ("x", "y", "width", "height")]
            for r in root.findall(f"{SVG}g/{SVG}rect")
        ]
        for k, (x, y, w, h) in enumerate(rects):
            assert left <= x <= left + wide - w
            assert top <= y <= top + high - h
            for other_x, other_y, other_w, other_h in rects[:k]:
                apart = x + w <= other_x or other_x + other_w <= x
                assert apart or y + h <= other_y or other_y + other_h <= y


def test_the_table_has_a_line_per_node_and_the_parameters() -> None:
    for genotype in sampled(50, Space(SIZES)):
        lines = draw_text(genotype, SIZES).splitlines()
        assert lines[0].endswith(f"{params(genotype, SIZES):,} parameters")
        for i, node in enumerate(genotype.nodes, start=1):
            assert f" {i}  {node.op} " in lines[i + 1]
        assert len(draw_text(genotype, None).splitlines()) == len(lines)


def test_a_doubled_input_and_a_shared_repeat_are_shown() -> None:
    genotype = Genotype(64, 64, (Node((0, 0), "gru"),), repeat=3, shared=True, coding=Synonym())
    svg = draw_svg(genotype, None)
    assert ">x2<" in svg
    assert "3 x repeat (shared)" in svg
    assert "add(0, 0)" in draw_text(genotype, None)
    assert draw_line(genotype) == "gru; width 64; 3 x repeat (shared); synonym encoding"
