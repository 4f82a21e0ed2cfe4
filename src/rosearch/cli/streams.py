"""Standard streams that can be used whatever stands behind them: nothing, a full disk, `head`."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from rosearch.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Buffer


class ReaderGone(Exception):
    """Who read our output went away, as `head` does. No OSError, which click ends with 1."""


class _Output(io.FileIO):
    """Standard output, whose errors say what could not be written."""

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise ReaderGone from None
        except OSError as error:
            raise UserError(f"cannot write to standard output: {error.strerror}") from None


class _Notes(io.FileIO):
    """Standard error: work is not lost over a note that nobody can read."""

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def open_streams() -> None:
    """Replace the standard streams, closed ones by the null device.

    Characters that their encoding lacks become `?` on a terminal and escapes elsewhere.
    """
    for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)):
        if stream is None and not _is_open(number):
            # The lowest free number is the next one that is opened.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - as long as the process
    sys.stdout = _replaced(sys.stdout, _Output)
    sys.stderr = _replaced(sys.stderr, _Notes)


def close_output() -> None:
    """Let go of what is not written: the interpreter would complain of it at its end."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process


def can_print(text: str) -> bool:
    """Whether standard output has all characters of a text."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _replaced(stream: TextIO | None, kind: type[io.FileIO]) -> TextIO:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    if stream not in (sys.__stdout__, sys.__stderr__) or not isinstance(stream, io.TextIOWrapper):
        return stream  # of a program that calls us
    stream.flush()
    raw = kind(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors="replace" if stream.isatty() else "backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
