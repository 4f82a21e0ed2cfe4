"""The page of a run on a local port, refreshed while the search goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Protocol

from rosearch.errors import UserError, require
from rosearch.report.page import run_page
from rosearch.report.snapshot import read_snapshot
from rosearch.results.folder import RunFolder
from rosearch.serve.server import Application, guarded, serve

POLICY = "frame-ancestors 'none'"  # the page itself has the rest: hashes of its scripts


class Request(Protocol):
    """Of a request to the server, what is read here."""

    query_params: Mapping[str, str]


class Pages:
    """The pages of one run, made again only when its store has changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = RunFolder(folder).open()
        self.lock = Lock()
        self.made: dict[bool, tuple[str, str]] = {}

    def page(self, plots: bool) -> str:
        """The page; without `plots` it lacks the scripts that a reader has already."""
        with self.lock:  # several readers wait for one page instead of making one each
            version, text = self.made.get(plots, ("", ""))
            if version != self.store.version():
                run = read_snapshot(self.folder)
                text = run_page(run, plots, live=True)
                self.made[plots] = (run.version, text)
        return text


def watch(folder: Path, host: str, port: int, ready: Callable[[str], object] = print) -> None:
    """Serve the page of a run until the process is interrupted; see `serve`.

    Raises:
        UserError: no run there.
    """
    require("uvicorn", "report")
    serve(guarded(make_application(Pages(folder)), host, POLICY), host, port, ready)


def make_application(pages: Pages) -> Application:
    """The web application: `/` is the page, `/now` what a page asks to stay up to date."""
    applications = require("starlette.applications", "report")
    responses = require("starlette.responses", "report")
    routing = require("starlette.routing", "report")

    # Not coroutines: they run in threads, so a large page does not hold up other requests.
    def whole(request: Request) -> object:
        return answer(plots=True)

    def now(request: Request) -> object:
        if request.query_params.get("seen") == pages.store.version():
            return responses.Response(status_code=204)
        return answer(plots=False)

    def answer(plots: bool) -> object:
        try:
            text = pages.page(plots)
        except UserError as error:
            return responses.PlainTextResponse(str(error), 503)
        body = text.encode("utf-8", errors="replace")  # texts may hold lone surrogates
        return responses.HTMLResponse(body)

    routes = [routing.Route("/", whole), routing.Route("/now", now)]
    made: Application = applications.Starlette(routes=routes)
    return made
