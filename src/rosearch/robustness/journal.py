"""A JSON Lines file of results that an interrupted job goes on with."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import IO

from rosearch.errors import UserError
from rosearch.io.files import writing
from rosearch.types import Json


class Journal:
    """Results of one job, a line each, written as soon as they are there.

    Several jobs (attacks) share a file; each line says whose it is (`job`) and what decided the
    result (`key`). A half-written last line, as a kill leaves it, is cut off.

    Args:
        path: None keeps nothing.
        job: name of the job.
        key: lines of the same job with another key are refused.

    Raises:
        UserError: the file is no journal, or holds results of this job with another key.
    """

    def __init__(self, path: Path | None, job: str, key: str) -> None:
        self.path, self.job, self.key = path, job, key
        self.known: dict[int, Json] = {}
        self._stream: IO[str] | None = None

    def __enter__(self) -> Journal:
        if self.path is not None:
            if self.path.exists():
                self.known = self._read(self.path)
            with writing(self.path):
                self._stream = self.path.open("a", encoding="utf-8")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            self._stream.close()

    def add(self, result: Json) -> None:
        """Write a result; it must have an `index`."""
        if self._stream is not None:
            line = {"job": self.job, "key": self.key, **result}
            # Lone surrogates of odd texts can't be written as UTF-8: escapes can.
            with writing(Path(self._stream.name)):
                self._stream.write(json.dumps(line) + "\n")
                self._stream.flush()

    def _read(self, path: Path) -> dict[int, Json]:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        found: dict[int, Json] = {}
        for number, line in enumerate(whole.splitlines(), start=1):
            result = self._result(line, f"{path}, line {number}")
            if result["job"] == self.job:
                if result["key"] != self.key:
                    raise UserError(
                        f"{path} holds results of {self.job} on another model, other texts or with "
                        "other settings; choose another file or remove it"
                    )
                found[result["index"]] = result
        if len(whole) < len(content):
            with path.open("r+b") as stream:
                stream.truncate(len(whole))
        return found

    def _result(self, line: bytes, where: str) -> Json:
        try:
            result = json.loads(line)
            if isinstance(result["index"], int) and {"job", "key"} <= result.keys():
                return dict(result)
        except (ValueError, KeyError, TypeError):
            pass
        raise UserError(f"{where} is no result of an attack; choose another file")
