"""`rosearch watch` and `try`: pages that are served until Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from rosearch.cli.console import printable
from rosearch.cli.options import RunPath

if TYPE_CHECKING:
    from collections.abc import Iterator

Host = Annotated[
    str, typer.Option(help="Address to listen on; others than the default are seen by others.")
]


def watch(
    run: RunPath,
    port: Annotated[int, typer.Option(help="0 takes any free one.", min=0, max=65535)] = 8421,
    host: Host = "127.0.0.1",
    open_it: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Serve the report of a run, refreshed while the search goes on. Ctrl-C ends it."""
    from rosearch.serve.watch import watch as serve

    with _until_stopped():
        serve(run, host, port, _ready(open_it))


def try_(
    model: Annotated[
        str,
        typer.Argument(
            help="A finished run, one of its students, or any classifier: a folder or a hub id.",
            metavar="RUN|RUN:ID|MODEL",
        ),
    ],
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Folder or hub id of a fine-tuned teacher.",
            metavar="MODEL",
            show_default="that of the run, if it is in the cache",
        ),
    ] = None,
    pairs: Annotated[
        bool,
        typer.Option("--pairs", help="The model takes pairs of texts; of a run that is known."),
    ] = False,
    port: Annotated[int, typer.Option(help="0 takes any free one.", min=0, max=65535)] = 8422,
    host: Host = "127.0.0.1",
    open_it: Annotated[bool, typer.Option("--open/--no-open", help="Open it in a browser.")] = True,
) -> None:
    """Try a student on a page: type a text, see which words carry the answer, attack it.

    The teacher answers beside it. Ctrl-C ends it.
    """
    from rosearch.serve.try_page import try_out

    def note(line: str) -> None:
        print(printable(line), file=sys.stderr)

    with _until_stopped():
        try_out(model, teacher, pairs, host, port, _ready(open_it), note)


def _ready(open_it: bool) -> Callable[[str], None]:
    def ready(address: str) -> None:
        print(f"{address} (Ctrl-C ends)", flush=True)
        if open_it:
            typer.launch(address)

    return ready


@contextmanager
def _until_stopped() -> Iterator[None]:
    """Ctrl-C, which is how a server is meant to end, says nothing."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
