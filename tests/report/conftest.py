"""A headless Chromium for the tests of the pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def missing(reason: str) -> None:
    """A browser that is not there skips a test, but not in continuous integration."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium; the environment variable CHROMIUM names another one."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        missing(
            f"browser tests need one of {', '.join(BROWSERS)} on the PATH, or its path in "
            "CHROMIUM; none was found"
        )
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing('browser tests need playwright: pip install "rosearch[dev]"')
    # Chromium's sandbox refuses to run as root.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=flags)
        yield running
        running.close()
