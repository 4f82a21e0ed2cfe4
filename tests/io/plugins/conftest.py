from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rosearch.io.plugins import loading


@pytest.fixture
def plugin_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The current directory for one test; modules and paths are as they were afterwards."""
    monkeypatch.setattr(loading, "_loaded", {})
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
