"""The page of a run on a local port, refreshed while the search goes on."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Protocol
from urllib.parse import urlsplit

from rosearch.errors import UserError, require
from rosearch.report.page import run_page
from rosearch.report.snapshot import read_snapshot
from rosearch.results.folder import RunFolder

SECURITY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Request(Protocol):
    """Of a request to the server, what is read here."""

    headers: Mapping[str, str]
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
    """Serve the page of a run until the process is interrupted.

    Args:
        port: 0 takes any free one.
        ready: called with the page's address once it can be opened.

    Raises:
        UserError: no run there, or the address cannot be used.
        MissingExtra: a package of the extra `report` is not installed.
        KeyboardInterrupt: Ctrl-C.
    """
    uvicorn = require("uvicorn", "report")
    application = make_application(Pages(folder), host)
    with listen(host, port) as listener:
        config = uvicorn.Config(
            application,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{listener.getsockname()[1]}/")
        uvicorn.Server(config).run(sockets=[listener])


def make_application(pages: Pages, host: str) -> object:
    """The web application: `/` is the page, `/now` what a page asks to stay up to date."""
    applications = require("starlette.applications", "report")
    responses = require("starlette.responses", "report")
    routing = require("starlette.routing", "report")

    # Not coroutines: they run in threads, so a large page does not hold up other requests.
    def whole(request: Request) -> object:
        return answer(request, plots=True)

    def now(request: Request) -> object:
        if request.query_params.get("seen") == pages.store.version():
            return responses.Response(status_code=204, headers=SECURITY)
        return answer(request, plots=False)

    def answer(request: Request, plots: bool) -> object:
        if not host_allowed(request.headers.get("host", ""), host):
            return responses.PlainTextResponse("unknown host name", 421, SECURITY)
        try:
            text = pages.page(plots)
        except UserError as error:
            return responses.PlainTextResponse(str(error), 503, SECURITY)
        body = text.encode("utf-8", errors="replace")  # texts may hold lone surrogates
        return responses.HTMLResponse(body, headers=SECURITY)

    return applications.Starlette(routes=[routing.Route("/", whole), routing.Route("/now", now)])


def host_allowed(header: str, host: str) -> bool:
    """Whether a request names this server by an address, or by a name that is its own.

    A page on the web can let its own name point to 127.0.0.1 and so have a browser read from here
    (DNS rebinding); its name is then in the header.
    """
    try:
        name = urlsplit(f"//{header}").hostname or ""
        if name in {"localhost", host.lower(), socket.gethostname().lower()}:
            return True
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        UserError: the address cannot be used.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise UserError(
            f"cannot listen on {host} port {port} ({reason}); choose another --port, "
            "or --port 0 for any free one"
        ) from None
