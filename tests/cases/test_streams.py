"""Standard streams that are closed, full, of few characters; texts that look like commands."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest

from rosearch.cli.console import print_table, table_of
from rosearch.cli.main import code_of
from rosearch.cli.streams import _Notes, _Output, can_print
from rosearch.errors import DiskError, UserError, system_trouble
from rosearch.executors.base import trial_of
from rosearch.io.console import plain_console
from rosearch.io.files import new_folder, write_text
from rosearch.space.presets import preset
from rosearch.types import Candidate, Job

ODD = "exp[/1] [bold]x :smile:"


def shell(command: str, **env: str) -> subprocess.CompletedProcess[str]:
    program = f'rosearch() {{ {sys.executable} -m rosearch.cli.main "$@"; }}'
    return subprocess.run(
        ["bash", "-c", f"{program}; {command}"],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
    )


def test_a_closed_output_is_no_error_and_a_full_one_is_named():
    done = shell("rosearch attack --list >&-; echo $?; rosearch show lstm1 >/dev/full; echo $?")
    assert done.stdout.split() == ["0", "2"]
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_a_closed_standard_error_does_not_spill_into_the_output():
    assert shell("rosearch runs /nowhere 2>&-; echo $?").stdout == "2\n"


def test_an_output_that_ends_early_is_no_error_of_ours(tmp_path: Path):
    command = "import sys; from rosearch.cli import main;"
    command += "main.app = lambda: print('x' * 10**6);"
    done = shell(
        f'{sys.executable} -c "{command} main.main()" | head -c 1; echo ${{PIPESTATUS[0]}}'
    )
    assert (done.stdout, done.stderr) == ("x141\n", "")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(28, "No space left on device"), 2, "error: No space left on device"),
        (PermissionError(13, "Permission denied", "/x"), 2, "error: /x: Permission denied"),
        (RuntimeError("I/O error: no space (os error 28)"), 2, "error: No space left on device"),
        (UserError("wrong\n\x1b[1mfile"), 2, "error: wrong??[1mfile\n"),
        (KeyboardInterrupt(), 130, "stopped"),
        (ValueError("a fault"), 1, "internal error: ValueError: a fault;"),
        (FileNotFoundError(2, "gone", "/x"), 1, "internal error: FileNotFoundError"),
        (SystemExit(3), 3, ""),
    ],
)
def test_how_commands_end(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch
):
    def command() -> None:
        raise error

    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert code_of(command) == code
    assert capsys.readouterr().err.startswith(said)


def test_a_full_device_is_told_once_and_notes_are_dropped():
    with pytest.raises(UserError, match="cannot write to standard output: No space"):
        _Output("/dev/full", "w").write(b"x")
    assert _Notes("/dev/full", "w").write(b"abc") == 3


def test_characters_that_the_output_lacks(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="cp1252"))
    assert can_print("caf\u00e9") and not can_print("\u2603") and not can_print("\ud800")


def test_brackets_are_no_markup(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    table = table_of([ODD], ["n"], title=ODD, caption=ODD)
    table.add_row(ODD, "1")
    print_table(table)
    assert out.getvalue().count(ODD) == 4
    plain_console().print(ODD)
    assert out.getvalue().count(ODD) == 5


def test_names_are_whole_on_a_narrow_terminal(monkeypatch):
    out = io.StringIO()
    out.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("COLUMNS", "30")
    name = "a-run-with-a-name-of-more-columns-than-there-are"
    table = table_of(["run", "state"], ["best fitness", "started"])
    table.add_row(name, "interrupted", "0.123", "2026-01-01 12:00")
    print_table(table)
    for whole in (name, "interrupted", "2026-01-01", "fitness"):
        assert whole in out.getvalue()
    print_table(table, least=["started", "run"])
    last = out.getvalue().splitlines()[-2]
    assert "interrupted" in last and "2026" not in last and name not in last


def test_a_disk_that_cannot_be_written_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("")
    full = RuntimeError("I/O error: No space left on device (os error 28)")
    with pytest.raises(DiskError, match="No space left"), new_folder(tmp_path / "out"):
        raise full
    with pytest.raises(DiskError, match=r"cannot write .*x{300}: File name too long"):
        write_text(tmp_path / ("x" * 300), "1")

    def write_both() -> None:
        with new_folder(tmp_path / "out") as outer, new_folder(outer):
            raise full

    with pytest.raises(DiskError, match=r"^cannot write \S*out: No space"):
        write_both()
    with pytest.raises(ValueError, match="ours"), new_folder(tmp_path / "out"):
        raise ValueError("ours")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_another_process_made_meanwhile_stays(tmp_path: Path):
    out = tmp_path / "out"

    def make() -> None:
        with new_folder(out, replace=False) as made:
            made.mkdir()
            out.mkdir()
            (out / "theirs").write_text("")

    with pytest.raises(UserError, match="out exists"):
        make()
    assert [path.name for path in out.iterdir()] == ["theirs"]


@pytest.mark.parametrize(
    "error", [DiskError("cannot write x: full"), OSError(28, "No space"), OSError(122, "Quota")]
)
def test_a_full_disk_is_no_failure_of_a_candidate(error: Exception):
    job, future = Job(0, Candidate(0, preset("textcnn"), 0), 0), Future()  # type: ignore[var-annotated]
    future.set_exception(error)
    with pytest.raises(DiskError, match=r"was stopped: .*rosearch resume"):
        trial_of(job, future)


def test_only_errors_of_the_system_are_its_own():
    wrapped = RuntimeError("while saving")
    wrapped.__cause__ = OSError(28, "No space left on device")
    assert system_trouble(wrapped) == "No space left on device"
    assert system_trouble(ValueError("28")) is None
    assert system_trouble(FileNotFoundError(2, "gone")) is None
