"""Errors that are the user's to mend, told in one line."""

from __future__ import annotations

import errno
import os
import re
from importlib import import_module
from types import ModuleType


class UserError(Exception):
    """Bad input or a missing precondition: the command line prints it as one line and exits 2.

    The message says what came, what is allowed and what to do next.
    """


class DiskError(UserError):
    """What is to be written cannot be: a full disk, a quota, a folder that is read-only."""


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


# Errors of the system that are no fault of a program: disks, permissions, limits of a process.
_SYSTEM = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO,
    errno.ENAMETOOLONG, errno.EMFILE, errno.ENFILE, errno.ELOOP, errno.EEXIST, errno.ENOTDIR,
)  # fmt: skip


def system_trouble(error: BaseException | None) -> str | None:
    """What the system, a full disk for instance, has to do with an error; None if nothing.

    Libraries in other languages (safetensors, tokenizers) and errors that came from another process
    carry the system's number in their text.
    """
    while error is not None:
        told = re.search(r"(?:os error |\[Errno )(\d+)", str(error))
        number = error.errno if isinstance(error, OSError) else None
        number = number or (int(told.group(1)) if told else None)
        if number in _SYSTEM:
            return os.strerror(number)
        error = error.__cause__
    return None


def one_line(error: BaseException, limit: int = 200) -> str:
    """The root cause of `error` in one line of at most `limit` characters, without passwords."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split()) or type(error).__name__
    text = re.sub(r"//[^/@\s]+@", "//", text).rstrip(".")  # without the user part of a URL
    return text if len(text) <= limit else text[: limit - 3] + "..."
