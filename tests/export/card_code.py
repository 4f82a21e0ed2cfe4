"""The code of a model card, as a test runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from rosearch.export.bundle import ExportReport

BLOCKED = (
    "import sys\nfor name in ('rosearch', 'torch', 'transformers'):\n    sys.modules[name] = None\n"
)


def snippet(folder: Path) -> str:
    """The Python code of a folder's card."""
    card = (folder / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert found
    return found[1]


def printed_logits(report: ExportReport) -> list[list[float]]:
    """What the code of an ONNX card prints of each of its texts, without rosearch and torch."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", BLOCKED + snippet(report.out)],
        cwd=report.out, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert all(line.split()[0] in ("negative", "positive") for line in lines)
    return [[float(x) for x in re.findall(r"-?\d+\.\d*(?:e-?\d+)?", line)] for line in lines]
