"""Executors: where evaluations run. One Protocol, one behaviour suite.

To add an executor, add a file here and a line to `EXECUTORS`.
"""

from __future__ import annotations

from rosearch.executors.base import Evaluate, Executor, ExecutorSettings, NamedExecutor, evaluate
from rosearch.executors.faults import Limits
from rosearch.io.plugins import Registry

__all__ = [
    "EXECUTORS",
    "Executor",
    "ExecutorSettings",
    "Limits",
    "NamedExecutor",
    "check_executor",
    "make_executor",
]

EXECUTORS: Registry[NamedExecutor] = Registry(
    "executor",
    {
        "local": "rosearch.executors.local:LOCAL",
        "ray": "rosearch.executors.ray_pool:RAY",
        "in-process": "rosearch.executors.local:IN_PROCESS",
    },
)


def make_executor(
    name: str,
    context: object,
    workers: int | None = None,
    limits: Limits | None = None,
    evaluate: Evaluate = evaluate,
    address: str | None = None,
    per_device: int | None = None,
) -> Executor:
    """An executor by name; the settings are those of `ExecutorSettings`.

    Raises:
        UserError: no such executor, or an option that it does not have.
    """
    settings = ExecutorSettings(workers, limits, evaluate, address, per_device)
    EXECUTORS[name].check(name, settings)
    return EXECUTORS[name].make(context, settings)


def check_executor(name: str, address: str | None = None, per_device: int | None = None) -> None:
    """Refuse what no executor can do, before any work is done.

    Raises:
        UserError: no such executor, or an option that it does not have.
        MissingExtra: Ray is not installed.
    """
    EXECUTORS[name].check(name, ExecutorSettings(address=address, per_device=per_device))
