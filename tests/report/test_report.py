"""The report page, built from a store of made-up results."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from rosearch.attack.text import segment
from rosearch.errors import MissingExtra, UserError
from rosearch.report.draw import draw_line, draw_svg, draw_text
from rosearch.report.gallery import diff, gallery
from rosearch.report.page import write_report
from rosearch.report.tables import attack_label, caveats, verdict
from rosearch.search.population import front
from rosearch.space.cost import Sizes, params
from rosearch.space.genotype import Genotype, Node, to_dict
from rosearch.space.vary import Space, sample
from rosearch.store import Final, Store
from rosearch.types import Candidate, Fidelity, Robustness, Score, Trial, wilson

SIZES = Sizes({"plain": 30522, "synonym:wordnet:0.015:0": 20000}, 2)
TEACHER = 22_700_000
SCRIPT = "<script>alert(1)</script>"
EVIL_LABELS = ["<img src=x onerror=alert(2)>", "</script><b>pos"]
SVG = "{http://www.w3.org/2000/svg}"


def made_trials(n: int, seed: int = 0) -> list[Trial]:
    """Trials of random genotypes with made-up scores; the last one failed."""
    rng = np.random.default_rng(seed)
    trials = []
    for index in range(n):
        genotype = sample(Space(SIZES), rng)
        clean, after = 0.84 - 0.15 * rng.random(), 0.55 * rng.random() ** 2
        score = Score(
            clean=clean,
            n_clean=1000,
            after_attack=after,
            attack_success_rate=1 - after / clean,
            attacked=200,
            params=params(genotype, SIZES),
            flops=1,
            latency_ms=2.0,
            queries=9,
            train_seconds=9.0,
            attack_seconds=1.0,
            fitness=clean + after,
            fidelity=Fidelity(2, 0.5, 200, "wordnet"),
        )
        trials.append(Trial(Candidate(index, genotype, seed=index), score))
    return [*trials[:-1], replace(trials[-1], score=None, error=f"ValueError: {SCRIPT}")]


def made_entry(
    name: str, size: int, clean: float, after: float, **held_out: float
) -> dict[str, Any]:
    """A model of the summary, on 1,000 clean and 400 attacked texts."""

    def attacked(share: float) -> dict[str, Any]:
        interval = wilson(round(400 * share), 400)
        return {
            "after_attack": share,
            "attack_success_rate": 1 - share / clean,
            "n": 400,
            "interval": [interval.low, interval.high],
        }

    interval = wilson(round(1000 * clean), 1000)
    return {
        "id": name,
        "params": size,
        "compression": TEACHER / size,
        "clean": clean,
        "clean_interval": [interval.low, interval.high],
        "n_clean": 1000,
        **attacked(after),
        "held_out": {attack: attacked(share) for attack, share in held_out.items()},
        "latency_ms": 1.5,
        "seeds": [1, 2, 3],
        "clean_std": 0.004,
        "after_attack_std": 0.012,
        "genotype": None,
    }


def made_summary(trials: list[Trial]) -> dict[str, Any]:
    """A finished run whose best student is strong on the search attack only."""
    chosen = sorted(front(trials), key=lambda t: -t.score.fitness if t.score else 0)[:2]
    best, second = (
        made_entry(t.candidate.id, t.score.params, clean, after, relatives=held, characters=0.2)
        | {"genotype": to_dict(t.candidate.genotype)}
        for t, clean, after, held in zip(
            chosen, (0.81, 0.8), (0.45, 0.43), (0.08, 0.1), strict=True
        )
        if t.score
    )
    reference = made_entry("reference", 2_557_058, 0.8, 0.05, relatives=0.07, characters=0.1)
    teacher = made_entry("teacher", TEACHER, 0.9, 0.15, relatives=0.2, characters=0.3)
    return {
        "task": "mr",
        "teacher": teacher | {"seeds": [0], "clean_std": None, "after_attack_std": None},
        "reference": reference,
        "best": best,
        "finalists": [best, second],
        "front": [],
        "candidates": len(trials),
        "seconds": 3725.0,
        "seed": 7,
        "versions": {"rosearch": "0.1.0"},
        "search_attack": "wordnet",
    }


def made_example(index: int, status: str, text: str, perturbed: str) -> dict[str, Any]:
    return {
        "index": index,
        "label": 1,
        "status": status,
        "original": text,
        "perturbed": perturbed,
        "changed": (1,),
        "before": (0.1, 0.9),
        "after": (0.7, 0.3) if status == "flipped" else (0.4, 0.6),
        "queries": 30,
        "exhausted": False,
        **({"first": f"First of pair {index} {SCRIPT}"} if index % 2 else {}),
    }


def made_run(folder: Path, finished: bool = True, trials: list[Trial] | None = None) -> Path:
    """A run folder whose texts and label names are hostile."""
    run = Store(folder / "run.db", create=True)
    trials = made_trials(40) if trials is None else trials
    run.set_meta(
        label_names=EVIL_LABELS,
        started=1_700_000_000.0,
        machine={"cpu": f"made up {SCRIPT}"},
        task=SCRIPT,
        rows=dict(SIZES.rows),
        config={"task": {"name": SCRIPT}},
    )
    for trial in trials:
        run.add_trial(trial)
    if not finished:
        return folder
    summary = made_summary(trials)
    run.set_meta(summary=summary)
    best = summary["best"]["id"]
    for seed in (1, 2, 3):
        attacks = {"wordnet": Robustness("wordnet", 400, 320, 180, 12_000)}
        run.add_final(Final(best, seed, None, 1, 810, 1000, attacks, 1.5, 60.0))
    for status, start in (("flipped", 0), ("survived", 10), ("skipped", 20)):
        examples = [
            made_example(i, status, f"a good film {SCRIPT} {i}", f"a nice film {SCRIPT} {i}")
            for i in range(start, start + 6)
        ]
        run.add_examples(best, "wordnet", examples)
        run.add_examples("reference", "wordnet", examples[:2])
    return folder


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

    def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.scripts[0])
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
    assert best[2] == f"{made_summary(made_trials(40))['best']['compression']:.1f}x"
    assert best[3].startswith("81.0 %78.5 to 83.3n = 1,000sd over seeds 0.4")
    assert best[4].startswith("45.0 %40.2 to 49.9n = 400")
    assert best[5].startswith("44.4 %38.4 to 49.2of 320 right before")
    assert best[6].startswith("8.0 %5.7 to 11.1n = 400success rate 90.1 %")
    assert best[8] == "1.5 ms"


def test_the_verdict_tells_the_bad_held_out_number_too(finished: Page) -> None:
    text = finished.words.replace("\u00a0", " ")
    assert "keeps 90.0 % of its clean accuracy (81.0 % against 90.0 %)" in text
    assert "wordnet it is still right on 45.0 % (the reference student 5.0 %, the teacher" in text
    assert "on 8.0 % (relatives; the reference student 7.0 %, the teacher 20.0 %) and 20.0" in text
    assert "is not clearly more robust than the reference student (the intervals overlap) " in text
    assert "overlap) under the held-out attack relatives." in text
    assert "1 h 2 min 5 s" in text


def test_the_front_has_the_trials_that_none_beats(finished: Page) -> None:
    kept = front(made_trials(40))
    traces = {trace["name"]: trace for trace in finished.figures()["pareto"]["data"]}
    assert sorted(traces["Pareto front"]["x"]) == sorted(t.score.clean for t in kept if t.score)
    assert len(traces["other candidates"]["x"]) == 39 - len(kept)
    assert len(traces["best student"]["x"]) == 1
    best_so_far = finished.figures()["fitness"]["data"][1]["y"]
    assert len(best_so_far) == 39
    assert best_so_far == sorted(best_so_far)


def test_hostile_texts_are_text(finished: Page) -> None:
    names = [tag for tag, _ in finished.tags]
    assert names.count("script") == 3  # data, plotly, ours
    assert "img" not in names
    assert not any(key.startswith("on") for _, attrs in finished.tags for key in attrs)
    assert "".join(finished.scripts).count("alert(1)") == 0
    for text in (SCRIPT, *EVIL_LABELS, f"made up {SCRIPT}", f"ValueError: {SCRIPT}"):
        assert text in finished.words


def test_hostile_names_cannot_leave_the_plots(tmp_path: Path) -> None:
    trials = made_trials(5)
    assert trials[0].score is not None
    page = Page(write_report(made_run(tmp_path, finished=False, trials=trials)))
    assert "<" not in page.scripts[0]
    assert SCRIPT in page.words  # the task's name
    assert page.figures()["pareto"]["data"][0]["hovertext"][0].startswith("candidate ")


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


def test_the_gallery_shows_real_diffs_of_both_models(finished: Page) -> None:
    assert finished.source.count("<del>good</del><ins>nice</ins>") == 8 + 4
    assert "6 fooled, 6 held, 6 wrong before" in finished.words
    assert finished.words.count("The reference student, same text") == 4


def test_the_gallery_shows_the_first_text_of_a_pair(finished: Page) -> None:
    assert finished.words.count("First of pair 1 <script>alert(1)</script>") == 2  # both students
    assert "First of pair 0" not in finished.words


def test_a_running_search_has_a_report(tmp_path: Path) -> None:
    page = Page(write_report(made_run(tmp_path, finished=False)))
    assert "search is still running" in page.words
    assert "40 candidates have been" in page.words
    assert sum(tag == "svg" for tag, _ in page.tags) == 3


@pytest.mark.parametrize("trials", [[], made_trials(1)])
def test_a_run_without_a_score_has_a_report(tmp_path: Path, trials: list[Trial]) -> None:
    path = write_report(made_run(tmp_path, finished=False, trials=trials))
    page = Page(path)
    assert "No candidate has been scored yet" in page.words
    assert page.scripts == []
    assert sorted(p.name for p in tmp_path.glob("report*")) == ["report.html"]


def test_a_finished_run_without_a_student_has_a_report(tmp_path: Path) -> None:
    made_run(tmp_path, finished=False, trials=made_trials(1))
    nothing: dict[str, Any] = {"best": None, "finalists": [], "reference": None, "candidates": 1}
    Store(tmp_path / "run.db").set_meta(summary=made_summary(made_trials(9)) | nothing)
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
    summary["best"] = summary["best"] | {"held_out": {}}
    assert "no held-out attack was run" in verdict(summary)
    assert caveats(summary) == []


def test_a_student_below_the_reference_is_told() -> None:
    summary = made_summary(made_trials(9))
    summary["reference"]["held_out"]["relatives"] |= {"interval": [0.5, 0.6]}
    assert caveats(summary) == [
        "The best student is less robust than the reference student under "
        "the held-out attack relatives."
    ]


def test_the_path_of_a_lexicon_stays_private() -> None:
    assert attack_label("neighbours:/home/me/words.json") == "neighbours:words.json"


def test_a_diff_survives_another_number_of_words() -> None:
    pieces = diff(segment("so very good."), segment("so nice and good."))
    assert "".join(text for kind, text in pieces if kind != "new") == "so very good."
    assert "".join(text for kind, text in pieces if kind != "gone") == "so nice and good."
    assert pieces[0] == ("same", "so ")


def test_a_gallery_of_few_texts_is_filled_up() -> None:
    skipped = [made_example(i, "skipped", "a b", "a b") for i in range(9)]
    flipped = [made_example(9, "flipped", "a b", "a c")]
    assert [pair.best.index for pair in gallery(skipped + flipped, [], ["x"])] == [9, 0, 1, 2, 3]
    assert gallery([], [], []) == []


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
    genotype = Genotype(64, 64, (Node((0, 0), "gru"),), repeat=3, shared=True, encoding="synonym")
    svg = draw_svg(genotype, None)
    assert ">x2<" in svg
    assert "3 x repeat (shared)" in svg
    assert "add(0, 0)" in draw_text(genotype, None)
    assert draw_line(genotype) == "gru; width 64; 3 x repeat (shared); synonym encoding"
