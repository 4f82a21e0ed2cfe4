"""Options of the commands that evaluate candidates: where, and within which limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer


@dataclass(frozen=True)
class ExecutorOptions:
    """Where evaluations run."""

    executor: Annotated[
        str, typer.Option(help="local (processes on this machine), ray or in-process.")
    ] = "local"
    workers: Annotated[
        int | None,
        typer.Option(
            help="Worker processes, one thread each.",
            min=1,
            max=1024,
            show_default="2; with Ray: all that fit",
        ),
    ] = None
    address: Annotated[
        str | None,
        typer.Option(
            help="Ray cluster: auto, HOST:PORT or ray://HOST:PORT.",
            show_default="starts one on this machine",
        ),
    ] = None
    per_device: Annotated[
        int | None,
        typer.Option(help="Ray: workers that share one accelerator.", min=1, show_default="none"),
    ] = None
    task_minutes: Annotated[
        float, typer.Option(help="Longest time of one evaluation; 0 means no limit.", min=0)
    ] = 60.0
    memory: Annotated[
        float | None,
        typer.Option(
            help="Most resident memory of one worker.",
            metavar="GB",
            min=0.1,
            show_default="no limit",
        ),
    ] = None
    recycle: Annotated[
        int, typer.Option(help="Evaluations after which a worker is replaced.", min=1)
    ] = 100

    def settings(self) -> dict[str, Any]:
        """The arguments of `rosearch.executors.make_executor` besides the context.

        Raises:
            UserError: no such executor, or a limit that nothing could keep.
        """
        from rosearch.executors import check_executor
        from rosearch.executors.faults import Limits

        check_executor(self.executor, self.address, self.per_device)
        return {
            "name": self.executor,
            "workers": self.workers,
            "limits": Limits(self.task_minutes * 60 or None, self.memory, self.recycle),
            "address": self.address,
            "per_device": self.per_device,
        }

    def maker(self) -> Callable[[Any, int], Any]:
        """What `rosearch.run.lifecycle.search` makes its executor with; see `settings`."""
        from rosearch.executors import make_executor

        settings = self.settings()
        return lambda context, _workers: make_executor(context=context, **settings)
