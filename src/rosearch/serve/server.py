"""What every served page shares: the address, its headers, and whom it answers."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from rosearch.errors import UserError, require

SECURITY = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# What uvicorn calls, and calls it with (https://asgi.readthedocs.io).
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


def serve(
    application: Application, host: str, port: int, ready: Callable[[str], object] = print
) -> None:
    """Serve a web application until the process is interrupted.

    Args:
        port: 0 takes any free one.
        ready: called with the page's address once it can be opened.

    Raises:
        UserError: the address cannot be used.
        MissingExtra: a package of the extra `report` is not installed.
        KeyboardInterrupt: Ctrl-C.
    """
    uvicorn = require("uvicorn", "report")
    with listen(host, port) as listener:
        config = uvicorn.Config(
            application,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{listener.getsockname()[1]}/")
        uvicorn.Server(config).run(sockets=[listener])


def guarded(application: Application, host: str, policy: str) -> Application:
    """The application behind its headers, for requests that name this server only.

    There is no header that lets pages of other origins read what is answered (CORS).

    Args:
        host: that the server listens on.
        policy: its content security policy.
    """
    headers = {**SECURITY, "Content-Security-Policy": policy}
    refusal = require("starlette.responses", "report").JSONResponse(
        {"error": "unknown host name: open the page by the address that was printed"}, 421
    )

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_encoded(headers)]
            await send(message)

        named = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        chosen = application if host_allowed(named, host) else refusal
        if scope["type"] == "http":  # no page here has a socket
            await chosen(scope, receive, with_headers)

    return answer


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


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
        found = socket.create_server(address[:2], family=family)
        # Connections inherit it. Else the second part of an answer waits for the client to confirm
        # the first, which takes 40 ms; asyncio sets it only where a socket names its protocol.
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise UserError(
            f"cannot listen on {host} port {port} ({reason}); choose another --port, "
            "or --port 0 for any free one"
        ) from None
