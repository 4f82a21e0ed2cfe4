"""The Python of the documentation's pages."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXTENDING = ROOT / "docs" / "extending.md"
BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n)?^```python\n(.*?)^```$", re.M | re.S)


def blocks(page: Path) -> list[str]:
    """The blocks of a page that run."""
    return [code for skipped, code in BLOCK.findall(page.read_text("utf-8")) if not skipped]


def own_parts() -> list[str]:
    """The blocks of the page on extending that register something: together, a plugin."""
    return [block for block in blocks(EXTENDING) if ".register" in block]
