"""Writing files and folders whole or not at all: a reader never sees half of one."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rosearch.errors import UserError, one_line


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A binary stream whose content becomes the file `path` if the block ends without an error.

    An error, a full disk or a kill leave an earlier file as it was.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        Path(name).chmod(0o644)  # mkstemp lets only the owner read
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def writing_to(folder: Path, what: str) -> Iterator[None]:
    """Make a folder of the cache; the block writes to it, and an error of the disk is one line.

    Args:
        what: names what is written.

    Raises:
        UserError: the disk is full or can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UserError(
            f"cannot write {what} to {folder}: {error.strerror or one_line(error)}; "
            "free some space or set ROSEARCH_CACHE to a folder with more room"
        ) from None


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8; lone surrogates, which UTF-8 does not have, become `?`."""
    with new_file(path) as stream:
        stream.write(text.encode("utf-8", errors="replace"))


@contextmanager
def new_folder(folder: Path, replace: bool = True) -> Iterator[Path]:
    """A path for a new folder, which becomes `folder` if the block ends without an error.

    It stands alone in a temporary folder, whose other content is gone after the block. Until then
    nothing is made at `folder`, not even its parents.

    Args:
        replace: whether a folder that is there already is replaced.

    Raises:
        UserError: nothing can be written there.
    """
    base = next(path for path in folder.absolute().parents if path.is_dir())
    if not os.access(base, os.W_OK):
        raise UserError(f"cannot write {folder}: the folder {base} is not writable")
    with tempfile.TemporaryDirectory(dir=base, prefix=f".{folder.name}.") as scratch:
        made = Path(scratch) / "made"
        yield made
        folder.parent.mkdir(parents=True, exist_ok=True)
        if replace:
            shutil.rmtree(folder, ignore_errors=True)
        os.replace(made, folder)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_hash(folder: Path, suffixes: tuple[str, ...]) -> str:
    """SHA-256 over names and contents of the files of a folder with one of the suffixes."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in suffixes:
            digest.update(path.name.encode())
            digest.update(bytes.fromhex(file_hash(path)))
    return digest.hexdigest()
