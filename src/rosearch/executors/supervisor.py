"""The part of the Ray executor that runs on the machines of the cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar, runtime_checkable

from rosearch.executors.faults import WorkerLost
from rosearch.executors.worker import Spool, Worker, failure, outcome

R = TypeVar("R")
Files = dict[str, bytes]  # relative path -> content


@runtime_checkable
class HasFolder(Protocol):
    """A task's argument, a dataclass, whose folder is read or made by the task."""

    folder: Path


class Supervisor:
    """A Ray actor that owns one worker process of the local kind, and so keeps its limits.

    The actor itself does no work: a candidate that dies, hangs or needs too much memory takes the
    process below it and leaves a reason.
    """

    def __init__(
        self, context: list[object], gigabytes: float | None, plugins: Sequence[str] = ()
    ) -> None:
        import ray

        self.worker = Worker(Spool(ray.get(context[0]), plugins), gigabytes)

    def start(self) -> bytes:
        """The packed outcome of starting the worker process."""
        return outcome(self.worker.start)

    def run(self, task: bytes, seconds: float | None) -> bytes:
        """The packed outcome of a pickled task."""
        try:
            return self.worker.exchange(task, seconds)
        except WorkerLost as error:
            return failure(error)


def packed_folders(args: tuple[object, ...]) -> dict[int, Files | None]:
    """Content of the folders of arguments by position; None for one that is still to be made."""
    return {i: read_files(a.folder) for i, a in enumerate(args) if isinstance(a, HasFolder)}


def run_elsewhere(
    function: Callable[..., R],
    args: tuple[object, ...],
    folders: Mapping[int, Files | None],
    context: object,
) -> tuple[R, dict[int, Files]]:
    """`function(*args, context)` where the folders of its arguments are copies on this machine.

    Returns:
        Its result, and the content of the folders that it made.
    """
    with TemporaryDirectory() as scratch:
        here = list(args)
        for i, files in folders.items():
            folder = Path(scratch) / str(i)
            here[i] = replace(args[i], folder=folder)  # type: ignore[type-var]
            if files is not None:
                write_files(files, folder)
        result = function(*here, context)
        new = (i for i, files in folders.items() if files is None)
        made = {i: read_files(Path(scratch) / str(i)) for i in new}
    return result, {i: files for i, files in made.items() if files is not None}


def read_files(folder: Path) -> Files | None:
    """All files of a folder; None if there is no folder."""
    if not folder.is_dir():
        return None
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def write_files(files: Files, folder: Path) -> None:
    """The inverse of `read_files`."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
