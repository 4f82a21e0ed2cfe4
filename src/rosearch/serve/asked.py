"""What a page asks: read within limits, refused in one line, answered one after the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from rosearch.tasks.words import Words, segment

T = TypeVar("T")
Thread = Literal["student", "teacher", "certain"]
MOST_CHARACTERS = 10_000  # of a text, or of each of a pair
MOST_BYTES = 250_000  # of a request; JSON may write a character in up to twelve
MOST_SWALLOWED = 20_000_000  # bytes of a request that is refused
MOST_WAITING = 32


class Refused(Exception):
    """A request that is not answered: the HTTP status, and why in one line."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Request(Protocol):
    """Of a request to the server, what is read here."""

    headers: Mapping[str, str]

    def stream(self) -> AsyncIterator[bytes]:
        """The body, as it comes."""
        ...


@dataclass(frozen=True)
class Asked:
    """A text, or a pair, and the name of an attack where one is wanted."""

    text: Words
    attack: str = ""


class Line:
    """Requests wait in line for a thread; it is short, so that nobody waits long.

    Attributes:
        threads: of what is asked at every key, of the teacher, and of what takes longer, so that
            neither holds up the student's answers.
        stopped: whether work that takes long should end.
    """

    def __init__(self) -> None:
        self.threads: dict[Thread, ThreadPoolExecutor] = {
            name: ThreadPoolExecutor(1) for name in ("student", "teacher", "certain")
        }
        self.waiting = 0
        self.stopped = False

    @property
    def full(self) -> bool:
        """Whether there is no place left."""
        return self.waiting >= MOST_WAITING

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place in the line, taken before the body is read: so memory is bounded, too."""
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    async def run(self, work: Callable[[Asked], T], asked: Asked, thread: Thread) -> T:
        """What some work gives, in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self.threads[thread], work, asked)

    def close(self) -> None:
        """End what is under way, and answer nothing more."""
        self.stopped = True
        for thread in self.threads.values():
            thread.shutdown(wait=False, cancel_futures=True)


async def read_body(request: Request, most: int = MOST_BYTES) -> bytes | None:
    """The body of a request; None if it has more than `most` bytes.

    The rest is read all the same, for who still sends sees no answer; but it is not kept.
    """
    kept, size = bytearray(), 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_SWALLOWED:
            break
        if size <= most:
            kept += part
        else:
            kept.clear()
    return bytes(kept) if size <= most else None


def check_kind(kind: str) -> None:
    """Refuse other content types than JSON, which pages of other origins cannot send.

    Raises:
        Refused: naming it.
    """
    found = kind.partition(";")[0].strip().lower()
    if found != "application/json":
        raise Refused(415, f"the content type is {found or 'missing'!r:.60}, not application/json")


def asked_in(body: bytes | None, pairs: bool) -> Asked:
    """What a body asks: `{"text": "..."}`, of pairs with `text_pair`, for attacks with `attack`.

    Raises:
        Refused: it is too large, of another form, or a text is empty or too long.
    """
    if body is None:
        raise Refused(
            413, f"the request is too large; at most {MOST_CHARACTERS:,} characters can be tried"
        )
    form = '{"text": "...", "text_pair": "..."}' if pairs else '{"text": "..."}'
    try:
        found = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Refused(400, f"the request is no JSON in UTF-8; send {form}") from None
    keys = ("text", "text_pair") if pairs else ("text",)
    values = [found.get(key) for key in keys] if isinstance(found, dict) else []
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) != len(keys):
        raise Refused(400, f"the request is not of the form {form}")
    for text in texts:
        _check(text)
    attack = found.get("attack", "")
    words = segment((texts[0], texts[1]) if pairs else texts[0])
    return Asked(words, attack if isinstance(attack, str) else "")


def _check(text: str) -> None:
    if not text.strip():
        raise Refused(422, "the text is empty; write or paste one")
    if len(text) > MOST_CHARACTERS:
        raise Refused(
            413, f"the text has {len(text):,} characters; at most {MOST_CHARACTERS:,} can be tried"
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused(422, "the text is no Unicode: it has half of a surrogate pair") from None
