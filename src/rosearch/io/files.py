"""Writing files and folders whole or not at all: a reader never sees half of one."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rosearch.errors import DiskError, UserError, system_trouble


@contextmanager
def writing(path: Path, what: str = "") -> Iterator[None]:
    """The block writes to `path`, and an error of the disk there is one line.

    Args:
        what: names what is written, if it is not the path itself.

    Raises:
        DiskError: the disk is full or can't be written.
    """
    try:
        yield
    except Exception as error:
        reason = system_trouble(error)
        if reason is None or (isinstance(error, UserError) and not what):
            raise
        shown = f"{what} to {path}" if what else str(path)
        raise DiskError(f"cannot write {shown}: {reason}; {_advice(path)}") from error


def _advice(path: Path) -> str:
    from rosearch.io.resources import cache_dir

    if path.absolute().is_relative_to(cache_dir()):
        return "free some space or set ROSEARCH_CACHE to a folder with more room"
    return "free some space or choose a folder that can be written"


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A binary stream whose content becomes the file `path` if the block ends without an error.

    Its folder is made. An error, a full disk or a kill leave an earlier file as it was.

    Raises:
        DiskError: the disk is full or can't be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
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
    """Make a folder of the cache; the block writes to it; see `writing`."""
    with writing(folder, what):
        folder.mkdir(parents=True, exist_ok=True)
        yield


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
        DiskError: nothing can be written there, or the disk is full.
        UserError: it is there, made by another process meanwhile, and not to be replaced.
    """
    with writing(folder), _scratch(folder) as scratch:
        made = scratch / "made"
        try:
            yield made
        except DiskError as error:  # of a file in there, by a name that nobody knows
            raise DiskError(str(error).replace(str(made), str(folder))) from error
        folder.parent.mkdir(parents=True, exist_ok=True)
        if replace:
            shutil.rmtree(folder, ignore_errors=True)
        try:
            os.replace(made, folder)  # never onto a folder with content
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            raise UserError(f"{folder} exists; choose another --out") from None


def check_new(folder: Path) -> None:
    """Refuse a folder before the work that is to fill it.

    Raises:
        DiskError: nothing can be written there.
        UserError: it is there already.
    """
    if folder.exists():
        raise UserError(f"{folder} exists; choose another --out")
    with writing(folder), _scratch(folder):
        pass


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder`, or beside the first of its parents that is to be made."""
    base = next(path for path in folder.absolute().parents if path.is_dir())
    refused = f"cannot write {folder}: the folder {base} is not writable; {_advice(folder)}"
    if not os.access(base, os.W_OK):
        raise DiskError(refused)
    try:
        made = tempfile.TemporaryDirectory(dir=base, prefix=f".{folder.name[:100]}.")
    except FileNotFoundError:  # of the kernel, such as /proc
        raise DiskError(refused) from None
    with made as scratch:
        yield Path(scratch)


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
