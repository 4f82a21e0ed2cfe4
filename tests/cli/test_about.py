"""`rosearch --version --verbose`: what a bug report needs, and nothing of who reports."""

from __future__ import annotations

import getpass
import platform
import re
import socket
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from rosearch import __version__
from rosearch.cli import about as module
from rosearch.cli.main import app
from rosearch.errors import UserError

KEYS = (
    "python", "torch", "transformers", "onnxruntime", "system", "processor", "processor can",
    "cores", "threads", "cuda",
)  # fmt: skip


def told(*args: str) -> str:
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    return done.output


def test_it_tells_versions_and_machine():
    assert told("--version") == f"rosearch {__version__}\n"
    lines = told("--version", "--verbose").splitlines()
    assert told("--verbose", "--version").splitlines() == lines
    found = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0] == f"rosearch {__version__}" and set(KEYS) <= found.keys()
    assert found["python"].endswith(platform.python_version())
    assert found["torch"] == torch.__version__
    assert found["threads"].startswith(f"{torch.get_num_threads()} ")


def test_it_tells_nothing_of_who_reports():
    text = told("--version", "--verbose")
    for private in (str(Path.home()), str(Path.cwd()), socket.gethostname()):
        assert private not in text
    assert not re.search(rf"\b{getpass.getuser()}\b", text)
    assert "/" not in text.replace("N/A", "")


def test_a_processor_that_tells_nothing_is_unknown(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "CPUINFO", tmp_path / "none")
    assert "processor can: nothing that is known" in list(module.about())
    (tmp_path / "some").write_text("model name\t: Some CPU\nflags\t\t: fpu avx2 avx_vnni\n")
    monkeypatch.setattr(module, "CPUINFO", tmp_path / "some")
    lines = list(module.about())
    assert "processor: Some CPU" in lines and "processor can: avx2 avx_vnni" in lines


def test_verbose_alone_says_what_it_is_of():
    with pytest.raises(UserError, match="rosearch --version --verbose"):
        CliRunner().invoke(app, ["--verbose"], catch_exceptions=False)
