"""The command line: its commands in the order of the help, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from rosearch import __version__
from rosearch.cli.about import about
from rosearch.cli.attack import attack
from rosearch.cli.compare import compare
from rosearch.cli.compress import prune, quantize
from rosearch.cli.console import in_one_line
from rosearch.cli.distill import distill
from rosearch.cli.drift import drift
from rosearch.cli.evaluate import evaluate
from rosearch.cli.export import export
from rosearch.cli.fetch import fetch
from rosearch.cli.options import with_plugins
from rosearch.cli.predict import predict
from rosearch.cli.runs import report, runs
from rosearch.cli.search import resume, search
from rosearch.cli.serving import try_, watch
from rosearch.cli.setting_options import CommandWithNames
from rosearch.cli.show import show
from rosearch.cli.stopping import exit_code, stop_like_ctrl_c
from rosearch.cli.streams import ReaderGone, close_output, open_streams
from rosearch.errors import UserError, one_line, system_trouble

COMMANDS = (
    search, resume, runs, fetch, report, watch, try_, attack, evaluate, export, quantize, prune,
    compare, distill, predict, drift,
    show,
)  # fmt: skip
app = typer.Typer(
    name="rosearch",
    help="Search for small text classifiers that are accurate and robust to adversarial attacks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="With --version: all that a bug report needs.")
    ] = False,
) -> None:
    """Search for small text classifiers that are accurate and robust to adversarial attacks."""
    if version:
        print(f"rosearch {__version__}")
        for line in about() if verbose else ():
            print(line)
        raise typer.Exit
    if verbose:
        raise UserError("--verbose is of --version: rosearch --version --verbose")


for command in COMMANDS:
    app.command(command.__name__.rstrip("_"), cls=CommandWithNames)(with_plugins(command))


def main() -> None:
    """Entry point: no traceback reaches a user."""
    open_streams()
    stop_like_ctrl_c()
    # Set before torch is loaded: OpenMP threads that wait by spinning make it several times slower
    # as soon as another process uses a core (4.5 s against 0.6 s per training step of a teacher).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(exit_code(code_of(app)))


def code_of(command: Callable[[], object]) -> int:
    """The exit code of a command whose errors are told in one line."""
    try:
        code = _code_of(command)
        sys.stdout.flush()
        return code
    except ReaderGone:
        code = 141
    except UserError as error:
        print(f"error: {in_one_line(str(error))}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        code = 130
    except Exception as error:
        code = _told(error)
    close_output()
    return code


def _code_of(command: Callable[[], object]) -> int:
    try:
        command()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _told(error: Exception) -> int:
    """The exit code of an error that no command expects; it is the system's, or ours."""
    if os.environ.get("ROSEARCH_DEBUG"):
        raise error
    if reason := system_trouble(error):
        file = getattr(error, "filename", None)
        told = f"{'' if file is None else f'{file}: '}{reason}"
        print(f"error: {in_one_line(told)}", file=sys.stderr)
        return 2
    print(
        f"internal error: {type(error).__name__}: {one_line(error)}; please report it "
        "(ROSEARCH_DEBUG=1 shows the traceback)",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    main()
