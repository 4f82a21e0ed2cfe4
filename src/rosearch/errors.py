"""Errors that are the user's to mend, told in one line."""

from __future__ import annotations

import re
from importlib import import_module
from types import ModuleType


class UserError(Exception):
    """Bad input or a missing precondition: the command line prints it as one line and exits 2.

    The message says what came, what is allowed and what to do next.
    """


class MissingExtra(UserError):
    """An optional package that the called feature needs is not installed."""


def require(module: str, extra: str) -> ModuleType:
    """Import an optional `module`, or name the command that installs it.

    Args:
        module: dotted name of the module.
        extra: the extra of this package that brings the module.

    Raises:
        MissingExtra: the module cannot be imported.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"this needs the package {module!r}, which cannot be imported ({one_line(error)}); "
            f'install it with: pip install "rosearch[{extra}]"'
        ) from error


def one_line(error: BaseException, limit: int = 200) -> str:
    """The root cause of `error` in one line of at most `limit` characters, without passwords."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split()) or type(error).__name__
    text = re.sub(r"//[^/@\s]+@", "//", text).rstrip(".")  # without the user part of a URL
    return text if len(text) <= limit else text[: limit - 3] + "..."
