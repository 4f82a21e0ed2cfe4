"""The page of a student on a port of this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn

from rosearch.serve.server import guarded, listen
from rosearch.serve.subject import Subject
from rosearch.serve.try_page import POLICY, Tried, make_application


@contextmanager
def running(subject: Subject) -> Iterator[str]:
    """The address of the page of a subject, served by a thread."""
    tried = Tried(subject)
    application = guarded(make_application(tried), "127.0.0.1", POLICY)
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
    with listen("127.0.0.1", 0) as listener:
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            server.should_exit = server.force_exit = True
            thread.join()
            tried.line.close()
