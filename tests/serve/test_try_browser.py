"""The page of `rosearch try` in a real browser: it reacts, and no text becomes code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from made_runs import EVIL_LABELS, IMAGE, SCRIPT
from tried import running

from rosearch.serve.subject import Example, Subject

pytestmark = pytest.mark.browser
EVIL_TEXT = f"a gor geous film {SCRIPT} {IMAGE} film"


@pytest.fixture(scope="module")
def address(voting) -> Iterator[str]:
    """Of a page whose labels, names, notes and examples are hostile."""
    labels = tuple(EVIL_LABELS)
    examples = tuple(
        Example(f"{EVIL_TEXT} {i}", None, labels[i % 2], (SCRIPT,) if i > 2 else (), ("wordnet",))
        for i in range(5)
    )
    student, teacher = voting(labels, reads=True), voting(labels)
    notes = (f"no teacher: {IMAGE}",)
    with running(Subject(IMAGE, student, SCRIPT, teacher, False, examples, {}, notes)) as url:
        yield url


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Any]:
    """Opens the page; nothing may be complained about or loaded from elsewhere."""
    complaints: list[str] = []

    def dialog(one: Any) -> None:
        complaints.append(one.message)
        one.dismiss()

    def open_page(width: int = 1100, url: str = address) -> Any:
        page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", dialog)
        page.on("request", lambda r: r.url.startswith((url, "data:")) or complaints.append(r.url))
        page.goto(url)
        return page

    yield open_page
    for context in browser.contexts:
        context.close()
    assert complaints == []


def eventually(page: Any, condition: str) -> None:
    """Waits until an expression is true; the page's policy forbids Playwright's own waiting."""
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {condition}")


def text_of(page: Any, place: str) -> str:
    return str(page.locator(place).inner_text())


def test_hostile_texts_are_answered_and_stay_text(opened: Any) -> None:
    page = opened()
    page.fill("#text", EVIL_TEXT)
    eventually(page, "!document.getElementById('carried').hidden")
    assert text_of(page, "#weighed").startswith("a gorgeous film <script>")
    eventually(page, "!document.getElementById('certain').textContent.includes('Working')")
    assert text_of(page, "#certain").startswith(("No", "However"))
    assert "gor geous \u2192 gorgeous" in text_of(page, "#read-as")
    for side in ("#student", "#teacher"):
        assert all(label in text_of(page, side) for label in EVIL_LABELS)
    page.select_option("#example-kind", f"fell:{SCRIPT}")
    page.click("#example")
    assert page.input_value("#text") == f"{EVIL_TEXT} 3"
    assert EVIL_LABELS[1] in text_of(page, "#example-told")
    page.select_option("#attack", "characters")
    page.click("#go")
    eventually(page, "!document.getElementById('outcome').hidden")
    shown = page.evaluate("document.body.textContent")
    assert SCRIPT in shown and IMAGE in shown
    assert page.evaluate("[window.pwned, document.querySelectorAll('img, b').length]") == [None, 0]


def test_everything_is_reached_by_keyboard(opened: Any) -> None:
    page = opened()
    page.focus("#text")
    page.keyboard.type("a dull film, hardly worth seeing")
    eventually(page, "!document.getElementById('attacking').hidden")
    page.select_option("#attack", "characters")
    page.focus("#text")
    page.keyboard.press("Control+Enter")
    eventually(page, "!document.getElementById('outcome').hidden")
    assert text_of(page, "#verdict").startswith(("Fooled", "Held"))
    steps = page.locator("#steps button")
    assert steps.nth(steps.count() - 1).get_attribute("aria-pressed") == "true"
    assert page.locator("#changed ins").count() == steps.count() - 1 > 0
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.querySelector('#steps button')"):
            break
    page.keyboard.press("Enter")
    assert text_of(page, "#changed") == "a dull film, hardly worth seeing"
    steps.nth(1).press("Enter")
    page.press("#take", "Enter")
    assert page.input_value("#text") != "a dull film, hardly worth seeing"
    page.fill("#text", "")
    assert text_of(page, "#student") == "No text yet."
    assert page.locator("#attacking").is_hidden()


def test_the_page_fits_a_phone_and_says_what_is_too_long(opened: Any) -> None:
    page = opened(390)
    page.fill("#text", "word" * 5_000)
    eventually(page, "!document.getElementById('trouble').hidden")
    assert "20,000 characters" in text_of(page, "#trouble")
    page.fill("#text", "unbreakable" * 40)
    eventually(page, "!document.getElementById('carried').hidden")
    assert page.locator("#trouble").is_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_policy_refuses_what_became_code(browser: Any, address: str) -> None:
    page = browser.new_context().new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(address)
    page.evaluate(
        """text => { document.body.insertAdjacentHTML("beforeend", text);
        const script = document.createElement("script"); script.textContent = "window.pwned = 3";
        document.body.append(script); }""",
        IMAGE[2:] + '<p style="color: red">',
    )
    page.wait_for_timeout(100)
    assert page.evaluate("window.pwned") is None
    assert len(refused) >= 3  # the handler, the script, the style
