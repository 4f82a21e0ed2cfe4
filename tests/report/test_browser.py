"""The pages in a real browser: nothing goes wrong, everything reacts, no text becomes code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_runs import EVIL_LABELS, IMAGE, SCRIPT, finish, made_run, made_trials
from served import served

from rosearch.report.compare import write_comparison
from rosearch.report.page import write_report
from rosearch.results.store import Store
from rosearch.strategies.population import front

pytestmark = pytest.mark.browser

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """What pages complained about, asked for, or ran although they must not."""
    return []


@pytest.fixture(autouse=True)
def no_complaints(complaints: list[str]) -> Iterator[None]:
    complaints.clear()
    yield
    assert complaints == []


@pytest.fixture(scope="module")
def opened(browser: Any, complaints: list[str]) -> Iterator[Opened]:
    """Opens pages."""

    def asked(request: Any) -> None:
        if not request.url.startswith(("file:", "http://127.0.0.1", "data:", "blob:")):
            complaints.append(request.url)

    def dialog(one: Any) -> None:
        complaints.append(one.message)
        one.dismiss()

    def open_page(address: Path | str, size: dict[str, int] = DESK, **settings: Any) -> Any:
        page = browser.new_context(viewport=size, **settings).new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", dialog)
        page.on("request", asked)
        page.goto(address.as_uri() if isinstance(address, Path) else address)
        return page

    yield open_page
    for context in browser.contexts:
        context.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a finished run, in a folder with a hostile name."""
    return write_report(made_run(tmp_path_factory.mktemp("runs") / IMAGE))


@pytest.fixture(scope="module")
def desk(opened: Opened, report: Path) -> Any:
    """That report on a wide screen; loading it takes longer than most tests of it."""
    return opened(report)


def eventually(page: Any, condition: str) -> None:
    """Waits until an expression is true; the page's policy forbids Playwright's own waiting."""
    for _ in range(1800):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {condition}")


def front_of(folder: Path) -> set[str]:
    return {t.candidate.id for t in front(Store(folder / "run.db").trials())}


def point(page: Any, number: int) -> tuple[float, float]:
    """Where a point of the front is on the screen; the front is the second trace."""
    page.locator("#stage").scroll_into_view_if_needed()
    marks = page.locator("#plot-pareto .trace.scatter").nth(1).locator("path.point")
    box = marks.nth(number).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def points(page: Any) -> int:
    """Points drawn of the front and of all others, without the rings around some of them."""
    traces = page.locator("#plot-pareto .trace.scatter")
    return sum(traces.nth(i).locator("path.point").count() for i in range(2))


def selected(page: Any) -> str:
    return str(page.locator("#selected").get_attribute("data-candidate"))


def test_the_plot_has_every_candidate_of_the_store(desk: Any, report: Path) -> None:
    page = desk
    traces = page.locator("#plot-pareto .trace.scatter")
    kept = front_of(report.parent)
    assert traces.nth(1).locator("path.point").count() == len(kept)
    assert traces.nth(0).locator("path.point").count() == 39 - len(kept)
    for axis in ("params", "latency", "after"):
        page.select_option("#axis-x", axis)
        assert traces.nth(1).locator("path.point").count() == len(kept)
        shown = page.evaluate("document.getElementById('plot-pareto').data[1].x")
        run = json.loads(page.locator("#data").text_content())["runs"][0]
        assert shown == [run[axis][i] for i in run["front"]]
    assert page.locator("#plot-hypervolume .trace").count() == 1
    page.select_option("#axis-x", "clean")
    figures = page.evaluate("Object.keys(data.figures)")
    assert figures == ["effects"]
    assert page.locator("#plot-effects .trace.scatter").count() == 1
    page.select_option("#axis-time", "hours")
    assert "hours" in page.locator("#plot-hypervolume").inner_text()


def test_hover_draws_the_graph_and_a_click_selects(desk: Any, report: Path) -> None:
    page = desk
    trials = {t.candidate.id: t for t in Store(report.parent / "run.db").trials()}
    best = page.evaluate("data.runs[0]")
    assert selected(page) == best["id"][best["best"]]
    assert page.locator("#hover").is_hidden()
    for number in range(2):
        x, y = point(page, number)
        page.mouse.move(x, y)
        # The plot answers the mouse some time later: until then the card is that of before.
        under = best["id"][best["front"][number]]
        eventually(page, f"hover.dataset.candidate === {json.dumps(under)}")
        assert page.locator("#hover").is_visible()
        page.mouse.click(x, y)
        eventually(page, f"selected.dataset.candidate === {json.dumps(under)}")
        trial = trials[under]
        assert under in front_of(report.parent)
        for place in ("#hover", "#selected"):
            drawing = page.locator(f"{place} svg.rails")
            ops = [f"{i} · {n.op}" for i, n in enumerate(trial.candidate.genotype.nodes, start=1)]
            assert drawing.locator("text.op").all_text_contents()[1:-1] == ops
        assert trial.score is not None
        assert f"{trial.score.params:,}" in page.locator("#selected").inner_text()
    page.mouse.move(5, 5)
    page.wait_for_selector("#hover", state="hidden")


def test_every_edge_of_a_genotype_is_drawn(desk: Any, report: Path) -> None:
    page = desk
    for trial in [t for t in made_trials(40) if t.score][:12]:
        g = trial.candidate.genotype
        drawn = page.evaluate(
            """id => { const r = data.runs[0];
              return drawDag(decode(data, r.genotype[r.id.indexOf(id)]))
                .querySelectorAll("path").length; }""",
            trial.candidate.id,
        )
        assert drawn == sum(len(set(n.inputs)) for n in g.nodes) + len(g.outputs)


def test_the_keyboard_reaches_every_point_of_the_front(desk: Any, report: Path) -> None:
    page = desk
    page.locator("#stage").focus()
    kept = front_of(report.parent)
    for _ in kept:
        page.keyboard.press("ArrowLeft")
    seen = [selected(page)]
    for _ in range(len(kept) - 1):
        page.keyboard.press("ArrowRight")
        seen.append(selected(page))
    assert set(seen) == kept
    clean = {t.candidate.id: t.score.clean for t in made_trials(40) if t.score}
    assert [clean[i] for i in seen] == sorted(clean[i] for i in seen)
    page.get_by_text("The front as a table").click()
    other = page.locator("table.front button").nth(1)
    other.press("Enter")
    assert selected(page) == other.inner_text()


def test_the_gallery_filters(desk: Any, report: Path) -> None:
    page = desk
    page.locator("#gallery").scroll_into_view_if_needed()

    def shown(**filters: str) -> int:
        for name in ("role", "attack", "kind", "label"):
            page.select_option(f"#filter-{name}", filters.get(name, ""))
        while page.locator("#more").is_visible():
            page.locator("#more").click()
        visible = page.locator(".shot:visible")
        for name, value in filters.items():
            found = visible.evaluate_all("(all, key) => all.map(e => e.dataset[key])", name)
            assert set(found) <= {value}
        count = int(visible.count())
        assert page.locator("#count").inner_text() == f"{count} of {count} texts"
        return count

    assert page.locator(".shot:visible").count() == 8
    assert page.locator("#count").inner_text() == "8 of 18 texts"
    assert shown() == 3 * 18 + 6 + 9
    assert shown(role="reference") == 15
    assert shown(role="best", attack="relatives", kind="flipped") == 6
    assert shown(role="reference", attack="wordnet", kind="skipped") == 2
    assert shown(role="best", attack="wordnet", label=EVIL_LABELS[0]) == 9
    assert shown(kind="survived", label=EVIL_LABELS[1]) == 3 * 3 + 1 + 1
    assert "90.0\u00a0%" in page.locator(".shot:visible .answers").first.inner_text()


def test_hostile_texts_are_shown_as_text(desk: Any, report: Path) -> None:
    page = desk
    text = page.locator("body").inner_text()
    for hostile in (SCRIPT, IMAGE, *EVIL_LABELS):
        assert hostile in text
    assert page.locator("img, iframe, object, embed, base, link").count() == 0
    assert page.locator("script").count() == 3
    # Names of a genotype are checked when a store is read; the drawing trusts them no more.
    drawn = page.evaluate(
        """text => { const svg = drawDag({ embedding: text, width: text, position: text,
          encoding: text, pooling: text, repeat: 2, shared: true,
          nodes: [{ op: text, combine: text, norm: "layer", activation: text, inputs: [0, 0] }] });
        document.body.append(svg);
        return [svg.textContent, svg.querySelectorAll("script, img").length]; }""",
        SCRIPT + IMAGE,
    )
    assert SCRIPT + IMAGE in drawn[0]
    assert drawn[1] == 0
    assert page.evaluate("window.pwned") is None


def test_the_policy_stops_what_became_code(browser: Any, tmp_path: Path) -> None:
    """Even if escaping failed somewhere, the browser would refuse to run it."""
    path = write_report(made_run(tmp_path, finished=False))
    page_text = path.read_text("utf-8").replace("<main>", f"<main>{SCRIPT}{IMAGE[2:]}", 1)
    path.write_text(page_text, "utf-8")
    page = browser.new_context(viewport=DESK).new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(path.as_uri())
    assert page.locator("img").count() == 1
    assert page.evaluate("[window.pwned, data.runs[0].id.length]") == [None, 39]
    assert sum("Content Security Policy" in text for text in refused) >= 2


@pytest.fixture(scope="module")
def compared(
    opened: Opened, report: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Path]:
    """The comparison of that run with another one, and the folder of the other one."""
    other = made_run(tmp_path_factory.mktemp("runs") / "other", trials=made_trials(15, seed=4))
    return opened(write_comparison([report.parent, other])), other


def test_a_comparison_has_both_fronts_and_selects_in_each(
    compared: tuple[Any, Path], report: Path
) -> None:
    page, other = compared
    traces = page.evaluate("document.getElementById('plot-pareto').data.map(t => t.x.length)")
    assert traces[1] == len(front_of(report.parent))
    assert traces[3] == len(front_of(other))
    assert traces[0] + traces[1] == 39
    assert traces[2] + traces[3] == 14
    page.evaluate("select(1, data.runs[1].id[data.runs[1].front[0]])")
    assert "other" in page.locator("#selected h3").inner_text()


def test_no_page_scrolls_sideways(desk: Any, compared: tuple[Any, Path]) -> None:
    for page in (desk, compared[0]):
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        for size in (PHONE, DESK):
            page.set_viewport_size(size)
            eventually(
                page,
                f"document.querySelector('#plot-pareto .main-svg').clientWidth <= {size['width']}",
            )  # the plot follows
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            plot = page.locator("#plot-pareto").bounding_box()
            assert plot["x"] >= 0
            assert plot["x"] + plot["width"] <= size["width"]


def test_print_is_light_and_complete(opened: Opened, report: Path) -> None:
    page = opened(report, color_scheme="dark")
    page.evaluate("""window.addEventListener("beforeprint", () => {
      window.ink = document.getElementById("plot-pareto").layout.font.color; })""")
    before = page.evaluate("document.getElementById('plot-pareto').layout.font.color")
    assert before == "#e8eaec"
    assert page.pdf(format="A4", landscape=True)[:5] == b"%PDF-"
    assert page.evaluate("window.ink") == "#1d2327"
    assert page.evaluate("document.getElementById('plot-pareto').layout.font.color") == before
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print")
    for control in (".controls", "#hover", "#more"):
        assert not any(one.is_visible() for one in page.locator(control).all())
    assert page.locator("#models table").is_visible()
    assert page.locator(".shot:visible").count() == 8


def test_a_page_follows_its_run(opened: Opened, tmp_path: Path) -> None:
    run = Store(made_run(tmp_path / "run", finished=False, trials=[]) / "run.db")
    trials = made_trials(40)
    with served(tmp_path / "run") as server:
        page = opened(server.url)
        assert page.locator("#nothing").is_visible()
        assert page.locator("#plots").is_hidden()
        page.evaluate("window.mark = document.querySelectorAll('script').length")
        run.add_trial(*trials[:12])
        eventually(page, "data.runs[0].id.length === 12")
        assert page.locator("#nothing").is_hidden()
        assert points(page) == 12
        # What the reader chose and opened survives what comes next.
        page.select_option("#axis-x", "params")
        page.get_by_text("The front as a table").click()
        chosen = page.locator("table.front button").last
        name = chosen.inner_text()
        chosen.press("Enter")
        assert selected(page) == name
        run.add_trial(*trials[12:])
        eventually(page, "data.runs[0].id.length === 39")
        assert points(page) == 39
        assert selected(page) == name
        assert page.locator("#axis-x").input_value() == "params"
        assert page.locator("[data-key=front]").get_attribute("open") is not None
        assert "40 candidates have been" in page.locator("header").inner_text()
        x, y = point(page, 0)
        page.mouse.click(x, y)
        assert selected(page) in {t.candidate.id for t in front(trials)}
        # The end of the run brings models, texts and filters; they survive, too.
        finish(run)
        page.wait_for_selector("#gallery", timeout=90_000)
        assert page.locator("#connection").inner_text() == "The run is finished."
        page.select_option("#filter-attack", "relatives")
        page.select_option("#filter-kind", "skipped")
        assert page.locator("#count").inner_text() == "6 of 6 texts"
        before = selected(page)
        best = run.meta().summary.best.id
        run.add_examples(best, "relatives", [replace(run.examples(best, "relatives")[0], index=99)])
        eventually(page, "document.querySelectorAll('.shot').length === 3 * 18 + 15 + 1")
        assert page.locator("#filter-attack").input_value() == "relatives"
        assert page.locator("#count").inner_text() == "6 of 6 texts"
        assert page.locator(".shot:visible").count() == 6
        assert selected(page) == before
        assert page.evaluate("window.mark") == page.locator("script").count()  # never loaded anew
        assert "127.0.0.1" in page.url
        assert server.interrupt() == (130, "")
